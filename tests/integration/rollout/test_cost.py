"""What the last day's ledger says of how functions behave."""

from dataclasses import replace
from datetime import timedelta

from tests.integration.conftest import Rows, Serve
from tickover.database import Database
from tickover.rollout.evidence import RolloutEvidence

TICKS = """
  INSERT INTO tickover.tick (dispatch_key, route, identity_source, mode, reason, correlation_id, requested_at, idle)
  SELECT 'k' || n, 'background-jobs', CASE WHEN n > 10 THEN 'continuation' ELSE 'clock' END, 'dispatch', '', '',
         now() - n * interval '1 minute', CASE WHEN n <= 5 THEN ARRAY['maintain'] ELSE '{}' END
  FROM generate_series(1, 14) AS n
"""
OBLIGATIONS = """
  INSERT INTO tickover.obligation (tick_id, function, state, path, attempt, start_by, accepted_at)
  SELECT id, 'process', 'succeeded', 'durable', 1 + id %% 2, now(), now() FROM tickover.tick
"""


async def test_the_ledger_tells_attempts_continuations_and_idle_ticks(
    serve: Serve, database: Database, rows: Rows
) -> None:
    """Ten ticks of cron's, four continuations; every other run made twice; half of the ticks idle for one function."""
    site = await serve()
    rows(TICKS)
    rows(OBLIGATIONS)
    evidence, plain = RolloutEvidence(database), site.tickover.contract.routes[0]
    seen, over = await evidence.newest_ticks(plain.id)
    assert (seen, round(over.total_seconds())) == (10, 540)
    skipping = tuple(replace(function, skip_idle=True) for function in plain.functions)
    process, maintain = await evidence.habits(replace(plain, functions=skipping))
    assert (process.function, process.attempts, process.continuations, process.idle) == ("process", 1.5, 0.4, 0.0)
    assert (maintain.function, maintain.attempts, maintain.continuations, maintain.idle) == ("maintain", 1.0, 0.0, 0.5)
    # What is not skipped any more is not idle any more.
    assert {habit.idle for habit in await evidence.habits(plain)} == {0.0}


async def test_without_a_past_a_function_is_as_declared(serve: Serve, database: Database) -> None:
    """One attempt, no continuation, never idle."""
    site = await serve()
    evidence, route = RolloutEvidence(database), site.tickover.contract.routes[0]
    assert await evidence.newest_ticks(route.id) == (0, timedelta())
    assert {(h.attempts, h.continuations, h.idle) for h in await evidence.habits(route)} == {(1.0, 0.0, 0.0)}


async def test_a_daily_tick_has_a_rhythm_too(serve: Serve, database: Database, rows: Rows) -> None:
    """It is taken from the newest ticks, however long ago they came."""
    site = await serve()
    rows("""
      INSERT INTO tickover.tick (dispatch_key, route, identity_source, mode, reason, correlation_id, requested_at)
      SELECT 'k' || n, 'background-jobs', 'clock', 'dispatch', '', '', now() - n * interval '1 day'
      FROM generate_series(1, 7) AS n
    """)
    route = site.tickover.contract.routes[0]
    assert await RolloutEvidence(database).newest_ticks(route.id) == (7, timedelta(days=6))
