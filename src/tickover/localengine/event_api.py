"""The event API: `POST /e/{event_key}`."""

import hmac
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from tickover.errors import WireError
from tickover.localengine.body import read_body
from tickover.localengine.faults.kinds import FaultKind
from tickover.localengine.faults.sends import LostAnswer, refuse
from tickover.localengine.intake import name_events
from tickover.localengine.parts import Engine
from tickover.localengine.store import NewEvent
from tickover.localengine.wire import parse_events, parse_seed


def event_router(engine: Engine) -> APIRouter:
    """The router of the event API: a plain route, since every tick of an application waits for it."""
    router = APIRouter()
    kind = {"x-inngest-server-kind": engine.options.server_kind}

    async def receive(request: Request) -> Response:
        """Take events; they are stored, and their runs queued, before the answer leaves."""
        if not _known(request.path_params["event_key"], engine.options.event_keys):
            return _unknown_key()
        try:
            events = _parsed(engine, await read_body(request), request.headers.get("x-inngest-event-id-seed"))
            names = [event.body["name"] for event in events]
            await refuse(engine.faults, names, request)
            await engine.reception.take(events)
        except WireError as error:
            if error.status == HTTPStatus.UNAUTHORIZED:
                return _unknown_key()
            return JSONResponse({"ids": [""], "status": error.status, "error": error.detail}, error.status, kind)
        if await engine.faults.strike(FaultKind.SEND_ANSWER_LOST, *names):
            return LostAnswer()
        return JSONResponse({"ids": [event.internal_id for event in events], "status": 200}, 200, kind)

    def _unknown_key() -> Response:
        return JSONResponse({"status": 401, "message": "", "error": "Event key not found"}, 401, kind)

    router.add_route("/e/{event_key}", receive, methods=["POST"])
    return router


def _known(key: str, keys: tuple[str, ...]) -> bool:
    return not keys or any(hmac.compare_digest(key.encode(), known.encode()) for known in keys)


def _parsed(engine: Engine, body: bytes, seed: str | None) -> list[NewEvent]:
    millis = int(engine.stamp().timestamp() * 1000)
    return name_events(parse_events(body, millis), parse_seed(seed), millis)
