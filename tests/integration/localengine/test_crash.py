"""The real engine process, killed without warning at the worst moments, loses nothing; nor do two of them collide."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx
import inngest
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.integration.localengine.conftest import Recorder, serving
from tests.integration.localengine.probe import make_app
from tests.ports import free_port
from tests.sdk import make_client
from tests.waiting import eventually
from tickover.localengine.options import EngineOptions
from tickover.localengine.server import create_engine_app


@dataclass
class Counting:
    """In front of the application: how many calls of a function it serves at a time, at most."""

    app: ASGIApp
    function: str
    now: int = 0
    most: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count a call while it is served."""
        counted = scope["type"] == "http" and self.function.encode() in scope["query_string"]
        self.now += counted
        self.most = max(self.most, self.now)
        try:
            await self.app(scope, receive, send)
        finally:
            self.now -= counted


@asynccontextmanager
async def engine_process(dsn: str, port: int, app_url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The real command, ready; killed in the end if it is still alive."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tickover", "engine", "--port", str(port), "--app", app_url, "--retry-interval", "0.2"),
        env=os.environ | {"DATABASE_URL": dsn},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            await eventually(lambda: _knows(client, 7), within=60)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _knows(client: httpx.AsyncClient, functions: int) -> bool:
    try:
        return bool((await client.get("/health")).json().get("functions") == functions)
    except (httpx.HTTPError, ValueError):
        return False


def _until(condition: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return condition()

    return holds


async def _ended(client: httpx.AsyncClient, event_id: str) -> bool:
    found = (await client.get(f"/v1/events/{event_id}/runs")).json()["data"]
    return [run["status"] for run in found] == ["Completed"]


def _client_of(port: int) -> inngest.Inngest:
    return make_client("wire", f"http://127.0.0.1:{port}", "any")


@pytest.mark.parametrize("moment", ["between-steps", "during-a-call"])
async def test_a_killed_engine_goes_on_where_it_was(database_dsn: str, moment: str) -> None:
    """After kill -9 and a restart the run ends, and no step whose result was kept is done again."""
    port = free_port()
    sdk = _client_of(port)
    recorder = Recorder(make_app(sdk))
    slow = Counting(recorder, "slow-one-at-a-time")
    async with serving(slow) as app, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        async with engine_process(database_dsn, port, f"{app}/api/inngest") as engine:
            if moment == "between-steps":
                event = inngest.Event(name="background/process.requested", id="e-1", data={"dispatchKey": "k1"})
                caught = _until(lambda: len(recorder.runs()) == 2)  # the step is memoized, the sleep is answered
            else:
                event = inngest.Event(name="probe/slow", id="e-1", data={"n": 1})
                caught = _until(lambda: slow.now == 1)
            await sdk.send(event)
            await eventually(caught)
            engine.kill()
            await engine.wait()
        async with engine_process(database_dsn, port, f"{app}/api/inngest"):
            await eventually(lambda: _ended(client, "e-1"), within=60)
    drains = [call for call in recorder.runs() if "process-background" in call.query and call.request["steps"] == {}]
    assert len(drains) == (1 if moment == "between-steps" else 0)


async def test_an_accepted_event_outlives_the_engine(database_dsn: str) -> None:
    """A kill right after the 200 of a send loses none of its events: each runs after the restart."""
    port = free_port()
    sdk = _client_of(port)
    recorder = Recorder(make_app(sdk))
    events = [inngest.Event(name="background/maintenance.requested", id=f"e-{n}", data={}) for n in range(200)]
    async with serving(recorder) as app, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        async with engine_process(database_dsn, port, f"{app}/api/inngest") as engine:
            await sdk.send(events)
            engine.kill()
            await engine.wait()
        async with engine_process(database_dsn, port, f"{app}/api/inngest"):

            async def idle() -> bool:
                return bool((await client.get("/health")).json()["queued"] == 0)

            await eventually(idle, within=60)
            assert [n for n in range(200) if not await _ended(client, f"e-{n}")] == []


async def test_a_limit_holds_over_two_engines(database_dsn: str) -> None:
    """Two engines on one database call a function with limit 1 one run at a time, each run once."""
    async with AsyncExitStack() as stack:
        options = EngineOptions(database_dsn, retry_interval=0.2)
        engines = [await stack.enter_async_context(serving(create_engine_app(options))) for _ in range(2)]
        sdk = _client_of(int(engines[0].rsplit(":", 1)[1]))
        recorder = Recorder(make_app(sdk))
        counting = Counting(recorder, "slow-one-at-a-time")
        app = await stack.enter_async_context(serving(counting))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=engines[1], timeout=30))
        assert (await client.put(f"{app}/api/inngest", json={"url": f"{app}/api/inngest"})).is_success
        await sdk.send([inngest.Event(name="probe/slow", id=f"s-{n}", data={"n": n}) for n in range(6)])

        async def idle() -> bool:
            return bool((await client.get("/health")).json()["queued"] == 0)

        await eventually(idle, within=30)
    ran = sorted(call.request["event"]["data"]["n"] for call in recorder.runs() if "slow" in call.query)
    assert (counting.most, ran) == (1, list(range(6)))
