"""What a send makes of an engine that fails, over real sockets."""

import asyncio
import os
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from tests.gates import OpenGate
from tickover.engine.client import EngineSender, make_sdk
from tickover.errors import SendError
from tickover.isolation.redaction import secrets_in
from tickover.settings import Settings
from tickover.ticks.dispatch import Event

EVENTS = [Event("a/b", "e1", {"dispatchKey": "k"}), Event("c/d", "e2", {"dispatchKey": "k"})]
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(answer: Answer) -> AsyncIterator[str]:
    """A TCP server that answers each connection in its own way."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def saying(status: int, body: str) -> Answer:
    """An HTTP answer to whatever is asked."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write((head + body).encode())
        await writer.drain()

    return answer


async def hanging(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Take everything, say nothing."""
    await reader.read()


async def hanging_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Take the request, then close the connection."""
    await reader.readuntil(b"\r\n\r\n")


async def failure(monkeypatch: pytest.MonkeyPatch, url: str, **environment: str) -> SendError:
    """The error that a send to this URL ends in."""
    variables = {
        "DATABASE_URL": "postgresql://", "INNGEST_BASE_URL": url, "INNGEST_EVENT_KEY": "key",
        "TICKOVER_SEND_TIMEOUT": "1.5",  # the whole of it where the SDK goes on trying
    } | environment  # fmt: skip
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = Settings.read()
    sender = EngineSender(partial(make_sdk, "app", settings, "test"), settings, OpenGate(), secrets_in(os.environ))
    with pytest.raises(SendError) as caught:
        await sender.send(EVENTS)
    await sender.close()
    return caught.value


@pytest.mark.parametrize(
    ("answer", "kind", "status"),
    [
        (saying(401, '{"status": 401, "message": "", "error": "Event key not found"}'), "rejected", 401),
        (saying(400, '{"ids": [""], "status": 400, "error": "event name is empty"}'), "rejected", 400),
        (saying(404, "<h1>not here</h1>"), "rejected", 404),
        (saying(500, "{}"), "unavailable", 500),
        (saying(503, "<h1>try later</h1>"), "unavailable", 503),
        (saying(200, "<h1>a login page</h1>"), "malformed", 200),
        (saying(200, '{"ids": ["one id for two events"], "status": 200}'), "malformed", 200),
        (saying(200, '"text"'), "malformed", 200),
        (saying(302, ""), "malformed", 302),
        (hanging, "timeout", None),
        (hanging_up, "timeout", None),
    ],
    ids=["401", "400", "404", "500", "503", "html", "ids", "text", "302", "hangs", "hangs up"],
)
async def test_i10_a_send_that_fails_ends_within_its_deadline_and_is_named(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, kind: str, status: int | None
) -> None:
    """R1: whatever the SDK would still try, the error has a kind, the engine's status and a text."""
    async with listening(answer) as url:
        error = await failure(monkeypatch, url)
    assert (error.kind, error.status) == (kind, status)
    assert error.detail


@pytest.mark.parametrize("status", [200, 302, 400, 401, 404, 500, 0])
async def test_no_error_of_a_send_shows_the_event_key(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """Not where the engine's answer repeats it, nor where the SDK names the URL, which is made with it."""
    key = "event-40d1f0c8a7be9236"
    async with listening(saying(status, f'{{"error": "no key {key} at /e/{key}"}}') if status else hanging_up) as url:
        error = await failure(monkeypatch, url, INNGEST_EVENT_KEY=f"{key}\n")
    told = "".join(traceback.format_exception(error))
    assert key not in f"{error.detail} {told}"


async def test_a_wrong_event_key_is_named_in_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text says which variable to look at."""
    async with listening(saying(401, '{"error": "Event key not found"}')) as url:
        error = await failure(monkeypatch, url)
    assert "Event key not found" in error.detail
    assert "INNGEST_EVENT_KEY" in error.detail


async def test_r01_nobody_listening_is_refused_within_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's five tries are cut off, and the connection error is told."""
    error = await failure(monkeypatch, "http://127.0.0.1:9")
    assert (error.kind, error.status) == ("refused", None)
    assert "ConnectError" in error.detail


async def test_a_missing_event_key_is_told_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without INNGEST_EVENT_KEY there is nothing to send with."""
    error = await failure(monkeypatch, "http://127.0.0.1:9", INNGEST_EVENT_KEY=" ")
    assert (error.kind, error.detail) == ("unconfigured", "INNGEST_EVENT_KEY is not set")
