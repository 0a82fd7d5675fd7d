"""A walk over a table: it goes on where it left off, steps over what others hold, and finds that later."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clocks import StandingClock
from tests.integration.maintenance.conftest import Ask
from tests.runs import MakeRun, take_over
from tickover import Run, Summary, clock
from tickover.database import Database
from tickover.errors import LeaseLostError
from tickover.execution.budget import Budget
from tickover.maintenance.retention import Child, Retention

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MAKE = """
CREATE TABLE shop.visit (id bigint PRIMARY KEY, at timestamptz NOT NULL, kind text NOT NULL DEFAULT 'web');
CREATE TABLE shop.page (id bigint GENERATED ALWAYS AS IDENTITY, visit_id bigint NOT NULL REFERENCES shop.visit);
CREATE INDEX ON shop.page (visit_id);
"""
ADD = "INSERT INTO shop.visit SELECT n, %(now)s - make_interval(days => 100 - n) FROM generate_series(1, %(count)s) n"
IDS = "SELECT id FROM shop.visit ORDER BY id"
INDEXES = {
    "time and key": "CREATE INDEX ON shop.visit (at, id)",
    "time": "CREATE INDEX ON shop.visit (at)",
}


def retention(**changes: Any) -> Retention:
    """Visits are kept for ten days; three a batch, six a run."""
    whole: dict[str, Any] = {"table": "shop.visit", "since": "at", "keep": 10 * DAY, "client": None}
    return Retention(**(whole | {"batch": 3, "limit": 6} | changes))


@pytest.fixture(params=INDEXES)
async def visits(request: pytest.FixtureRequest, ask: Ask) -> Ask:
    """Twenty visits, each a day younger than the one before, all of them due; with either index."""
    await ask(MAKE + INDEXES[request.param])
    await ask(ADD, {"now": NOW, "count": 20})
    return ask


async def ids(ask: Ask) -> list[int]:
    """The visits that are left."""
    return [row["id"] for row in await ask(IDS)]


async def places(ask: Ask) -> Sequence[dict[str, Any]]:
    """The walks that are not at their end."""
    return [row["position"] for row in await ask("SELECT position FROM tickover.progress")]


async def prune(make_run: MakeRun, of: Retention, now: datetime = NOW, **options: Any) -> Summary:
    """One run at a time that is set."""
    run = await make_run(**options)
    with clock.taken_from(StandingClock(now)):
        return await of(run)


async def test_a_run_goes_on_where_the_one_before_left_off(visits: Ask, make_run: MakeRun) -> None:
    """A row that comes to lie behind its place is found when the walk has come to its end and begins anew."""
    await prune(make_run, retention())
    assert [place["since"] for place in await places(visits)] == ["2026-08-24 12:00:00+00"]
    await visits("INSERT INTO shop.visit VALUES (99, %(at)s)", {"at": NOW - 1000 * DAY})
    first = await prune(make_run, retention())
    assert (first.changed, await ids(visits)) == (6, [*range(13, 21), 99])
    await prune(make_run, retention(limit=None))
    assert await ids(visits) == [99]
    assert await places(visits) == []
    await prune(make_run, retention())
    assert await ids(visits) == []


async def test_the_walk_begins_anew_after_a_day(visits: Ask, make_run: MakeRun) -> None:
    """Even if it has not come to its end."""
    await prune(make_run, retention())
    await visits("INSERT INTO shop.visit VALUES (99, %(at)s)", {"at": NOW - 1000 * DAY})
    await prune(make_run, retention(limit=1), NOW + 23 * timedelta(hours=1))
    assert 99 in await ids(visits)
    await prune(make_run, retention(limit=1), NOW + DAY)
    assert 99 not in await ids(visits)


async def test_losing_the_place_costs_time_and_nothing_else(visits: Ask, make_run: MakeRun) -> None:
    """The rows are found from the beginning."""
    await prune(make_run, retention())
    await visits("DELETE FROM tickover.progress")
    await prune(make_run, retention())
    assert await ids(visits) == list(range(13, 21))


async def test_a_place_of_another_walk_says_nothing(visits: Ask, make_run: MakeRun) -> None:
    """When the declaration changes, rows that were passed over may be due now."""
    await visits("UPDATE shop.visit SET kind = 'app' WHERE id <= 2")
    await prune(make_run, retention(only={"kind": "web"}))
    await prune(make_run, retention(limit=2))
    assert await ids(visits) == list(range(9, 21))


async def test_a_row_in_use_is_passed_over_and_found_later(database: Database, visits: Ask, make_run: MakeRun) -> None:
    """Nobody waits for it; the next walk takes it."""
    async with database.transaction() as connection:
        await connection.execute("SELECT FROM shop.visit WHERE id IN (2, 20) FOR UPDATE")
        summary = await prune(make_run, retention(limit=None))
    assert (summary.changed, summary.left, await ids(visits)) == (18, 2, [2, 20])
    await prune(make_run, retention())
    assert await ids(visits) == []


async def test_a_row_whose_children_are_in_use_holds_up_nobody(
    database: Database, visits: Ask, make_run: MakeRun
) -> None:
    """The batch that would wait for them is broken off; the others go, and that row goes at the next tick."""
    await visits("INSERT INTO shop.page (visit_id) VALUES (1), (5), (20)")
    pages = retention(cascade=[Child("shop.page", "visit_id")], limit=None)
    async with database.transaction() as connection:
        await connection.execute("SELECT FROM shop.page WHERE visit_id = 5 FOR UPDATE")
        async with asyncio.timeout(20):
            summary = await prune(make_run, pages)
    assert (summary.changed, summary.left, await ids(visits)) == (19, 1, [5])
    assert summary.details["broken_off"] > 0
    await prune(make_run, pages)
    assert await ids(visits) == []


async def test_a_slow_row_goes_by_itself(visits: Ask, make_run: MakeRun) -> None:
    """A batch that holds locks for longer than 100 ms is broken off; a single row takes as long as it takes."""
    await visits("""
      CREATE FUNCTION shop.wait() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF old.id = 4 THEN PERFORM pg_sleep(0.3); END IF; RETURN old; END $$;
      CREATE TRIGGER wait BEFORE DELETE ON shop.visit FOR EACH ROW EXECUTE FUNCTION shop.wait();
    """)
    summary = await prune(make_run, retention(limit=None))
    assert (summary.changed, await ids(visits)) == (20, [])
    assert summary.details["broken_off"] >= 2


async def test_rows_that_a_trigger_keeps_end_the_walk(visits: Ask, make_run: MakeRun) -> None:
    """Nothing is tried again and again within a run; they are told as left."""
    await visits("""
      UPDATE shop.visit SET at = '2026-01-01Z' WHERE id <= 12;
      CREATE FUNCTION shop.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
      CREATE TRIGGER keep BEFORE DELETE ON shop.visit FOR EACH ROW EXECUTE FUNCTION shop.keep();
    """)
    async with asyncio.timeout(20):
        summary = await prune(make_run, retention(limit=None))
    assert (summary.changed, summary.left) == (0, 20)


async def test_many_rows_of_one_time_go_in_batches(visits: Ask, make_run: MakeRun) -> None:
    """As an import leaves them, in one transaction."""
    await visits("UPDATE shop.visit SET at = '2026-01-01Z'")
    first = await prune(make_run, retention())
    assert (first.changed, first.left) == (6, 14)
    assert (await prune(make_run, retention(limit=None))).changed == 14


async def test_a_condition_decides_too(visits: Ask, make_run: MakeRun) -> None:
    """As it is written in SQL: per cent signs, a comment at its end, a question about another table."""
    await visits("UPDATE shop.visit SET kind = '50% off' WHERE id <= 4; INSERT INTO shop.page (visit_id) VALUES (3)")
    where = "kind LIKE '50%' OR false AND NOT EXISTS (SELECT FROM shop.page p WHERE p.visit_id = visit.id) -- all"
    with_pages = where.replace("OR false AND", "AND")
    await prune(make_run, retention(where=with_pages))
    assert await ids(visits) == [3, *range(5, 21)]
    await visits("DELETE FROM shop.page")
    await prune(make_run, retention(where=where))
    assert await ids(visits) == list(range(5, 21))


async def test_children_without_a_cascade_go_first(visits: Ask, make_run: MakeRun) -> None:
    """In the same batch; those of rows that stay, stay."""
    await visits("INSERT INTO shop.page (visit_id) SELECT id FROM shop.visit, generate_series(1, 3)")
    await prune(make_run, retention(cascade=[Child("shop.page", "visit_id")]))
    assert await ids(visits) == list(range(7, 21))
    assert [row["n"] for row in await visits("SELECT count(*) AS n FROM shop.page")] == [14 * 3]


async def test_i9_a_dry_run_looks_from_the_beginning_and_keeps_no_place(visits: Ask, make_run: MakeRun) -> None:
    """It tells all that is due, and leaves the place of the real walk alone."""
    await prune(make_run, retention())
    before = await places(visits)
    summary = await prune(make_run, retention(), dry=True)
    assert (summary.looked_at, summary.changed, summary.left) == (14, 0, 14)
    assert await places(visits) == before


async def test_i10_the_budget_ends_a_run_between_batches(visits: Ask, make_run: MakeRun) -> None:
    """And the place is kept: the next run begins with the row after it."""
    run = await make_run()
    times = iter([0.0] * 4)  # asked before the table, before two batches, and for the pause between them
    budget = Budget(1.0, lambda: next(times, 5.0))
    with clock.taken_from(StandingClock(NOW)):
        summary = await retention(limit=None)(_with(run, budget))
    assert (summary.changed, summary.left) == (6, 14)
    assert len(await places(visits)) == 1


async def test_i3_who_loses_the_lease_on_the_way_stops(visits: Ask, make_run: MakeRun) -> None:
    """The batches before stand, the next is refused, and no place is kept."""
    run, work = await make_run(), retention(limit=None)
    await visits("""
      CREATE FUNCTION shop.steal() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF old.id = 3 THEN UPDATE tickover.obligation SET fence = fence + 1; END IF; RETURN old; END $$;
      CREATE TRIGGER steal BEFORE DELETE ON shop.visit FOR EACH ROW EXECUTE FUNCTION shop.steal();
    """)
    with pytest.raises(LeaseLostError), clock.taken_from(StandingClock(NOW)):
        await work(run)
    assert await ids(visits) == list(range(4, 21))
    assert await places(visits) == []


async def test_i3_who_has_lost_the_lease_keeps_no_place(database: Database, visits: Ask, make_run: MakeRun) -> None:
    """Not even one of a walk that had no time."""
    run = await make_run(seconds=0)
    await take_over(database, run)
    with pytest.raises(LeaseLostError), clock.taken_from(StandingClock(NOW)):
        await retention()(run)
    assert await places(visits) == []


def _with(run: Run, budget: Budget) -> Run:
    """The run under another budget."""
    return replace(run, budget=budget)
