"""Errors as problem documents (RFC 9457)."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from tickover.contract import EVERY_FUNCTION, Contract, Function
from tickover.errors import (
    ControlError,
    CursorError,
    JobFilterError,
    RequestError,
    SettingsError,
    WrongEnvironmentError,
)

_log = structlog.stdlib.get_logger("tickover.web")
_MEDIA_TYPE = "application/problem+json"
EXPECTED = (
    RequestError, ControlError, SettingsError, JobFilterError, CursorError, WrongEnvironmentError, OperationalError,
    PoolTimeout,
)  # fmt: skip
"""What a request may be refused with; anything else is a fault of the program."""

_WRONG_ENVIRONMENT, _DATABASE_UNAVAILABLE = "wrong-environment", "database-unavailable"
UNDONE = (_WRONG_ENVIRONMENT, _DATABASE_UNAVAILABLE)
"""The problems of a tick that is as it should be, and for which nothing could be done."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What an expected error comes to.

    Args:
        status: the HTTP status.
        code: a stable name of the case.
        detail: what was wrong, and what to do.
        members: what a program may want to know besides.
    """

    status: HTTPStatus
    code: str
    detail: str
    members: Mapping[str, Any] = field(default_factory=dict)


def problem_of(error: Exception) -> Problem:
    """What an error comes to, whoever is told it: a program, or a reader of pages.

    Args:
        error: one of `EXPECTED`; any other is raised on.
    """
    found = _meaning(error)
    if found.code == _DATABASE_UNAVAILABLE:
        _log.error("database.unavailable", error=str(error))
    return found


def undone_by(error: Exception) -> str | None:
    """The code of `UNDONE` that an error comes to; None where it comes to something else.

    Args:
        error: one of `EXPECTED`; any other is raised on.
    """
    code = _meaning(error).code
    return code if code in UNDONE else None


def _meaning(error: Exception) -> Problem:
    match error:
        case RequestError():
            return Problem(error.status, error.code, error.detail)
        case ControlError() | SettingsError():
            return Problem(HTTPStatus.CONFLICT, "not-as-things-stand", str(error))
        case JobFilterError() | CursorError():
            return Problem(HTTPStatus.BAD_REQUEST, "unclear", str(error))
        case WrongEnvironmentError():
            members = {"environment": error.environment, "contradictions": list(error.contradictions)}
            return Problem(HTTPStatus.CONFLICT, _WRONG_ENVIRONMENT, str(error), members)
        case OperationalError() | PoolTimeout():
            detail = "PostgreSQL cannot be reached; nothing more was done or recorded: call again"
            return Problem(HTTPStatus.SERVICE_UNAVAILABLE, _DATABASE_UNAVAILABLE, detail)
        case _:
            raise error


def problem(status: HTTPStatus, code: str, detail: str, **members: Any) -> JSONResponse:
    """A problem document.

    Args:
        status: the HTTP status.
        code: a stable name of the case, the end of the document's `type`.
        detail: what was wrong, and what to do.
        members: extension members.
    """
    body = {
        "type": f"urn:tickover:problem:{code}",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        **members,
    }
    return JSONResponse(body, status, media_type=_MEDIA_TYPE)


def answer_to(error: Exception) -> JSONResponse:
    """The problem document of an error.

    Args:
        error: one of `EXPECTED`; any other is raised on.
    """
    found = problem_of(error)
    return problem(found.status, found.code, found.detail, **found.members)


def require_function(contract: Contract, function: str) -> Function:
    """The function of that id.

    Args:
        contract: that has to declare it.
        function: as somebody named it.

    Raises:
        RequestError: there is none; the text says which there are.
    """
    declared = contract.function(function)
    if declared is None:
        known = ", ".join(each.id for each in contract.functions)
        detail = f"there is no function {function!r}; there are {known}"
        raise RequestError(HTTPStatus.NOT_FOUND, "unknown-function", detail)
    return declared


def require_functions(contract: Contract, meant: str) -> Sequence[Function]:
    """The function of that id, or every one where `all` is meant.

    Args:
        contract: that has to declare it.
        meant: as somebody named it.

    Raises:
        RequestError: there is none; the text says which there are.
    """
    return contract.functions if meant == EVERY_FUNCTION else (require_function(contract, meant),)


class ProblemRoute(APIRoute):
    """A route whose expected errors are answered as problem documents; those of the user's own routes stay theirs."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler, with its errors answered."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except EXPECTED as error:
                return answer_to(error)

        return answer
