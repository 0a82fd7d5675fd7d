"""The event API: `POST /e/{event_key}`."""

import hmac

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from tickover.errors import WireError
from tickover.localengine.body import read_body
from tickover.localengine.intake import name_events
from tickover.localengine.parts import Engine
from tickover.localengine.wire import parse_events, parse_seed


def event_router(engine: Engine) -> APIRouter:
    """The router of the event API: a plain route, since every tick of an application waits for it."""
    router = APIRouter()
    kind = {"x-inngest-server-kind": engine.options.server_kind}

    async def receive(request: Request) -> JSONResponse:
        """Take events; they are stored, and their runs queued, before the answer leaves."""
        if not _known(request.path_params["event_key"], engine.options.event_keys):
            return JSONResponse({"status": 401, "message": "", "error": "Event key not found"}, 401, kind)
        try:
            ids = await _take(engine, await read_body(request), request.headers.get("x-inngest-event-id-seed"))
        except WireError as error:
            return JSONResponse({"ids": [""], "status": error.status, "error": error.detail}, error.status, kind)
        return JSONResponse({"ids": ids, "status": 200}, 200, kind)

    router.add_route("/e/{event_key}", receive, methods=["POST"])
    return router


def _known(key: str, keys: tuple[str, ...]) -> bool:
    return not keys or any(hmac.compare_digest(key.encode(), known.encode()) for known in keys)


async def _take(engine: Engine, body: bytes, seed: str | None) -> list[str]:
    millis = int(engine.stamp().timestamp() * 1000)
    events = name_events(parse_events(body, millis), parse_seed(seed), millis)
    await engine.reception.take(events)
    return [event.internal_id for event in events]
