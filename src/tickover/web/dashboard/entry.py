"""Signing in, by a token or by a one-time link, and out."""

from http import HTTPStatus
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Request, Response

from tickover import clock
from tickover.errors import SignInError
from tickover.web.access.links import use_code
from tickover.web.access.people import LONGEST_NAME, Person, tidy_name
from tickover.web.dashboard.desk import Desk, read_form

_log = structlog.stdlib.get_logger("tickover.web")
_Next = Annotated[str, Query(alias="next", max_length=1000)]
_Code = Annotated[str, Query(max_length=1000)]


def entry_router(desk: Desk) -> APIRouter:
    """The router of signing in and out."""
    router = APIRouter()

    @router.get("/enter")
    async def enter(request: Request, onward: _Next = "", code: _Code = "") -> Response:
        """Where a token is shown, or a one-time link used; the latter by a button, so that no preview uses it up."""
        return _ask(desk, request, onward, code)

    @router.post("/enter")
    async def sign_in(request: Request) -> Response:
        """Let in whoever shows a token or an unused link."""
        desk.door.require_meant(request)
        fields = await read_form(request)
        onward, code = fields.get("next", ""), fields.get("code", "")
        try:
            person = await (_by_link(desk, code) if code else _by_token(desk, fields))
        except SignInError as error:
            _log.warning("dashboard.not_signed_in", reason=str(error))
            return _ask(desk, request, onward, "", str(error), HTTPStatus.FORBIDDEN)
        answer = desk.to(_safe(desk, onward))
        desk.door.sign_in(request, answer, person)
        return answer

    @router.post("/leave")
    async def leave(request: Request) -> Response:
        """Let somebody go."""
        desk.door.require_meant(request)
        answer = desk.to("/enter")
        desk.door.sign_out(answer)
        return answer

    return router


def _ask(
    desk: Desk, request: Request, onward: str, code: str, error: str = "", status: HTTPStatus = HTTPStatus.OK
) -> Response:
    desk.require_open()
    values: dict[str, Any] = {"onward": onward, "code": code, "error": error, "longest": LONGEST_NAME}
    return desk.show(request, "enter.html", status, **values)


async def _by_token(desk: Desk, fields: dict[str, str]) -> Person:
    name, role = tidy_name(fields.get("name", "")), desk.door.role_of(fields.get("token", ""))
    if role is None:
        raise SignInError("this is neither TICKOVER_OPERATOR_TOKEN nor TICKOVER_VIEWER_TOKEN of this deployment")
    return Person(name, role)


async def _by_link(desk: Desk, code: str) -> Person:
    await desk.served.open()
    await desk.served.guard.require()
    return await use_code(desk.served.database, code, desk.door.tokens, clock.now())


def _safe(desk: Desk, onward: str) -> str:
    """A page of ours to lead to; never another site's."""
    below = onward.removeprefix(desk.base)
    is_ours = onward.startswith(f"{desk.base}/") and "//" not in below and "\\" not in below and below.isprintable()
    return below if is_ours else "/"
