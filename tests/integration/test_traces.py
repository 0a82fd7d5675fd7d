"""Spans and log lines of real ticks, on every path."""

import asyncio
from collections.abc import Iterator, MutableMapping
from datetime import timedelta
from typing import Any

import pytest
import structlog
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from tests.integration.conftest import SECRET, Probe, Rows, Serve
from tests.integration.test_with_engine import SIGNING_KEY, Deploy, deploy
from tests.spans import Recorded, id_of, parent_of, recorded, trace_of
from tests.waiting import eventually
from tickover import Job, Run, Summary, drain
from tickover.database import Database
from tickover.jobs.queue import JobQueue

__all__ = ["deploy"]
TRACE = "0af7651916cd43dd8448eb211c80319c"
HEADER = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
EXPECTED = {
    "tick background-jobs",
    "send",
    "process process",
    "process maintain",
    "carry out process",
    "carry out maintain",
    "responsibility queue-drain",
    "responsibility prune",
    "responsibility queue-health",
}


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """What is recorded."""
    with recorded(monkeypatch) as spans:
        yield spans


async def recorded_so_many(spans: Recorded, count: int, *names: str) -> None:
    """Wait until so many spans of these names have ended."""

    async def are_there() -> bool:
        return sum(len(spans.named(name)) for name in names) >= count

    await eventually(are_there)


async def test_one_trace_leads_from_cron_over_the_engine_to_each_responsibility(
    deploy: Deploy, spans: Recorded
) -> None:
    """The engine knows nothing of it: the context travels in the event."""
    deployment = await deploy()
    await deployment.client.post("/api/cron/background-jobs", headers={"idempotency-key": "t1", **HEADER})
    await deployment.ended()
    await recorded_so_many(spans, 2, "process process", "process maintain")
    assert {span.name for span in spans.all()} == EXPECTED
    assert {trace.format_trace_id(trace_of(span)) for span in spans.all()} == {TRACE}
    send = spans.one("send")
    assert parent_of(send) == id_of(spans.one("tick background-jobs"))
    for function in ("process", "maintain"):
        run = spans.one(f"process {function}")
        assert parent_of(run) == id_of(send)
        assert parent_of(spans.one(f"carry out {function}")) == id_of(run)
    attributes = spans.one("carry out process").attributes or {}
    assert (attributes["tickover.path"], attributes["tickover.attempt"]) == ("durable", 1)
    assert attributes["tickover.run_id"] == (spans.one("process process").attributes or {})["tickover.run_id"]
    assert (spans.one("responsibility prune").attributes or {})["tickover.changed"] == 1


async def test_a_drain_outside_any_tick_has_a_span_of_its_own(database: Database, spans: Recorded) -> None:
    """With its jobs within it, and what it did."""

    async def handle(_: Job) -> None:
        return None

    await JobQueue(database).enqueue("send", {})
    await drain(database, {"send": handle}, budget=timedelta(seconds=5))
    whole = spans.one("drain")
    assert parent_of(spans.one("job send")) == id_of(whole)
    assert dict(whole.attributes or {}) == {"tickover.looked_at": 1, "tickover.changed": 1, "tickover.left": 0}


async def test_a_fallback_is_part_of_its_request_and_names_what_failed(serve: Serve, spans: Recorded) -> None:
    """Nobody listens at the engine's: the send's span says so, and the work's spans are those of the tick."""
    site = await serve(BACKGROUND_JOBS_USE_INNGEST="true", INNGEST_DEV="http://127.0.0.1:9")
    answer = await site.client.post("/api/cron/background-jobs", headers=HEADER)
    assert answer.json()["mode"] == "fallback"
    tick, send = spans.one("tick background-jobs"), spans.one("send")
    assert send.status.status_code is StatusCode.ERROR
    assert (tick.attributes or {})["tickover.mode"] == "fallback"
    for function in ("process", "maintain"):
        carried = spans.one(f"carry out {function}")
        assert (parent_of(carried), (carried.attributes or {})["tickover.path"]) == (id_of(tick), "fallback")


async def test_a_recovery_is_linked_to_the_request_whose_work_it_takes_up(
    serve: Serve, spans: Recorded, rows: Rows
) -> None:
    """And is part of no such request: it is another one's work, or that of a look between ticks."""
    site = await serve()
    await site.client.post("/api/cron/background-jobs", headers={"idempotency-key": "old", **HEADER})
    rows(
        "UPDATE tickover.obligation SET state = 'accepted', path = NULL, started_at = NULL, finished_at = NULL, "
        "accepted_at = now(), start_by = now() - interval '1 s'"
    )
    rows("DELETE FROM tickover.responsibility_run")
    found = await site.tickover.watch.once()
    assert {recovery.overdue.function for recovery in found.recovered} == {"process", "maintain"}
    recoveries = [s for s in spans.all() if (s.attributes or {}).get("tickover.path") == "recovery"]
    assert len(recoveries) == 2
    for span in recoveries:
        assert [trace.format_trace_id(link.context.trace_id) for link in span.links] == [TRACE]
        assert trace.format_trace_id(trace_of(span)) != TRACE


async def test_a_failed_responsibility_is_told_whole_and_no_secret_with_it(
    deploy: Deploy, probe: Probe, spans: Recorded
) -> None:
    """Every secret of the process is looked for in everything that was exported."""

    async def fails(_run: Run) -> Summary:
        raise RuntimeError(f"refused: {SECRET} {SIGNING_KEY} postgresql://u:pass-word-8@h/d")

    probe.bodies["prune"] = fails
    deployment = await deploy(
        TICKOVER_OPERATOR_TOKEN="operator-token-of-a-test", SOME_URL="postgresql://u:pass-word-8@h/d"
    )
    await deployment.tick()
    await recorded_so_many(spans, 2, "process maintain")  # it has one retry
    failed = spans.named("responsibility prune")[0]
    assert failed.status.status_code is StatusCode.ERROR
    assert "refused" in str(failed.status.description)
    assert "responsibility queue-health" in {span.name for span in spans.all()}
    for secret in (
        SECRET,
        SIGNING_KEY,
        SIGNING_KEY.rpartition("-")[2],
        "event-key",
        "pass-word-8",
        "operator-token-of-a-test",
    ):
        assert secret not in spans.said().replace("<INNGEST_EVENT_KEY>", ""), secret


async def test_every_line_within_a_run_carries_the_ids_and_no_other_functions(serve: Serve, probe: Probe) -> None:
    """Also those that the application's own code writes, without being handed a logger."""
    lines: list[MutableMapping[str, Any]] = []

    def keep(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        lines.append(dict(event))
        raise structlog.DropEvent

    async def says(run: Run) -> Summary:
        structlog.get_logger("mine").info("application.line", of=run.responsibility)
        await asyncio.sleep(0.01)
        structlog.get_logger("mine").info("application.line", of=run.responsibility)
        return Summary()

    probe.bodies |= dict.fromkeys(("queue-drain", "prune", "queue-health"), says)
    site = await serve()
    before = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, keep])
    try:
        await asyncio.gather(site.tick("t1"), site.tick("t2"))
    finally:
        structlog.configure(**before)
    own = [line for line in lines if line["event"] == "application.line"]
    owner = {"queue-drain": "process", "prune": "maintain", "queue-health": "maintain"}
    assert len(own) >= 6
    for line in own:
        assert line["function"] == owner[line["of"]]
        assert line["dispatch_key"].endswith(("t1", "t2"))
        assert line["correlation_id"]
        assert "run_id" in line


async def test_a_secret_that_a_caller_sends_as_a_name_is_in_no_span(serve: Serve, spans: Recorded) -> None:
    """Tried: the cron secret as the execution id, as the correlation id, and in the state of a trace."""
    site = await serve()
    headers = {"idempotency-key": SECRET, "x-correlation-id": SECRET, **HEADER, "tracestate": f"a={SECRET}"}
    assert (await site.client.post("/api/cron/background-jobs", headers=headers)).status_code == 200
    assert spans.named("tick background-jobs")
    assert SECRET not in spans.said()
