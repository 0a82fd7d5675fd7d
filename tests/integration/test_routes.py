"""Several routes in one contract, each with its own flag; and what is committed before an event leaves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from psycopg import OperationalError

from tests.integration.conftest import SECRET, Probe, Rows, probe_contract
from tests.integration.rollout.conftest import put
from tickover import Contract, Function, Responsibility, Route, Tickover
from tickover.database import Database
from tickover.rollout.controls import Controls
from tickover.rollout.stages import DURABLE, INLINE
from tickover.settings import Settings

Start = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def start(database_dsn: str, probe: Probe, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Start]:
    """Serve the probe's route and a second one, with these environment variables."""
    async with AsyncExitStack() as stack:

        async def begin(**environment: str) -> httpx.AsyncClient:
            variables = {
                "DATABASE_URL": database_dsn, "CRON_SECRET": SECRET, "INNGEST_DEV": "1",
                "TICKOVER_SEND_TIMEOUT": "0.5",
            } | environment  # fmt: skip
            for name, value in variables.items():
                monkeypatch.setenv(name, value)
            reports = Function("reports", "reports/build.requested", (Responsibility("build-reports", probe),))
            second = Route("reports", "REPORTS_USE_INNGEST", ("build-reports",), (reports,))
            contract = Contract((*probe_contract(probe).routes, second))
            tickover = Tickover(contract, app_id="two-routes", settings=Settings.read())
            app = FastAPI()
            tickover.mount(app)
            await tickover.open()
            stack.push_async_callback(tickover.close)
            headers = {"authorization": f"Bearer {SECRET}"}
            client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://two", headers=headers)
            return await stack.enter_async_context(client)

        yield begin


async def test_f13_each_route_is_rolled_out_and_back_alone(start: Start, probe: Probe) -> None:
    """One route's flag is on and its engine is away, so it falls back; the other one's is off, so nothing is sent."""
    client = await start(REPORTS_USE_INNGEST="on", INNGEST_BASE_URL="http://127.0.0.1:9")
    reports = (await client.post("/api/cron/reports")).json()
    jobs = (await client.post("/api/cron/background-jobs")).json()
    assert (reports["mode"], jobs["mode"]) == ("fallback", "inline")
    assert probe.ran() == ["build-reports", "queue-drain", "prune", "queue-health"]


async def test_f13_each_route_has_its_own_rollback_switch(start: Start) -> None:
    """Forcing one route inline leaves the other to its flag."""
    client = await start(
        REPORTS_USE_INNGEST="on",
        BACKGROUND_JOBS_USE_INNGEST="on",
        REPORTS_FORCE_INLINE="on",
        INNGEST_BASE_URL="http://127.0.0.1:9",
    )
    assert (await client.post("/api/cron/reports")).json()["mode"] == "inline"
    assert (await client.post("/api/cron/background-jobs")).json()["mode"] == "fallback"


async def test_f13_each_function_of_each_route_stands_alone(start: Start, database: Database) -> None:
    """Both flags are on: one function was set back, one is durable by what is set, one has nothing set."""
    controls = Controls(database)
    await put(controls, "process", INLINE)
    await put(controls, "reports", DURABLE)
    on = {"REPORTS_USE_INNGEST": "on", "BACKGROUND_JOBS_USE_INNGEST": "on", "INNGEST_BASE_URL": "http://127.0.0.1:9"}
    client = await start(**on)
    jobs = (await client.post("/api/cron/background-jobs")).json()
    reports = (await client.post("/api/cron/reports")).json()
    paths = {f["function"]: f["path"] for f in (*jobs["functions"], *reports["functions"])}
    # Nobody listens where the engine should be, so what is durable falls back here.
    assert paths == {"process": "inline", "maintain": "fallback", "reports": "fallback"}


async def test_i1_what_a_tick_owes_is_committed_before_its_events_leave(start: Start, rows: Rows) -> None:
    """At the moment the engine reads the request, another connection sees the tick and both obligations as owed."""
    seen: list[list[dict[str, object]]] = []

    async def engine(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        assert asked.startswith(b"POST /e/")
        query = "SELECT function, state FROM tickover.obligation ORDER BY id"
        seen.append(await asyncio.to_thread(rows, query))
        body = b'{"ids": ["1", "2"], "status": 200}'
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(engine, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = await start(BACKGROUND_JOBS_USE_INNGEST="on", INNGEST_BASE_URL=f"http://127.0.0.1:{port}")
    answer = await client.post("/api/cron/background-jobs")
    server.close()
    assert (answer.status_code, answer.json()["eventIds"]) == (202, ["1", "2"])
    assert seen == [[{"function": "process", "state": "owed"}, {"function": "maintain", "state": "owed"}]]
    assert rows("SELECT DISTINCT state FROM tickover.obligation") == [{"state": "accepted"}]


async def test_i11_a_tick_that_was_recorded_and_never_handed_over_is_taken_up(start: Start, rows: Rows) -> None:
    """The process died between recording and sending: cron calls again, and the work is done inline."""
    client = await start()
    headers = {"idempotency-key": "t1"}
    await client.post("/api/cron/background-jobs", headers=headers)
    rows("TRUNCATE tickover.responsibility_run")
    rows("UPDATE tickover.obligation SET state = 'owed', path = NULL, started_at = NULL, attempt = 0")
    early = (await client.post("/api/cron/background-jobs", headers=headers)).json()
    assert early["mode"] == "duplicate"
    rows("UPDATE tickover.obligation SET created_at = now() - interval '1 min'")
    late = (await client.post("/api/cron/background-jobs", headers=headers)).json()
    assert (late["mode"], late["reason"]) == ("inline", "the tick came to nothing before")
    assert {f["state"] for f in late["functions"]} == {"succeeded"}


async def test_i2_every_obligation_of_a_route_ends_whatever_came_before(start: Start, rows: Rows) -> None:
    """Obligations stuck in every unended state, all late: the next tick of another route ends them all."""
    client = await start()
    stuck = {"owed": "inline", "accepted": "durable", "running": "durable", "retrying": "durable"}
    for state in stuck:
        await client.post("/api/cron/background-jobs", headers={"idempotency-key": state})
    rows("TRUNCATE tickover.responsibility_run")
    for state, path in stuck.items():
        rows(
            "UPDATE tickover.obligation o SET state = %s, path = %s, start_by = now() - interval '1 s', "
            "finish_by = now() - interval '1 s', lease_expires_at = now() - interval '1 s' "
            "FROM tickover.tick t WHERE t.id = o.tick_id AND t.dispatch_key LIKE %s",
            state, path, f"%:{state}",
        )  # fmt: skip
    answer = (await client.post("/api/cron/reports")).json()
    assert {(r["function"], r["late"]) for r in answer["recovered"]} == {("process", 4), ("maintain", 4)}
    ended = rows("SELECT state, count(*) FROM tickover.obligation GROUP BY 1 ORDER BY 1")
    assert ended == [{"state": "covered", "count": 6}, {"state": "succeeded", "count": 3}]


async def test_a_database_that_is_away_makes_cron_call_again(start: Start) -> None:
    """Nobody listens at DATABASE_URL: 503 as a problem document, so that the scheduler delivers the tick again."""
    client = await start(DATABASE_URL="postgresql://127.0.0.1:9/x", TICKOVER_DATABASE_WAIT="0.2")
    answer = await client.post("/api/cron/reports")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.json()["type"] == "urn:tickover:problem:database-unavailable"


async def test_errors_of_the_users_own_routes_stay_theirs(
    database_dsn: str, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An application that handles its database's errors in its own way goes on doing so."""
    app = FastAPI()

    @app.get("/own")
    async def own() -> None:
        raise OperationalError("the user's own database")

    @app.exception_handler(OperationalError)
    async def handled(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse({"handled": "by the user"}, 418)

    monkeypatch.setenv("DATABASE_URL", database_dsn)
    Tickover(probe_contract(probe), app_id="own").mount(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://own") as client:
        answer = await client.get("/own")
    assert (answer.status_code, answer.json()) == (418, {"handled": "by the user"})
