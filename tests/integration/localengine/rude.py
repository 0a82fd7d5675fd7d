"""An application that answers an engine with whatever bytes a test wants, and the engine it is registered with."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from structlog.processors import format_exc_info
from structlog.testing import capture_logs

from tests.integration.localengine.conftest import serving
from tests.ports import free_port
from tests.waiting import eventually
from tickover.localengine.clock import EngineClock
from tickover.localengine.options import EngineOptions
from tickover.localengine.server import create_engine_app

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]
SOUND = "sound"
"""The function that answers as it should, and its event: what is to be served whatever else goes wrong."""


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    """The bytes of an answer, of an SDK's to its headers."""
    fixed = ["x-inngest-sdk: rude", "connection: close", f"content-length: {len(body)}"]
    lines = [f"HTTP/1.1 {status}", *fixed, *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def ops(*wanted: Mapping[str, Any], **headers: str) -> bytes:
    """The bytes of an answer with ops."""
    return http("206 Partial Content", json.dumps(wanted).encode(), *(f"{k}: {v}" for k, v in headers.items()))


@dataclass
class RudeApp:
    """Answers over plain sockets, each function in its way, and then closes; counts what it was asked.

    Args:
        answers: by function: bytes, or what writes them.
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(line for line in head.lower().splitlines() if line.startswith("content-length:"))
            await reader.readexactly(int(length.partition(":")[2]))
            name = parse_qs(urlsplit(head.split(" ")[1]).query).get("fnId", ["?"])[0]
            self.calls.append(name)
            answer = self.answers.get(name, http("200 OK", b'"sound"'))
            if isinstance(answer, bytes):
                writer.write(answer)
            else:
                await answer(writer)
            await writer.drain()
        writer.close()


def function(name: str, port: int, /, **config: Any) -> dict[str, Any]:
    """A function as an SDK registers it: called on its own event, or on what `triggers` says; never again if it fails.

    `config` replaces what stands there; `url` the URL.
    """
    url = config.pop("url", f"http://127.0.0.1:{port}/api?fnId={name}&stepId=step")
    runtime = {"type": "http", "url": url}
    step = {"id": "step", "name": "step", "retries": {"attempts": 0}, "runtime": runtime}
    return {"id": name, "name": name, "triggers": [{"event": name}], "steps": {"step": step}} | config


@dataclass
class World:
    """An engine, and a rude application."""

    engine: str
    client: httpx.AsyncClient
    app: RudeApp
    port: int
    clock: EngineClock

    async def register(self, *functions: dict[str, Any], app: str = "rude", sound: bool = True) -> httpx.Response:
        """Register functions, and beside them the sound one."""
        wanted = [*functions, *([function(SOUND, self.port)] if sound else [])]
        return await self.client.post(f"{self.engine}/fn/register", json={"appname": app, "functions": wanted})

    async def send(self, name: str, *, key: str = "any", **fields: Any) -> str:
        """Send an event, which must be taken; its id."""
        answer = await self.client.post(f"{self.engine}/e/{key}", json={"name": name, "data": {}, **fields})
        assert answer.status_code == 200, answer.text
        (id_,) = answer.json()["ids"]
        return str(id_)

    async def runs(self, id_: str) -> list[dict[str, Any]]:
        """The runs that an event started, when nothing is to be done any more."""

        async def quiet() -> bool:
            return bool((await self.client.get(f"{self.engine}/health")).json()["queued"] == 0)

        await eventually(quiet, within=30)
        found = await self.client.get(f"{self.engine}/v1/events/{id_}/runs")
        assert found.status_code == 200, found.text
        return list(found.json()["data"])

    async def run(self, name: str, **fields: Any) -> dict[str, Any]:
        """Send an event; how its one run ended."""
        (run,) = await self.runs(await self.send(name, **fields))
        return run

    async def still_serves(self) -> None:
        """Nothing else was lost: the sound function runs."""
        run = await self.run(SOUND)
        assert (run["status"], run["output"]) == ("Completed", "sound")


@asynccontextmanager
async def rude_world(dsn: str, **options: Any) -> AsyncIterator[World]:
    """An engine, and a rude application with nothing registered; the engine's log holds no stack trace in the end."""
    app, clock = RudeApp(), EngineClock()
    settings = EngineOptions(dsn, port=free_port(), retry_interval=0.2, **options)
    server = await asyncio.start_server(app, "127.0.0.1", 0)
    with capture_logs(processors=[format_exc_info]) as logs:
        async with (
            server,
            serving(create_engine_app(settings, clock), settings.port) as engine,
            httpx.AsyncClient(timeout=30) as client,
        ):
            yield World(engine, client, app, server.sockets[0].getsockname()[1], clock)
    unexpected = [entry["exception"] for entry in logs if "exception" in entry]
    assert unexpected == [], unexpected[0]
