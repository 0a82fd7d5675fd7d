"""Taking up again what got stuck, over a table of the user's own."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.maintenance.conftest import Ask
from tests.runs import MakeRun, take_over
from tickover.database import Database
from tickover.errors import LeaseLostError
from tickover.maintenance.recovery import Evidence, StaleRecovery

ADD = """
INSERT INTO shop."Parcel; x" (code, "the state", moved, owner)
SELECT code, %(state)s, now() - make_interval(mins => %(minutes)s), %(owner)s FROM unnest(%(codes)s::text[]) code
"""
STATES = 'SELECT code, "the state"::text AS state FROM shop."Parcel; x" ORDER BY code'


def recovery(**changes: Any) -> StaleRecovery:
    """Parcels that have been leaving for ten minutes: gone where there is a receipt, else packed."""
    whole: dict[str, Any] = {
        "table": "shop.Parcel; x",
        "stuck": "leaving",
        "after": timedelta(minutes=10),
        "evidence": Evidence("shop.receipt", "parcel"),
        "done": "gone",
        "undone": "packed",
        "undone_as": "without_receipt",
        "state": "the state",
        "since": "moved",
        "key": "code",
        "client": "owner",
        "batch": 2,
    }
    return StaleRecovery(**(whole | changes))


async def add(ask: Ask, *codes: str, state: str = "leaving", minutes: int = 11, owner: str = "a") -> None:
    """Parcels in a state since so many minutes."""
    await ask(ADD, {"codes": list(codes), "state": state, "minutes": minutes, "owner": owner})


async def states(ask: Ask) -> dict[str, str]:
    """The state of every parcel."""
    return {row["code"]: row["state"] for row in await ask(STATES)}


async def test_the_evidence_decides(ask: Ask, make_run: MakeRun) -> None:
    """With evidence a row moves on, without it goes back, and these are counted apart."""
    await add(ask, "p1", "p2", "p3", "p4", "p5")
    await ask("INSERT INTO shop.receipt VALUES ('p2'), ('p2'), ('p4')")
    summary = await recovery()(await make_run())
    assert await states(ask) == {"p1": "packed", "p2": "gone", "p3": "packed", "p4": "gone", "p5": "packed"}
    assert summary.as_json() == {
        "looked_at": 5,
        "changed": 5,
        "left": 0,
        "error": None,
        "gone": 2,
        "without_receipt": 3,
        "errors": 0,
    }


async def test_what_is_not_stuck_stays(ask: Ask, make_run: MakeRun) -> None:
    """Rows in other states, and those that came into it less than ten minutes ago."""
    await add(ask, "fresh", minutes=9)
    await add(ask, "old", state="held", minutes=900)
    assert (await recovery()(await make_run())).changed == 0
    assert await states(ask) == {"fresh": "leaving", "old": "held"}


async def test_a_recovered_row_is_young_again(ask: Ask, make_run: MakeRun) -> None:
    """The time of its last move is set, so that it has all its minutes when it is taken up anew."""
    await add(ask, "p1")
    await recovery()(await make_run())
    assert await ask("""SELECT now() - moved < interval '1 minute' AS young FROM shop."Parcel; x" """) == [
        {"young": True}
    ]


async def test_one_bad_row_does_not_stop_the_others(ask: Ask, make_run: MakeRun) -> None:
    """Rows that raise, or are silently kept, are counted and reported, whatever place they stand in."""
    await add(ask, "bad1", "mute", minutes=99)
    await add(ask, "p1", "p2", "p3")
    await add(ask, "bad2", minutes=10)
    await add(ask, "p4")
    summary = await recovery()(await make_run())
    found = await states(ask)
    assert {code for code, state in found.items() if state == "packed"} == {"p1", "p2", "p3", "p4"}
    assert {found["bad1"], found["bad2"], found["mute"]} == {"leaving"}
    assert (summary.changed, summary.left, summary.details["errors"]) == (4, 3, 3)
    assert summary.error is not None
    assert "parcel bad1 is bad" in summary.error


async def test_bad_rows_do_not_use_up_the_limit(ask: Ask, make_run: MakeRun) -> None:
    """With a limit of one, a bad row in front starves nobody for ever."""
    await add(ask, "bad", minutes=99)
    await add(ask, "p1")
    one = recovery(limit=2, batch=1)
    summary = await one(await make_run())
    assert (summary.changed, summary.details["errors"]) == (1, 1)


async def test_i10_a_run_moves_at_most_its_limit(ask: Ask, make_run: MakeRun) -> None:
    """The longest stuck go first; the next run goes on."""
    await add(ask, *(f"old{n}" for n in range(3)), minutes=99)
    await add(ask, *(f"p{n}" for n in range(4)))
    first = await recovery(limit=3)(await make_run())
    assert (first.changed, first.left) == (3, 4)
    assert {code for code, state in (await states(ask)).items() if state == "packed"} == {"old0", "old1", "old2"}
    assert (await recovery(limit=100)(await make_run())).changed == 4


async def test_i9_a_dry_run_counts_and_changes_nothing(ask: Ask, make_run: MakeRun) -> None:
    """What is stuck is looked at and left."""
    await add(ask, "p1", "p2", "p3")
    summary = await recovery()(await make_run(dry=True))
    assert (summary.looked_at, summary.changed, summary.left) == (3, 0, 3)
    assert set((await states(ask)).values()) == {"leaving"}


async def test_a_run_of_one_client_leaves_the_others_alone(ask: Ask, make_run: MakeRun) -> None:
    """And its summary speaks of that client only."""
    await add(ask, "mine", owner="a")
    await add(ask, "theirs", owner="b")
    summary = await recovery()(await make_run(client_id="b"))
    assert (summary.changed, summary.left) == (1, 0)
    assert await states(ask) == {"mine": "leaving", "theirs": "packed"}


async def test_a_table_without_clients_is_never_narrowed(ask: Ask, make_run: MakeRun) -> None:
    """A client's run recovers all of it."""
    await add(ask, "mine", owner="a")
    assert (await recovery(client=None)(await make_run(client_id="b"))).changed == 1


async def test_i10_a_run_whose_time_is_over_starts_no_batch(ask: Ask, make_run: MakeRun) -> None:
    """It counts what is left, and returns."""
    await add(ask, "p1", "p2")
    summary = await recovery()(await make_run(seconds=0))
    assert (summary.changed, summary.left) == (0, 2)


async def test_i10_a_run_stops_between_batches_when_its_time_ends(ask: Ask, make_run: MakeRun) -> None:
    """The clock jumps after the first batch began; the batch is committed, and no other begins."""
    await add(ask, "p1", "p2", "p3")
    times = iter([0.0, 0.0])  # made, and asked before the first batch
    summary = await recovery()(await make_run(seconds=1, now=lambda: next(times, 5.0)))
    assert (summary.changed, summary.left) == (2, 1)


async def test_i3_who_lost_the_lease_moves_nothing(database: Database, ask: Ask, make_run: MakeRun) -> None:
    """The first batch is refused."""
    await add(ask, "p1")
    run = await make_run()
    await take_over(database, run)
    with pytest.raises(LeaseLostError):
        await recovery()(run)
    assert await states(ask) == {"p1": "leaving"}


async def test_a_row_in_use_is_left_alone(database: Database, ask: Ask, make_run: MakeRun) -> None:
    """Whoever has it locked is working on it; nobody waits for that."""
    await add(ask, "p1", "p2")
    async with database.transaction() as connection:
        await connection.execute('SELECT FROM shop."Parcel; x" WHERE code = %s FOR UPDATE', ("p1",))
        async with asyncio.timeout(30):
            summary = await recovery()(await make_run())
    assert (summary.changed, summary.left, summary.error) == (1, 1, None)
    assert await states(ask) == {"p1": "leaving", "p2": "packed"}
