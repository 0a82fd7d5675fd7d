"""`GET /metrics`: who is let in, what stands there, and what it says when the database is away or somebody else's."""

import asyncio
from collections.abc import Mapping

import psycopg
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from psycopg.conninfo import conninfo_to_dict

from tests.integration.conftest import Rows, Serve, Site
from tests.waiting import eventually
from tickover.isolation.keys import METRICS_TOKEN
from tickover.jobs.queue import JobQueue
from tickover.settings import Settings
from tickover.telemetry.instruments import DATABASE_UP, READ
from tickover.telemetry.metrics import Reading
from tickover.web.gauges import Gauges

TOKEN = "a-scrapers-token-of-the-test-suite"
SHOWN = {"authorization": f"Bearer {TOKEN}"}


async def scrape(site: Site, headers: Mapping[str, str] = SHOWN) -> dict[str, float]:
    """Every gauge that stands there, by its name and its only label."""
    answer = await site.client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    gauges = {one.exposed for one in READ}
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name in gauges
    }


async def test_without_a_token_there_is_no_such_page(serve: Serve) -> None:
    """Closed is what nobody has configured."""
    site = await serve()
    assert (await site.client.get("/metrics")).status_code == 404


async def test_whoever_shows_no_token_is_told_nothing(serve: Serve) -> None:
    """Tried: nothing, another secret of the deployment, part of the token, more than it, another scheme, bytes."""
    site = await serve(TICKOVER_METRICS_TOKEN=TOKEN, TICKOVER_METRICS_OPEN="true")
    tried = ["", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer", "Bearer \u00e9"]
    for authorization in tried:
        answer = await site.client.get("/metrics", headers={b"authorization": authorization.encode("latin-1")})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), authorization
        assert "tickover_" not in answer.text
    assert (await site.client.get("/metrics")).status_code == 401
    assert (await site.client.get("/metrics", headers=SHOWN)).status_code == 200


async def test_it_is_open_where_somebody_says_so_at_the_path_they_say(serve: Serve) -> None:
    """Without any header."""
    site = await serve(TICKOVER_METRICS_OPEN="true", TICKOVER_METRICS_PATH="/internal/metrics/")
    answer = await site.client.get("/internal/metrics", headers={"authorization": ""})
    assert (answer.status_code, "tickover_database_up 1.0" in answer.text) == (200, True)
    app = FastAPI()
    site.tickover.mount(app)
    assert "/internal/metrics" not in app.openapi()["paths"]  # it is the scraper's, not the application's


async def test_it_says_how_things_stand(serve: Serve, rows: Rows) -> None:
    """Before the first tick no gap is made up; then the gap, the queue, the circuit and what is open."""
    site = await serve(TICKOVER_METRICS_TOKEN=TOKEN)
    first = await scrape(site)
    assert first["tickover_database_up"] == 1
    assert "tickover_coverage_gap_seconds background-jobs" not in first
    await site.tick()
    await JobQueue(site.tickover.database).enqueue("send", {}, client_id="acme")
    rows("UPDATE tickover.job SET run_at = now() - interval '90 s'")
    rows("UPDATE tickover.tick SET requested_at = now() - interval '5 min'")
    gauges = (await Gauges(site.tickover).read()).values
    found = {one.exposed: values for one, values in gauges.items()}
    assert 300 <= found["tickover_coverage_gap_seconds"]["background-jobs",] < 330
    assert found["tickover_queue_due"] == {(): 1}
    assert 90 <= found["tickover_queue_oldest_due_age_seconds"][()] < 120
    assert found["tickover_queue_stale_after_seconds"] == {(): 1800}
    assert found["tickover_circuit_open"] == {("background-jobs",): 0}
    assert found["tickover_notices_open"] == {("page",): 0, ("warn",): 0}
    assert found["tickover_wrong_environment"] == {(): 0}


async def test_many_scrapers_read_the_database_once_in_five_seconds(serve: Serve, rows: Rows) -> None:
    """What is a moment old is good enough; then it is read anew."""
    now = [100.0]
    gauges = Gauges((await serve()).tickover, lambda: now[0])
    first = await gauges.read()
    rows("DROP SCHEMA tickover CASCADE")
    now[0] += 4.9
    assert await gauges.read() is first
    now[0] += 0.1
    assert {one.exposed for one in (await gauges.read()).values} == {
        "tickover_database_up", "tickover_wrong_environment",
    }  # fmt: skip


async def test_opentelemetry_is_told_where_nobody_scrapes(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """With TICKOVER_WATCH the gauges are read beside the watchdog, as long as the application is served."""
    told: list[Reading] = []
    monkeypatch.setattr("tickover.telemetry.record_reading", told.append)
    site = await serve(TICKOVER_WATCH="60")
    app = FastAPI()
    site.tickover.mount(app)
    async with app.router.lifespan_context(app):
        await eventually(lambda: asyncio.sleep(0, bool(told)))
    assert told[0].values[DATABASE_UP] == {(): 1}


async def test_without_a_database_it_is_answered_all_the_same(serve: Serve, database_dsn: str, postgres: str) -> None:
    """200, with what the process has counted, `tickover_database_up 0`, and no other gauge of it."""
    site = await serve(TICKOVER_METRICS_TOKEN=TOKEN, TICKOVER_DATABASE_WAIT="0.2")
    await site.tick()
    name = str(conninfo_to_dict(database_dsn)["dbname"])
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
    answer = await site.client.get("/metrics", headers=SHOWN)
    assert 'tickover_ticks_total{mode="inline",route="background-jobs"}' in answer.text
    assert await scrape(site) == {"tickover_database_up": 0, "tickover_wrong_environment": 0}


async def test_in_the_wrong_environment_nothing_of_the_database_is_told(serve: Serve, rows: Rows) -> None:
    """A preview that reaches production's database says only that it is wrong there."""
    site = await serve(TICKOVER_ENV="production", INNGEST_DEV="0", TICKOVER_METRICS_TOKEN=TOKEN)
    await site.tick()
    assert rows("SELECT count(*) AS n FROM tickover.seal") == [{"n": 1}]
    preview = await serve(TICKOVER_ENV="preview:pr-7", TICKOVER_METRICS_TOKEN=TOKEN)
    assert await scrape(preview) == {"tickover_wrong_environment": 1}


@pytest.mark.parametrize("path", ["/", "metrics", "/api/cron/x", "/tickover/metrics", "/api/inngest"])
def test_a_path_that_is_taken_is_refused(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """The text names the variable."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/x")
    monkeypatch.setenv("TICKOVER_METRICS_PATH", path)
    assert "TICKOVER_METRICS_PATH" in Settings.faults()


def test_a_token_that_is_short_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifteen characters."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/x")
    monkeypatch.setenv(METRICS_TOKEN, "short-token-xyz")
    assert "short-token-xyz" not in Settings.faults()[METRICS_TOKEN]
