"""Metrics, recorded once on every path, as Prometheus and OpenTelemetry are told them."""

from collections import Counter
from datetime import timedelta

import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.conftest import Probe, Rows, Serve
from tests.integration.test_durable import call, fresh
from tickover import Run, Summary, drain
from tickover.database import Database
from tickover.jobs.handler import Job
from tickover.jobs.queue import JobQueue
from tickover.telemetry.instruments import COUNTED, OTHER
from tickover.telemetry.metrics import Reading, exposition

FUNCTIONS = ("process", "maintain")


def counted() -> Counter[str]:
    """Every series that counts, with its labels, as a scrape would see it."""
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(exposition(Reading()).decode()):
        for sample in family.samples:
            if not sample.name.endswith(("_bucket", "_sum")):
                labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
                found[f"{sample.name.removeprefix('tickover_')}{{{labels}}}"] = round(sample.value)
    return found


@pytest.fixture
def before() -> Counter[str]:
    """What stood there when the test began."""
    return counted()


def since(before: Counter[str]) -> dict[str, int]:
    """What was counted since then: series that grew, and by how much."""
    return dict(counted() - before)


async def test_a_tick_that_is_done_inline_is_counted_once(serve: Serve, before: Counter[str]) -> None:
    """The tick, each obligation, its wait and its duration; nothing twice where the tick comes twice."""
    site = await serve()
    await site.tick()
    paths = {f"obligations_total{{function={f},path=inline,state=succeeded}}": 1 for f in FUNCTIONS}
    times = {
        f"obligation_{what}_seconds_count{{function={f},path=inline}}": 1
        for f in FUNCTIONS
        for what in ("wait", "duration")
    }
    once = {"ticks_total{mode=inline,route=background-jobs}": 1, **paths, **times}
    assert since(before) == once
    await site.tick()
    assert since(before) == once | {"ticks_total{mode=duplicate,route=background-jobs}": 1}


async def test_a_durable_run_is_an_execution_and_ends_an_obligation(serve: Serve, probe: Probe, rows: Rows) -> None:
    """A call that comes too late does nothing, and is billed all the same."""
    site, key = await fresh(serve, probe, rows)
    before = counted()
    await call(site, "process", key)
    await call(site, "process", key, run_id="run-2")
    assert since(before) == {
        "executions_total{function=process,path=durable}": 2,
        "obligations_total{function=process,path=durable,state=succeeded}": 1,
        "obligation_wait_seconds_count{function=process,path=durable}": 1,
        "obligation_duration_seconds_count{function=process,path=durable}": 1,
    }


async def test_a_dry_run_is_billed_and_ends_nothing(serve: Serve, probe: Probe, rows: Rows) -> None:
    """A shadow's event, which nobody asks for any more: it is a call all the same."""
    site, key = await fresh(serve, probe, rows)
    before = counted()
    assert (await call(site, "process", key, named="shadow")).json()["status"] == "skipped"
    assert since(before) == {"executions_total{function=process,path=shadow}": 1}


async def test_attempts_that_fail_are_told_apart_from_the_last_one(serve: Serve, probe: Probe, rows: Rows) -> None:
    """`retrying` first, then `failed`; the wait is that of the first attempt alone."""
    site, key = await fresh(serve, probe, rows)

    async def fail(_: Run) -> Summary:
        raise RuntimeError("no disk")

    probe.bodies["prune"] = fail
    before = counted()
    await call(site, "maintain", key)
    await call(site, "maintain", key, attempt=1)
    found = since(before)
    assert found["obligations_total{function=maintain,path=durable,state=retrying}"] == 1
    assert found["obligations_total{function=maintain,path=durable,state=failed}"] == 1
    assert found["obligation_wait_seconds_count{function=maintain,path=durable}"] == 1
    assert found["obligation_duration_seconds_count{function=maintain,path=durable}"] == 2
    assert "no disk" not in exposition(Reading()).decode()


async def test_ticks_that_nothing_could_be_done_for_are_counted_by_why(
    serve: Serve, before: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In production's database as a preview, and without a database; a route that nobody declared is no label."""
    await (await serve(TICKOVER_ENV="production", INNGEST_DEV="0")).tick()
    preview = await serve(TICKOVER_ENV="preview:pr-7")
    assert (await preview.tick("t2")).status_code == 409
    monkeypatch.setenv("TICKOVER_DATABASE_WAIT", "0.2")
    away = await serve(TICKOVER_ENV="production", DATABASE_URL="postgresql://127.0.0.1:9/x")
    assert (await away.tick("t3")).status_code == 503
    assert (await away.client.post("/api/cron/made-up")).status_code == 404
    ticks = {name: count for name, count in since(before).items() if name.startswith("ticks")}
    assert ticks == {
        f"ticks_total{{mode={mode},route=background-jobs}}": 1
        for mode in ("inline", "wrong-environment", "database-unavailable")
    }


async def test_work_that_falls_back_is_counted_on_that_path(serve: Serve, before: Counter[str]) -> None:
    """Nobody listens where the engine should be."""
    site = await serve(
        BACKGROUND_JOBS_USE_INNGEST="1", INNGEST_BASE_URL="http://127.0.0.1:9", TICKOVER_SEND_TIMEOUT="0.3"
    )
    await site.tick()
    found = since(before)
    assert found["ticks_total{mode=fallback,route=background-jobs}"] == 1
    assert [found[f"obligations_total{{function={f},path=fallback,state=succeeded}}"] for f in FUNCTIONS] == [1, 1]
    assert [found[f"obligation_wait_seconds_count{{function={f},path=fallback}}"] for f in FUNCTIONS] == [1, 1]


def bucket(function: str) -> str:
    """The line of the recoveries of a function that waited for an hour at most; empty before the first one."""
    start = f'tickover_obligation_wait_seconds_bucket{{function="{function}",le="3600.0",path="recovery"}}'
    found = [line for line in exposition(Reading()).decode().splitlines() if line.startswith(start)]
    return found[0].rpartition(" ")[2] if found else "0.0"


async def test_what_a_later_tick_recovers_is_counted_with_what_it_covers(
    serve: Serve, probe: Probe, rows: Rows
) -> None:
    """Two ticks were accepted and never ran; the next one's own work is inline, and covers or recovers both."""
    site, _ = await fresh(serve, probe, rows)
    await site.tick("t2")
    rows("UPDATE tickover.obligation SET state = 'accepted', attempt = 0, path = NULL, started_at = NULL")
    rows("UPDATE tickover.obligation SET start_by = now() - interval '1 h', created_at = now() - interval '2 h'")
    before, within = counted(), {function: bucket(function) for function in FUNCTIONS}
    await site.tickover.watch.once()
    found = since(before)
    for function in FUNCTIONS:
        assert found[f"recoveries_total{{function={function},was=accepted}}"] == 1
        assert found[f"obligations_total{{function={function},path=recovery,state=succeeded}}"] == 1
        assert found[f"obligations_total{{function={function},path=recovery,state=covered}}"] == 1
        assert found[f"obligation_wait_seconds_count{{function={function},path=recovery}}"] == 1
        assert bucket(function) == within[function]


async def test_jobs_are_counted_by_kind_and_one_that_nobody_declared_has_no_name(
    database: Database, before: Counter[str]
) -> None:
    """Tried: two kinds made up by whoever may enqueue; together they are one series."""

    async def send(job: Job) -> None:
        if job.payload:
            raise RuntimeError(str(job.payload))

    queue = JobQueue(database)
    for kind, payload in (("send", {}), ("send", {"of": "acme"}), ("made-up", {}), ("x.y_z", {})):
        await queue.enqueue(kind, payload, client_id="acme")
    await drain(database, {"send": send}, budget=timedelta(seconds=5))
    assert since(before) == {
        "jobs_total{kind=send,outcome=succeeded}": 1,
        "jobs_total{kind=send,outcome=retried}": 1,
        f"jobs_total{{kind={OTHER},outcome=dead}}": 2,
    }
    assert "acme" not in exposition(Reading()).decode()


async def test_refused_requests_are_counted_each(serve: Serve, before: Counter[str]) -> None:
    """Also those that the database hears of together."""
    site = await serve()
    for _ in range(3):
        await site.client.post("/api/cron/background-jobs", headers={"authorization": "Bearer wrong"})
    assert since(before) == {"refused_requests_total{cause=cron-secret,endpoint=cron}": 3}


async def test_statuses_that_redis_did_not_take_are_counted(serve: Serve, before: Counter[str]) -> None:
    """Nobody listens there; two statuses of each function, of which the first asks, and the others need not."""
    site = await serve(REDIS_URL="redis://127.0.0.1:9/0")
    await site.tick()
    assert since(before)["status_write_failures_total{cause=away}"] == 4


async def test_without_a_redis_nothing_fails(serve: Serve, before: Counter[str]) -> None:
    """None was configured, so there is nothing to mirror."""
    site = await serve()
    await site.tick()
    assert not [name for name in since(before) if name.startswith("status")]


async def test_the_users_sdk_is_told_the_same(serve: Serve) -> None:
    """With a provider of OpenTelemetry's own SDK, set before or after; the names and units are the table's."""
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader]))
    site = await serve()
    await site.tick()
    data = reader.get_metrics_data()
    assert data is not None
    scopes = data.resource_metrics[0].scope_metrics
    told = {one.name: one for scope in scopes if scope.scope.name == "tickover" for one in scope.metrics}
    expected = {one.name: one for one in COUNTED}
    assert {"tickover.ticks", "tickover.obligations", "tickover.obligation.wait"} <= told.keys() <= expected.keys()
    assert all(told[name].unit == expected[name].unit for name in told)
    (ticks,) = told["tickover.ticks"].data.data_points
    assert ticks.attributes == {"route": "background-jobs", "mode": "inline"}
