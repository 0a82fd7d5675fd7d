"""The event API: `POST /e/{event_key}`."""

import hmac
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from tickover import clock
from tickover.errors import WireError
from tickover.localengine.intake import distinct, name_events, runs_for
from tickover.localengine.wire import parse_events, parse_seed

if TYPE_CHECKING:
    from tickover.localengine.server import Engine

_LARGEST_CALL = 32 * 1024 * 1024


def event_router(engine: "Engine") -> APIRouter:
    """The router of the event API."""
    router = APIRouter()
    kind = {"x-inngest-server-kind": engine.options.server_kind}

    @router.post("/e/{event_key}")
    async def receive(event_key: str, request: Request) -> JSONResponse:
        """Take events; they are stored, and their runs queued, before the answer leaves."""
        if not _known(event_key, engine.options.event_keys):
            return JSONResponse({"status": 401, "message": "", "error": "Event key not found"}, 401, kind)
        try:
            ids = await _take(engine, await _body(request), request.headers.get("x-inngest-event-id-seed"))
        except WireError as error:
            return JSONResponse({"ids": [""], "status": error.status, "error": error.detail}, error.status, kind)
        return JSONResponse({"ids": ids, "status": 200}, 200, kind)

    return router


def _known(key: str, keys: tuple[str, ...]) -> bool:
    return not keys or any(hmac.compare_digest(key.encode(), known.encode()) for known in keys)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_CALL:
            raise WireError(413, f"a call takes at most {_LARGEST_CALL} bytes")
    return bytes(body)


async def _take(engine: "Engine", body: bytes, seed: str | None) -> list[str]:
    millis = int(clock.now().timestamp() * 1000)
    events = name_events(parse_events(body, millis), parse_seed(seed), millis)
    first = distinct(events)
    runs = runs_for(first, await engine.registry.functions(), millis)
    if first:
        await engine.store.accept(first, runs)
        engine.scheduler.wake()
    return [event.internal_id for event in events]
