"""Where each function stands, and back to inline at once: `/api/jobs/rollout` and `/api/jobs/rollback`."""

import hmac
import json
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from tickover.errors import RequestError
from tickover.web.problems import ProblemRoute, require_function
from tickover.web.served import Served

_log = structlog.stdlib.get_logger("tickover.web")
_LARGEST = 10_000  # bytes


def rollout_router(served: Served) -> APIRouter:
    """The router of the rollout; it is closed where TICKOVER_OPERATOR_TOKEN is not set."""
    router = APIRouter(prefix="/api/jobs", tags=["rollout"], route_class=ProblemRoute)

    @router.get("/rollout")
    async def rollout(request: Request) -> JSONResponse:
        """Where each function stands, and what speaks for and against its next step."""
        _admit(served, request)
        await served.open()
        standings = await served.rollout.standings()
        return JSONResponse({"functions": [standing.as_json() for standing in standings]})

    @router.post("/rollback")
    async def rollback(request: Request) -> JSONResponse:
        """Back to inline from the next tick on: of one function, or of all; `{"function": …, "why": …, "by": …}`."""
        _admit(served, request)
        await served.open()
        asked = await _asked(request)
        named = asked.get("function")
        meant = served.contract.functions if named is None else [require_function(served.contract, named)]
        await served.guard.require()
        by = f"{asked.get('by') or 'operator'} over HTTP"
        done = await served.rollback.roll_back([function.id for function in meant], by, asked["why"])
        return JSONResponse(done.as_json())

    return router


def _admit(served: Served, request: Request) -> None:
    """Let operators pass.

    Raises:
        RequestError: no token, a wrong one, or none is configured.
    """
    token = served.settings.operator_token
    if token is None:
        detail = "set TICKOVER_OPERATOR_TOKEN in this deployment, or use `tickover rollback`"
        raise RequestError(HTTPStatus.UNAUTHORIZED, "no-token-configured", detail)
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    is_right = hmac.compare_digest(shown.strip().encode("latin-1"), token.get_secret_value().encode())
    if scheme.lower() != "bearer" or not is_right:
        _log.warning("operator.unauthenticated", path=request.url.path)
        detail = "send the value of TICKOVER_OPERATOR_TOKEN as 'Authorization: Bearer …'"
        raise RequestError(HTTPStatus.UNAUTHORIZED, "wrong-token", detail)


async def _asked(request: Request) -> dict[str, Any]:
    """What is asked for.

    Raises:
        RequestError: it is no JSON object of texts, or says not why.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", f"send at most {_LARGEST} bytes")
    try:
        asked = json.loads(body or b"{}")
    except ValueError:
        asked = None
    if not isinstance(asked, dict) or not all(isinstance(value, str) for value in asked.values()):
        raise RequestError(HTTPStatus.BAD_REQUEST, "no-json", 'send {"why": "…"}, and "function" for one alone')
    if not asked.get("why", "").strip():
        raise RequestError(HTTPStatus.BAD_REQUEST, "no-reason", 'say "why": it is kept, and shown')
    return asked
