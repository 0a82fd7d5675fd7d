"""What the engine's calls are answered, over the SDK's own endpoint, as in the recorded exchanges."""

import time
from datetime import datetime
from typing import Any

import httpx

from tests.integration.conftest import Probe, Rows, Serve, Site
from tickover import Run, Summary


async def call(
    site: Site,
    function: str,
    dispatch_key: str | None,
    *,
    attempt: int = 0,
    run_id: str = "run-1",
    named: str = "dispatchKey",
    **options: Any,
) -> httpx.Response:
    """One call of the engine, whose event names a tick."""
    data = {} if dispatch_key is None else {named: dispatch_key}
    event = {"id": "e-1", "name": "x", "data": data, "ts": int(time.time() * 1000), "user": {}}
    context = {
        "attempt": attempt,
        "disable_immediate_execution": False,
        "env": "",
        "fn_id": "f",
        "run_id": run_id,
        "stack": {"current": 0, "stack": []},
        "step_id": "step",
        "use_api": False,
        "max_attempts": 3,
    }
    body = {"ctx": context, "event": event, "events": [event], "steps": {}, "use_api": False, "version": -1}
    return await site.client.post(f"/api/inngest?fnId=probe-{function}&stepId=step", json=body, **options)


async def fresh(serve: Serve, probe: Probe, rows: Rows) -> tuple[Site, str]:
    """A tick whose events were accepted and whose runs have not begun."""
    site = await serve()
    key = str((await site.tick()).json()["dispatchKey"])
    rows("TRUNCATE tickover.responsibility_run")
    rows("UPDATE tickover.obligation SET state = 'accepted', attempt = 0, path = NULL, started_at = NULL")
    probe.runs.clear()
    return site, key


async def test_a_run_is_one_request_and_its_output_is_the_summaries(serve: Serve, probe: Probe, rows: Rows) -> None:
    """200 at the first call, with what each responsibility did."""
    site, key = await fresh(serve, probe, rows)
    answer = await call(site, "maintain", key)
    assert answer.status_code == 200
    assert answer.json()["status"] == "succeeded"
    assert list(answer.json()["responsibilities"]) == ["prune", "queue-health"]
    (row,) = rows("SELECT state, path, run_id FROM tickover.obligation WHERE function = 'maintain'")
    assert row == {"state": "succeeded", "path": "durable", "run_id": "run-1"}


async def test_a_call_that_comes_twice_does_the_work_once(serve: Serve, probe: Probe, rows: Rows) -> None:
    """The second is answered 200, skipped, with who did it."""
    site, key = await fresh(serve, probe, rows)
    await call(site, "process", key)
    again = await call(site, "process", key, run_id="run-2")
    assert again.status_code == 200
    assert (again.json()["status"], again.json()["by"], again.json()["byRun"]) == ("skipped", "durable", "run-1")
    assert probe.ran() == ["queue-drain"]


async def test_a_failing_run_is_retried_and_then_failed(serve: Serve, probe: Probe, rows: Rows) -> None:
    """500 each time; the obligation waits for the retry, and after the last one it has failed."""
    site, key = await fresh(serve, probe, rows)

    async def fail(_: Run) -> Summary:
        raise RuntimeError("no disk")

    probe.bodies["prune"] = fail
    first = await call(site, "maintain", key)
    assert (first.status_code, "no disk" in first.json()["message"]) == (500, True)
    assert "x-inngest-no-retry" not in first.headers
    assert rows("SELECT state FROM tickover.obligation WHERE function = 'maintain'") == [{"state": "retrying"}]
    assert (await call(site, "maintain", key, attempt=1)).status_code == 500
    assert rows("SELECT state FROM tickover.obligation WHERE function = 'maintain'") == [{"state": "failed"}]
    assert probe.ran() == ["prune", "queue-health", "prune"]


async def test_an_attempt_whose_predecessor_holds_the_lease_is_put_off(serve: Serve, probe: Probe, rows: Rows) -> None:
    """The engine lost the connection and calls again while the first attempt may still be at work."""
    site, key = await fresh(serve, probe, rows)
    rows(
        "UPDATE tickover.obligation SET state = 'running', path = 'durable', run_id = 'run-1', fence = 1, "
        "lease_expires_at = now() + interval '20 s'"
    )
    answer = await call(site, "process", key, attempt=1)
    assert answer.status_code == 500
    (row,) = rows("SELECT lease_expires_at FROM tickover.obligation WHERE function = 'process'")
    asked = datetime.fromisoformat(answer.headers["retry-after"])
    assert abs((asked - row["lease_expires_at"]).total_seconds()) < 1
    assert probe.runs == []


async def test_an_event_that_no_tick_owes_is_refused_for_good(serve: Serve, probe: Probe, rows: Rows) -> None:
    """Tried: another database's dispatch key, and none at all; the engine is told not to retry."""
    site, _ = await fresh(serve, probe, rows)
    for key in ("of-another-database", None):
        answer = await call(site, "process", key)
        assert (answer.status_code, answer.headers["x-inngest-no-retry"]) == (500, "true")
    assert probe.runs == []


async def test_without_a_signing_key_the_engine_is_told_why(serve: Serve) -> None:
    """In production mode nothing can be served without it: 503 as a problem document, and ticks still work."""
    site = await serve(INNGEST_DEV="0")
    answer = await site.client.get("/api/inngest")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:tickover:problem:no-signing-key")
    assert (await site.tick()).status_code == 200


async def test_an_unsigned_call_is_refused_in_production_mode(serve: Serve, probe: Probe) -> None:
    """401, and nothing runs."""
    site = await serve(INNGEST_DEV="0", INNGEST_SIGNING_KEY="signkey-test-" + "ab" * 32)
    assert (await call(site, "process", "k")).status_code == 401
    assert probe.runs == []
