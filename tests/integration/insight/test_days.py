"""What became of a day's ticks, as the handler left them and as the page says it."""

from datetime import timedelta

import pytest

from tests.integration.conftest import Probe, Rows, Serve, Site
from tests.integration.insight.conftest import DEAD_ENGINE, Move, accepted, break_down, carried_out, key_of
from tickover import clock
from tickover.database import Database
from tickover.insight import days
from tickover.insight.coverage import Cell, End
from tickover.insight.days import Day, Days

COUNT = """
  WITH came AS (
    SELECT t.id, t.requested_at, lag(t.requested_at) OVER (ORDER BY t.requested_at) AS before FROM tickover.tick t
    WHERE t.route = 'background-jobs' AND t.requested_at > now() - interval '24 hours'
  ), ended AS (
    SELECT came.*, (SELECT count(*) FROM tickover.obligation o WHERE o.tick_id = came.id) AS owed,
      (SELECT count(*) FROM tickover.obligation o
       WHERE o.tick_id = came.id AND o.state IN ('succeeded', 'covered')) AS done,
      (SELECT count(*) FROM tickover.obligation o WHERE o.tick_id = came.id AND o.state = 'failed') AS failed,
      EXISTS (SELECT FROM tickover.obligation o WHERE o.tick_id = came.id AND o.fenced_off > 0) AS twice,
      ARRAY(SELECT coalesce((SELECT c.path FROM tickover.obligation c WHERE c.id = o.covered_by), o.path)
            FROM tickover.obligation o WHERE o.tick_id = came.id) AS paths
    FROM came
  )
  SELECT count(*) AS came, count(*) FILTER (WHERE owed = done) AS done,
    count(*) FILTER (WHERE owed = done AND owed > 0 AND paths <@ '{durable}') AS durable,
    count(*) FILTER (WHERE owed = done AND 'inline' = ANY (paths) AND NOT paths && '{fallback,recovery}') AS inline,
    count(*) FILTER (WHERE owed = done AND 'fallback' = ANY (paths) AND NOT paths && '{recovery}') AS fallback,
    count(*) FILTER (WHERE owed = done AND 'recovery' = ANY (paths)) AS recovery,
    count(*) FILTER (WHERE owed = 0) AS idle, count(*) FILTER (WHERE twice) AS twice,
    count(*) FILTER (WHERE failed > 0) AS failed, count(*) FILTER (WHERE failed = 0 AND done < owed) AS open,
    round(extract(epoch FROM greatest(max(requested_at - before), now() - max(requested_at)))) AS gap
  FROM ended
"""


async def day_of(site: Site, later: timedelta = timedelta()) -> Day:
    """The route's day, looked at so much later."""
    (route,) = site.tickover.contract.routes
    return await site.tickover.insight.days.day(route, clock.now() + later)


async def cell_of(site: Site, name: str) -> Cell:
    """The cell of the tick of that name."""
    (cell,) = [cell for cell in (await day_of(site)).cells if cell.dispatch_key == key_of(name)]
    return cell


async def test_each_path_is_told_apart(serve: Serve, rows: Rows) -> None:
    """Inline, durable and fallback, each as the handler leaves it."""
    site = await serve()
    await site.tick("inline")
    await carried_out(site, rows, "durable")
    fallen = await serve(**DEAD_ENGINE)
    await fallen.tick("fallback")
    for name in ("inline", "durable", "fallback"):
        cell = await cell_of(site, name)
        assert (cell.path, cell.end) == (name, End.DONE)
    coverage = (await day_of(site)).coverage
    assert (coverage.expected, coverage.done, coverage.paths) == (3, 3, {"inline": 1, "durable": 1, "fallback": 1})
    assert coverage.is_whole


async def test_what_a_recovery_carried_out_and_what_it_covered_are_told_as_recovered(serve: Serve, rows: Rows) -> None:
    """The covered tick shows the path of the run that did its work."""
    site = await serve()
    for name in ("covered", "recovered"):
        await accepted(site, rows, name)
    rows("UPDATE tickover.obligation SET start_by = now() - interval '1 s'")
    await site.tickover.watch.once()
    states = rows("SELECT DISTINCT t.dispatch_key, o.state FROM tickover.tick t JOIN tickover.obligation o "
                  "ON o.tick_id = t.id ORDER BY 1")  # fmt: skip
    assert [row["state"] for row in states] == ["covered", "succeeded"]
    for name in ("covered", "recovered"):
        cell = await cell_of(site, name)
        assert (cell.path, cell.end) == ("recovery", End.DONE)


async def test_what_was_begun_and_then_covered_shows_who_did_it_in_the_end(serve: Serve, rows: Rows) -> None:
    """Tried: inline work that was cut off, and covered by a recovery of a later tick: inline did not do it."""
    site = await serve()
    await site.tick("cut-off")
    rows("UPDATE tickover.obligation SET state = 'interrupted', finished_at = NULL")
    await accepted(site, rows, "later")
    rows("UPDATE tickover.obligation SET start_by = now() - interval '1 s'")
    await site.tickover.watch.once()
    covered = rows("SELECT o.state, o.path FROM tickover.obligation o ORDER BY id LIMIT 1")
    assert covered == [{"state": "covered", "path": "inline"}]
    assert (await cell_of(site, "cut-off")).path == "recovery"


async def test_a_tick_of_which_one_function_failed_has_failed(serve: Serve, probe: Probe) -> None:
    """The other one's success does not hide it."""
    site = await serve()
    break_down(probe, "prune")
    await site.tick("bad")
    coverage = (await day_of(site)).coverage
    assert (await cell_of(site, "bad")).end is End.FAILED
    assert (coverage.done, coverage.failed, coverage.is_whole) == (0, 1, False)


async def test_a_tick_that_was_handed_over_is_under_way_until_the_engine_has_run_it(serve: Serve, rows: Rows) -> None:
    """Accepted is not done."""
    site = await serve()
    await accepted(site, rows, "open")
    coverage = (await day_of(site)).coverage
    assert (await cell_of(site, "open")).end is End.OPEN
    assert (coverage.done, coverage.open, coverage.is_whole) == (0, 1, True)


async def test_a_tick_that_owed_nothing_is_done_by_nobody(serve: Serve, rows: Rows) -> None:
    """It counts as done, and for no path."""
    site = await serve()
    await site.tick("idle")
    rows("DELETE FROM tickover.obligation")
    cell, coverage = await cell_of(site, "idle"), (await day_of(site)).coverage
    assert (cell.path, cell.end) == (None, End.IDLE)
    assert (coverage.done, coverage.idle, coverage.paths) == (1, 1, {})


async def test_what_cron_did_not_fire_for_all_is_not_of_the_rhythm(serve: Serve, rows: Rows) -> None:
    """A client's tick, a continuation, a canary, and a tick of the day before are not counted."""
    site = await serve()
    await site.client.post("/api/cron/background-jobs?clientId=acme")
    for source in ("continuation", "canary"):
        await site.tick(source)
        rows("UPDATE tickover.tick SET identity_source = %s WHERE dispatch_key = %s", source, key_of(source))
    assert (await day_of(site)).coverage.sentence == "no tick has come yet"


async def test_a_dead_cron_is_told_a_day_later(serve: Serve) -> None:
    """Its rhythm is known from before the day, and the whole day is missing."""
    site = await serve()
    for n in range(6):
        await site.tick(f"t{n}")
    rhythm = "UPDATE tickover.tick SET requested_at = requested_at - (6 - id) * interval '1 minute'"
    async with site.tickover.database.connection() as connection:
        await connection.execute(rhythm.encode())
    day = await day_of(site, timedelta(hours=30))
    assert (day.coverage.done, day.coverage.is_whole) == (0, False)
    assert day.coverage.missing == pytest.approx(1440, abs=2)
    assert {cell.end for cell in day.cells} == {End.MISSING}


async def test_a_day_with_more_ticks_than_one_look_takes_is_cut(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest are taken, and nothing is said to be missing before them."""
    monkeypatch.setattr(days, "MOST_TICKS", 2)
    site = await serve()
    for name in ("t1", "t2", "t3"):
        await site.tick(name)
    day = await day_of(site)
    assert (day.is_cut, day.coverage.expected) == (True, 2)
    assert [cell.dispatch_key for cell in day.cells] == [key_of("t2"), key_of("t3")]


async def test_the_sentence_is_what_sql_counts(serve: Serve, probe: Probe, rows: Rows, move: Move) -> None:
    """A day with every end and every path, counted another way."""
    site = await serve()
    for minute in range(1, 6):
        await site.tick(f"i{minute}")
        move(f"i{minute}", f"{minute + 20} minutes")
    for minute in range(1, 4):
        await carried_out(site, rows, f"d{minute}")
        move(f"d{minute}", f"{minute + 10} minutes")
    await site.tick("idle")
    rows("DELETE FROM tickover.obligation o USING tickover.tick t WHERE t.id = o.tick_id AND t.dispatch_key = %s",
         key_of("idle"))  # fmt: skip
    rows("UPDATE tickover.obligation SET fenced_off = 1 WHERE id = (SELECT min(id) FROM tickover.obligation)")
    await (await serve(**DEAD_ENGINE)).tick("fallen")
    move("fallen", "9 minutes")
    break_down(probe, "prune")
    await (await serve(BACKGROUND_JOBS_USE_INNGEST="0")).tick("failed")
    del probe.bodies["prune"]
    await accepted(site, rows, "late")
    rows("UPDATE tickover.obligation SET start_by = now() - interval '1 s' WHERE state = 'accepted'")
    await site.tickover.watch.once()
    await accepted(site, rows, "open")
    (counted,) = rows(COUNT)
    told = (await day_of(site)).coverage
    assert counted["came"] == 13
    assert (told.longest_gap or timedelta()).total_seconds() == pytest.approx(float(counted["gap"]), abs=1)
    gap = f"{(told.longest_gap or timedelta()).total_seconds():.0f}"
    missing = f"{told.missing} never came, " if told.missing else ""
    assert told.sentence == (
        "{expected} ticks expected, {done} done: {durable} durable, {inline} inline, {fallback} fallback, "
        "{recovery} by recovery, {idle} with nothing due, {twice} twice, longest gap {gap} s; "
        "{missing}{failed} failed, {open} under way"
    ).format_map(counted | {"expected": counted["came"] + told.missing, "gap": gap, "missing": missing})
    assert min(counted[name] for name in ("durable", "inline", "fallback", "recovery", "idle", "twice", "failed")) == 1


async def test_of_a_span_the_newest_ticks_are_taken_in_the_order_in_which_they_came(
    serve: Serve, database: Database
) -> None:
    """Its beginning is left out, its end is in it."""
    site = await serve()
    for name in ("t1", "t2", "t3"):
        await site.tick(name)
    read = Days(database)
    every = await read.fates("background-jobs", clock.now() - timedelta(hours=1), clock.now(), 10)
    assert [fate.dispatch_key for fate in every] == [key_of(name) for name in ("t1", "t2", "t3")]
    assert await read.fates("background-jobs", every[0].at, every[2].at, 2) == every[1:]
    assert await read.fates("background-jobs", every[0].at, every[1].at, 9) == every[1:2]
    assert await read.fates("another-route", every[0].at, every[2].at, 9) == []
