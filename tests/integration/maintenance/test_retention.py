"""Deleting what is past its time, over a table of the user's own."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.maintenance.conftest import Ask
from tests.runs import MakeRun, take_over
from tickover.database import Database
from tickover.errors import LeaseLostError
from tickover.maintenance.retention import Retention

DAY = timedelta(days=1)
ADD = """
INSERT INTO shop."Parcel; x" (code, "the state", moved, owner, kind)
SELECT %(prefix)s || n, 'gone', now() - %(age)s::interval, %(owner)s, %(kind)s FROM generate_series(1, %(count)s) n
"""
CODES = 'SELECT code FROM shop."Parcel; x" ORDER BY code'


def retention(**changes: Any) -> Retention:
    """Parcels are kept for ten days, and deleted three at a time."""
    whole: dict[str, Any] = {
        "table": "shop.Parcel; x",
        "since": "moved",
        "keep": 10 * DAY,
        "key": "code",
        "client": "owner",
        "batch": 3,
    }
    return Retention(**(whole | changes))


async def add(ask: Ask, prefix: str, count: int, age: timedelta | None, owner: str = "a", kind: str = "plain") -> None:
    """Parcels that moved so long ago, or never."""
    await ask(ADD, {"prefix": prefix, "count": count, "age": age, "owner": owner, "kind": kind})


async def codes(ask: Ask) -> list[str]:
    """The parcels that are left."""
    return [row["code"] for row in await ask(CODES)]


async def test_what_is_past_its_time_goes_batch_by_batch(ask: Ask, make_run: MakeRun) -> None:
    """All of the old, none of the young, none without a time; what hangs on a row goes with it."""
    await add(ask, "old", 7, 11 * DAY)
    await add(ask, "young", 2, 9 * DAY)
    await add(ask, "timeless", 2, None)
    await ask("INSERT INTO shop.receipt VALUES ('old1'), ('young1')")
    summary = await retention()(await make_run())
    assert (summary.looked_at, summary.changed, summary.left, summary.error) == (7, 7, 0, None)
    assert await codes(ask) == ["timeless1", "timeless2", "young1", "young2"]
    assert await ask("SELECT parcel FROM shop.receipt") == [{"parcel": "young1"}]


async def test_a_second_run_finds_nothing(ask: Ask, make_run: MakeRun) -> None:
    """Pruning twice is pruning once."""
    await add(ask, "old", 4, 11 * DAY)
    await retention()(await make_run())
    again = await retention()(await make_run())
    assert (again.looked_at, again.changed, again.left, again.error) == (0, 0, 0, None)


async def test_i10_a_run_deletes_at_most_its_limit_and_says_what_is_left(ask: Ask, make_run: MakeRun) -> None:
    """The oldest go first; a limit that is no multiple of the batch is kept exactly."""
    await add(ask, "old", 5, 11 * DAY)
    await add(ask, "older", 5, 12 * DAY)
    summary = await retention(limit=5)(await make_run())
    assert (summary.changed, summary.left) == (5, 5)
    assert await codes(ask) == [f"old{n}" for n in range(1, 6)]


async def test_a_run_of_one_client_leaves_the_others_alone(ask: Ask, make_run: MakeRun) -> None:
    """And its summary speaks of that client only."""
    await add(ask, "mine", 2, 11 * DAY, owner="a")
    await add(ask, "theirs", 3, 11 * DAY, owner="b")
    summary = await retention()(await make_run(client_id="a"))
    assert (summary.looked_at, summary.changed, summary.left) == (2, 2, 0)
    assert await codes(ask) == ["theirs1", "theirs2", "theirs3"]


async def test_only_rows_with_the_named_values_go(ask: Ask, make_run: MakeRun) -> None:
    """A value is a parameter, whatever stands in it."""
    await add(ask, "a", 2, 11 * DAY, kind="' OR true --")
    await add(ask, "b", 2, 11 * DAY)
    await retention(only={"kind": "' OR true --", "owner": "a"})(await make_run())
    assert await codes(ask) == ["b1", "b2"]


async def test_i9_a_dry_run_counts_and_changes_nothing(ask: Ask, make_run: MakeRun) -> None:
    """What is due is looked at and left."""
    await add(ask, "old", 4, 11 * DAY)
    summary = await retention()(await make_run(dry=True))
    assert (summary.looked_at, summary.changed, summary.left) == (4, 0, 4)
    assert len(await codes(ask)) == 4


async def test_i10_a_run_whose_time_is_over_starts_no_batch(ask: Ask, make_run: MakeRun) -> None:
    """It counts what is left, and returns."""
    await add(ask, "old", 4, 11 * DAY)
    summary = await retention()(await make_run(seconds=0))
    assert (summary.changed, summary.left) == (0, 4)


async def test_i10_a_run_stops_between_batches_when_its_time_ends(ask: Ask, make_run: MakeRun) -> None:
    """The clock jumps after the first batch began; the batch is committed, and no other begins."""
    await add(ask, "old", 7, 11 * DAY)
    times = iter([0.0, 0.0, 0.0])  # made, and asked before the table and before its first batch
    summary = await retention()(await make_run(seconds=1, now=lambda: next(times, 5.0)))
    assert (summary.changed, summary.left) == (3, 4)


async def test_i3_who_lost_the_lease_deletes_nothing(database: Database, ask: Ask, make_run: MakeRun) -> None:
    """The first batch is refused."""
    await add(ask, "old", 4, 11 * DAY)
    run = await make_run()
    await take_over(database, run)
    with pytest.raises(LeaseLostError):
        await retention()(run)
    assert len(await codes(ask)) == 4


async def test_a_row_in_use_is_left_and_stops_nobody(database: Database, ask: Ask, make_run: MakeRun) -> None:
    """A row that a transaction has locked is skipped; the next run takes it."""
    await add(ask, "old", 4, 11 * DAY)
    async with database.transaction() as connection:
        await connection.execute('SELECT FROM shop."Parcel; x" WHERE code = %s FOR UPDATE', ("old2",))
        async with asyncio.timeout(30):
            summary = await retention()(await make_run())
        assert (summary.changed, summary.left) == (3, 1)
    assert (await retention()(await make_run())).changed == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ages=st.lists(st.none() | st.integers(-20, 40), max_size=12), batch=st.integers(1, 5), keep=st.integers(0, 20))
async def test_exactly_what_is_due_goes(
    ask: Ask, make_run: MakeRun, ages: list[int | None], batch: int, keep: int
) -> None:
    """Whatever the ages and the size of a batch: older than kept goes, everything else stays."""
    await ask('DELETE FROM shop."Parcel; x"')
    for place, age in enumerate(ages):
        hours = None if age is None else timedelta(hours=24 * age + 1)
        await add(ask, f"{place}-", 1, hours)
    summary = await retention(keep=keep * DAY, batch=batch)(await make_run())
    stay = sorted(f"{place}-1" for place, age in enumerate(ages) if age is None or age < keep)
    assert await codes(ask) == stay
    assert summary.changed == len(ages) - len(stay)
