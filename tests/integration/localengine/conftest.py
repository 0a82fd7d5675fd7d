"""A real engine and a real application, each on a loopback port, in the test's own event loop."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import inngest
import pytest
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.integration.localengine.probe import make_app
from tests.ports import free_port
from tests.sdk import make_client
from tests.waiting import eventually
from tickover.database import Database
from tickover.localengine.options import EngineOptions
from tickover.localengine.server import HISTORY, create_engine_app
from tickover.localengine.store import EngineStore
from tickover.migrations import migrate

EVENT_KEY = "event-key"
SIGNING_KEY = "signkey-test-" + "c0ffee" * 8


@asynccontextmanager
async def serving(app: Any, port: int = 0) -> AsyncIterator[str]:
    """Serve an ASGI application on a loopback port."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", access_log=False))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined] # the test runner keeps its own
    task = asyncio.create_task(server._serve())

    async def started() -> bool:
        return server.started or task.done()

    await eventually(started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@dataclass
class Exchange:
    """One request of the engine and the application's answer."""

    method: str
    query: str
    request: Any
    status: int
    response: Any
    headers: dict[str, str]


@dataclass
class Recorder:
    """Between engine and application: writes down what goes through."""

    app: ASGIApp
    exchanges: list[Exchange] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through, and keep it with its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sent, answered, status = bytearray(), bytearray(), [0]

        async def receiving() -> Message:
            message = await receive()
            sent.extend(message.get("body", b""))
            return message

        async def sending(message: Message) -> None:
            status[0] = message.get("status", status[0])
            answered.extend(message.get("body", b""))
            await send(message)

        await self.app(scope, receiving, sending)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = scope["query_string"].decode()
        self.exchanges.append(Exchange(scope["method"], query, _json(sent), status[0], _json(answered), headers))

    def runs(self) -> list[Exchange]:
        """The calls of functions."""
        return [exchange for exchange in self.exchanges if exchange.method == "POST"]


def _json(body: bytearray) -> Any:
    return json.loads(body) if body else None


@dataclass
class Pair:
    """An engine, an application behind a recorder, and the SDK client that sends."""

    engine: str
    sdk: inngest.Inngest
    recorder: Recorder
    client: httpx.AsyncClient

    async def idle(self) -> None:
        """Wait until every run has ended."""

        async def quiet() -> bool:
            return bool((await self.client.get(f"{self.engine}/health")).json()["queued"] == 0)

        await eventually(quiet, within=60)


Start = Callable[..., Awaitable[Pair]]


@pytest.fixture
async def start(database_dsn: str) -> AsyncIterator[Start]:
    """Start an engine and the probe application, synced, in keys mode or as a dev server."""
    async with AsyncExitStack() as stack:

        async def pair(*, keys: bool, app_signing_key: str = SIGNING_KEY, **options: Any) -> Pair:
            app_port = free_port()
            url = f"http://127.0.0.1:{app_port}/api/inngest"
            secrets: dict[str, Any] = {"event_keys": (EVENT_KEY,), "signing_key": SIGNING_KEY} if keys else {}
            settings = EngineOptions(
                database_dsn, port=free_port(), app_urls=(url,), retry_interval=0.2, **secrets, **options
            )
            engine = f"http://127.0.0.1:{settings.port}"
            sdk = make_client("wire", engine, EVENT_KEY, app_signing_key if keys else None)
            recorder = Recorder(make_app(sdk))
            await stack.enter_async_context(serving(recorder, app_port))
            await stack.enter_async_context(serving(create_engine_app(settings), settings.port))
            headers = {"authorization": f"Bearer {SIGNING_KEY}"} if keys else {}
            client = await stack.enter_async_context(httpx.AsyncClient(headers=headers, timeout=30))
            running = Pair(engine, sdk, recorder, client)

            async def synced() -> bool:
                answer = await client.get(f"{engine}/health")
                return bool(answer.json()["functions"] == 7) or app_signing_key.strip() != SIGNING_KEY

            await eventually(synced)
            return running

        yield pair


@pytest.fixture
async def store(database_dsn: str) -> AsyncIterator[EngineStore]:
    """A store over a fresh database."""
    await asyncio.to_thread(migrate, database_dsn, HISTORY)
    database = Database(database_dsn)
    await database.open()
    yield EngineStore(database, lease_s=10)
    await database.close()
