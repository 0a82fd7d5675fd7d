"""What a function did over a day, beside what SQL counts of it."""

from datetime import timedelta

import pytest

from tests.integration.conftest import Probe, Rows, Serve, Site
from tests.integration.insight.conftest import Move, accepted, break_down, carried_out, key_of
from tickover import Run, Summary, clock
from tickover.insight.function_days import FunctionNow
from tickover.insight.functions import BUCKETS, FunctionDay, Health

PERCENTILES = """
  SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY took) AS took50,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY took) AS took95,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY waited) AS waited50,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY waited) AS waited95, count(took) AS n
  FROM (SELECT extract(epoch FROM finished_at - started_at)::float8 AS took,
          extract(epoch FROM started_at - accepted_at)::float8 AS waited
        FROM tickover.obligation WHERE function = %s AND state = 'succeeded') o
"""


async def day_of(site: Site, function: str) -> FunctionDay:
    """A function's day."""
    declared = site.tickover.contract.function(function)
    assert declared is not None
    return await site.tickover.insight.functions.day(declared, clock.now())


async def now_of(site: Site, function: str) -> FunctionNow:
    """How a function is."""
    declared = site.tickover.contract.function(function)
    assert declared is not None
    return await site.tickover.insight.functions.now(declared, clock.now())


async def test_percentiles_are_what_sql_counts(serve: Serve, rows: Rows) -> None:
    """Of durations, and of the time from acceptance to the start; spread over the day."""
    site = await serve()
    await carried_out(site, rows, "t0")
    for n in range(1, 24):
        rows(
            "WITH t AS (INSERT INTO tickover.tick (dispatch_key, route, identity_source, mode, reason, correlation_id) "
            "VALUES (%s, 'background-jobs', 'clock', 'dispatch', '', 'c') RETURNING id) "
            "INSERT INTO tickover.obligation (tick_id, function, state, path, start_by, created_at, accepted_at, "
            "  started_at, finished_at) "
            "SELECT id, 'process', 'succeeded', 'durable', now(), a.at, a.at, a.at + %s * interval '0.37 s', "
            "  a.at + %s * interval '0.37 s' + (%s * 7919 %% 101) * interval '0.013 s' "
            "FROM t, (SELECT now() - %s * interval '59 minutes' AS at) a", f"f{n}", n, n, n, n,
        )  # fmt: skip
    (counted,) = rows(PERCENTILES, "process")
    day = await day_of(site, "process")
    assert (day.took.count, day.waited.count) == (counted["n"], 24) == (24, 24)
    assert [day.took.p50, day.took.p95, day.waited.p50, day.waited.p95] == pytest.approx(
        [counted["took50"], counted["took95"], counted["waited50"], counted["waited95"]]
    )
    assert sum(sum(bucket.outcomes.values()) for bucket in day.buckets) == 24
    assert len(day.buckets) == BUCKETS


async def test_what_a_responsibility_counted_is_added_up_part_by_part(serve: Serve, probe: Probe, rows: Rows) -> None:
    """Looked at and changed are sums, what it left is of the last run; a failed run counts, and what it did not."""
    site = await serve()
    left = iter([7, 5, 3])

    async def count(_: Run) -> Summary:
        return Summary(looked_at=10, changed=4, left=next(left))

    probe.bodies["prune"] = count
    for name in ("t1", "t2", "t3"):
        await site.tick(name)
    break_down(probe, "prune")
    await site.tick("t4")
    # The first two were half a day ago, in one part; the last two are of the newest.
    rows(
        "UPDATE tickover.responsibility_run SET started_at = started_at - interval '12 hours' WHERE obligation_id IN "
        "(SELECT o.id FROM tickover.obligation o JOIN tickover.tick t ON t.id = o.tick_id "
        " WHERE t.dispatch_key = ANY (%s))",
        [key_of("t1"), key_of("t2")],
    )
    day = await day_of(site, "maintain")
    assert list(day.counted) == ["prune", "queue-health"]
    then, late = day.counted["prune"]
    assert (then.runs, then.failed, then.looked_at, then.changed, then.left) == (2, 0, 20, 8, 5)
    assert (late.runs, late.failed, late.looked_at, late.changed, late.left) == (2, 1, 10, 4, 0)
    assert (late.part, late.part - then.part) == (BUCKETS - 1, 48)
    assert then.mean_ms >= 0


async def test_what_is_older_than_a_day_is_not_of_it(serve: Serve, move: Move) -> None:
    """Nor is another function's."""
    site = await serve()
    await site.tick("old")
    move("old", "25 hours")
    await site.tick("new")
    day = await day_of(site, "process")
    assert [each.dispatch_key for each in day.newest] == [key_of("new")]
    assert (day.took.count, day.is_cut, day.errors) == (1, False, [])


async def test_errors_are_those_of_failed_runs_the_newest_first(serve: Serve, probe: Probe) -> None:
    """With what they say, and the function is failing as long as the newest is one."""
    site = await serve()
    assert (await day_of(site, "maintain")).health.word == "unknown"
    for n in (1, 2):
        break_down(probe, "prune", f"no disk {n}")
        await site.tick(f"t{n}")
    day = await day_of(site, "maintain")
    assert [(each.dispatch_key, each.error) for each in day.errors] == [
        (key_of("t2"), "prune: RuntimeError: no disk 2"),
        (key_of("t1"), "prune: RuntimeError: no disk 1"),
    ]
    assert day.health == Health("failing", "the last 2 failed: prune: RuntimeError: no disk 2")
    assert (await now_of(site, "process")).health.word == "well"
    del probe.bodies["prune"]
    await site.tick("t3")
    assert (await now_of(site, "maintain")).health.word == "well"


async def test_the_last_run_is_the_newest_that_began(serve: Serve, rows: Rows) -> None:
    """One that only waits is not; one that is late makes the function late."""
    site = await serve()
    assert (await now_of(site, "process")).last is None
    await site.tick("t1")
    await accepted(site, rows, "t2")
    found = await now_of(site, "process")
    assert found.last is not None
    assert (found.last.dispatch_key, found.health.word) == (key_of("t1"), "well")
    rows("UPDATE tickover.obligation SET start_by = now() - interval '1 s' WHERE state = 'accepted'")
    late = await now_of(site, "process")
    assert late.health == Health("late", "1 beyond their time; the next tick carries them out")


async def test_a_function_that_was_last_owed_long_ago_has_no_day(serve: Serve, move: Move) -> None:
    """An empty day is drawn, and nothing is made up."""
    site = await serve()
    await site.tick("old")
    move("old", str(timedelta(days=3)))
    day = await day_of(site, "process")
    assert (day.newest, day.took.count, day.health.word) == ([], 0, "unknown")
    assert {len(bucket.outcomes) for bucket in day.buckets} == {0}
