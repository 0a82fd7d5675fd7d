"""The circuit, from ticks over HTTP to the ledger's rows and back; time is moved in the rows."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from tests.integration.conftest import Rows, Serve, Site
from tickover.database import Database
from tickover.ledger.circuits import Circuits
from tickover.ticks.breaker import Breaker
from tickover.ticks.circuit import Limits

DEAD_ENGINE = {
    "BACKGROUND_JOBS_USE_INNGEST": "true",
    "INNGEST_BASE_URL": "http://127.0.0.1:9",
    "TICKOVER_SEND_TIMEOUT": "0.3",
}
MINUTES_5 = timedelta(minutes=5)
LATER = """
  WITH ticks AS (UPDATE tickover.tick SET requested_at = requested_at - %s::interval),
       circuits AS (UPDATE tickover.circuit SET probed_at = probed_at - %s::interval),
       controls AS (UPDATE tickover.control SET changed_at = changed_at - %s::interval),
       looks AS (UPDATE tickover.responsibility_run SET started_at = started_at - %s::interval),
       shadows AS (UPDATE tickover.shadow_run SET sent_at = sent_at - %s::interval, start_by = start_by - %s::interval,
                     started_at = started_at - %s::interval, finished_at = finished_at - %s::interval)
  UPDATE tickover.obligation SET created_at = created_at - %s::interval, started_at = started_at - %s::interval,
    finished_at = finished_at - %s::interval, start_by = start_by - %s::interval, finish_by = finish_by - %s::interval,
    lease_expires_at = lease_expires_at - %s::interval, accepted_at = accepted_at - %s::interval
"""


def let_pass(rows: Rows, span: str) -> None:
    """Let this much time pass for everything in the ledger."""
    rows(LATER, *[span] * LATER.count("%s"))


async def ticks(site: Site, *keys: str) -> list[dict[str, Any]]:
    """Fire these ticks; what each was answered."""
    return [(await site.tick(key)).json() for key in keys]


async def test_f08_a_dead_engine_costs_a_send_only_on_probes(serve: Serve, rows: Rows) -> None:
    """After three failed sends ticks are inline without one; after a rest one probes, and only one; all do the work."""
    site = await serve(**DEAD_ENGINE)
    first = await ticks(site, "t1", "t2", "t3")
    assert [(a["mode"], a["circuit"]["state"]) for a in first] == [("fallback", "closed")] * 3
    (fourth,) = await ticks(site, "t4")
    assert (fourth["mode"], fourth["sendError"]) == ("inline", None)
    assert fourth["reason"] == "the circuit is open: 3 sends failed in a row (refused)"
    assert (fourth["circuit"]["state"], len(fourth["circuit"]["evidence"])) == ("open", 3)
    let_pass(rows, "5 minutes")
    probe, after = await ticks(site, "t5", "t6")
    assert (probe["mode"], probe["sendError"]["kind"]) == ("fallback", "refused")
    assert (after["mode"], after["sendError"]) == ("inline", None)
    kept = rows("SELECT mode, reason LIKE 'the circuit is open%%' AS kept FROM tickover.tick ORDER BY id DESC LIMIT 1")
    assert kept == [{"mode": "inline", "kept": True}]
    assert rows("SELECT DISTINCT state FROM tickover.obligation") == [{"state": "succeeded"}]


async def test_what_opens_and_closes_it_is_said_once(serve: Serve, rows: Rows) -> None:
    """One line in the log and one row in the audit for each change, with what it stood on."""
    site = await serve(**DEAD_ENGINE)
    with capture_logs() as logs:
        await ticks(site, "t1", "t2", "t3", "t4", "t5")
        # The engine runs one again, as far as the ledger knows.
        rows("UPDATE tickover.tick SET error = NULL, event_ids = '{e}' WHERE dispatch_key LIKE '%%:t3'")
        rows("UPDATE tickover.obligation SET path = 'durable', accepted_at = now()")
        (closed, _) = await ticks(site, "t6", "t7")
    assert closed["circuit"]["state"] == "closed"
    assert [log["event"] for log in logs if log["event"].startswith("circuit")] == ["circuit.opened", "circuit.closed"]
    audit = rows(
        "SELECT action, subject, by, jsonb_array_length(evidence -> 'attempts') AS n FROM tickover.audit ORDER BY id"
    )
    assert audit == [
        {"action": "circuit.opened", "subject": "background-jobs", "by": "tick background-jobs:v1:id:t4", "n": 3},
        {"action": "circuit.closed", "subject": "background-jobs", "by": "tick background-jobs:v1:id:t6", "n": 0},
    ]


async def test_of_two_replicas_one_probes(serve: Serve, rows: Rows, database: Database) -> None:
    """Both see that it has rested; the ledger lets one of them through."""
    site = await serve(**DEAD_ENGINE)
    await ticks(site, "t1", "t2", "t3")
    let_pass(rows, "5 minutes")
    breakers = [Breaker(Circuits(database), Limits(3, MINUTES_5)) for _ in range(2)]
    sights = [await breaker.look("background-jobs") for breaker in breakers]
    assert all(sight.circuit.may_probe for sight in sights)
    decisions = [
        await breaker.settle("background-jobs", f"t-{n}", sight)
        for n, (breaker, sight) in enumerate(zip(breakers, sights, strict=True))
    ]
    assert [decision and str(decision.mode) for decision in decisions] == ["dispatch", "inline"]


OBLIGATIONS = """
  WITH ticked AS (
    INSERT INTO tickover.tick
      (dispatch_key, route, identity_source, mode, reason, correlation_id, event_ids, requested_at)
    SELECT 'seeded-' || n, 'background-jobs', 'clock', 'dispatch', '', '', '{e}', now() - interval '1 hour'
    FROM generate_series(1, 3) n RETURNING id
  )
  INSERT INTO tickover.obligation (tick_id, function, state, start_by, created_at, accepted_at)
  SELECT id, 'process', 'accepted', now() - interval '10 minutes', now() - interval '1 hour', now() - interval '1 hour'
  FROM ticked
"""


COVERED = (
    "UPDATE tickover.obligation SET state = 'covered', covered_by = (SELECT max(id) FROM tickover.obligation), "
    "path = CASE WHEN id = (SELECT max(id) FROM tickover.obligation) THEN '{}' END"
)


@pytest.mark.parametrize(
    ("made_of_it", "state"),
    [
        ("SELECT 1", "open"),
        ("UPDATE tickover.obligation SET state = 'succeeded', path = 'recovery', started_at = now()", "open"),
        (COVERED.format("fallback"), "open"),
        ("UPDATE tickover.obligation SET start_by = now() + interval '1 minute'", "closed"),
        ("UPDATE tickover.obligation SET state = 'succeeded', path = 'durable', started_at = now()", "closed"),
        ("UPDATE tickover.obligation SET state = 'failed', path = 'durable', started_at = now()", "closed"),
        (COVERED.format("durable"), "closed"),
    ],
    ids=["late", "recovered", "covered-inline", "waiting", "ran", "ran-and-failed", "covered-durable"],
)
async def test_f05_what_counts_is_what_became_of_it(
    database: Database, rows: Rows, made_of_it: str, state: str
) -> None:
    """Accepted is not done: an attempt counts when it is known whether the engine ran it."""
    rows(OBLIGATIONS)
    rows(made_of_it)
    sight = await Breaker(Circuits(database), Limits(3, MINUTES_5)).look("background-jobs")
    assert str(sight.circuit.state) == state


async def test_f06_a_busy_function_is_no_dead_engine(database: Database, rows: Rows) -> None:
    """While a run of the function is alive, what waits behind it is late, but says nothing about the engine."""
    rows(OBLIGATIONS)
    breaker = Breaker(Circuits(database), Limits(3, MINUTES_5))
    assert str((await breaker.look("background-jobs")).circuit.state) == "open"
    rows(
        "WITH t AS (INSERT INTO tickover.tick (dispatch_key, route, identity_source, mode, reason, correlation_id) "
        "VALUES ('busy', 'other', 'clock', 'dispatch', '', '') RETURNING id) "
        "INSERT INTO tickover.obligation (tick_id, function, state, path, start_by, lease_expires_at) "
        "SELECT id, 'process', 'running', 'durable', now(), now() + interval '1 minute' FROM t"
    )
    assert str((await breaker.look("background-jobs")).circuit.state) == "closed"


async def test_an_inline_route_asks_for_no_circuit(serve: Serve) -> None:
    """With the flag off there is nothing to hand over."""
    site = await serve()
    (answer,) = await ticks(site, "t1")
    assert answer["circuit"] is None


async def test_i7_turning_the_flag_off_beats_the_circuit(serve: Serve, rows: Rows) -> None:
    """With the flag off nothing probes, however long it has rested."""
    site = await serve(**DEAD_ENGINE)
    await ticks(site, "t1", "t2", "t3")
    let_pass(rows, "1 hour")
    off = await serve(BACKGROUND_JOBS_USE_INNGEST="false")
    (answer,) = await ticks(off, "t4")
    assert (answer["mode"], answer["reason"]) == ("inline", "BACKGROUND_JOBS_USE_INNGEST is off")


async def test_the_limits_are_settings(serve: Serve) -> None:
    """One failed send is enough, where that is set."""
    site = await serve(**DEAD_ENGINE, TICKOVER_CIRCUIT_AFTER="1")
    one, two = await ticks(site, "t1", "t2")
    assert [one["mode"], two["mode"]] == ["fallback", "inline"]


async def test_an_open_circuit_takes_no_duplicate_for_a_new_tick(serve: Serve) -> None:
    """A tick that was done inline because the circuit was open is done: the same again is a duplicate."""
    site = await serve(**DEAD_ENGINE)
    await ticks(site, "t1", "t2", "t3", "t4")
    again = await site.tick("t4")
    assert (again.status_code, again.json()["mode"]) == (httpx.codes.OK, "duplicate")
