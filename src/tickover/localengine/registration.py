"""Registration of an application's functions: `POST /fn/register`."""

import uuid

import structlog
from fastapi import APIRouter, Request

from tickover.errors import WireError
from tickover.localengine.body import read_body
from tickover.localengine.guards import key_guard
from tickover.localengine.parts import Engine
from tickover.localengine.wire import parse_registration

_log = structlog.stdlib.get_logger("tickover.engine")


def registration_router(engine: Engine) -> APIRouter:
    """The router of registration."""
    router = APIRouter()
    require_key = key_guard(engine.options.signing_key, hashed_only=True)
    said: dict[str, dict[str, str]] = {}

    @router.post("/fn/register")
    async def register(request: Request) -> dict[str, object]:
        """Store the functions of an application; what asks for more than this engine does is refused by name."""
        require_key(request)
        registration = parse_registration(await read_body(request))
        modified = await engine.registry.register(registration)
        if said.get(registration.app, {}) != registration.refused:
            said[registration.app] = registration.refused
            for function, reason in registration.refused.items():
                _log.error("function.refused", function=function, reason=reason)
        answer: dict[str, object] = {
            "ok": True,
            "modified": modified,
            "sync_id": str(uuid.uuid4()),
            "app_id": registration.app_uuid,
        }
        return answer | ({"refused": registration.refused} if registration.refused else {})

    @router.post("/v0/connect/{path:path}")
    async def connect(path: str) -> None:
        """Refuse an application that would rather connect than be called."""
        raise WireError(501, f"the local engine knows no Connect ({path}): serve the application over HTTP")

    return router
