"""Errors as problem documents (RFC 9457)."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from tickover.contract import Contract, Function
from tickover.errors import RequestError, WrongEnvironmentError

_log = structlog.stdlib.get_logger("tickover.web")
_MEDIA_TYPE = "application/problem+json"


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


def wrong_environment(error: WrongEnvironmentError) -> JSONResponse:
    """The answer of a process that may change nothing: 409, with every contradiction and its remedy."""
    members = {"environment": error.environment, "contradictions": list(error.contradictions)}
    return problem(HTTPStatus.CONFLICT, "wrong-environment", str(error), **members)


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
        known = [each.id for each in contract.functions]
        detail = f"there is no function {function!r}; there are {known}"
        raise RequestError(HTTPStatus.NOT_FOUND, "unknown-function", detail)
    return declared


class ProblemRoute(APIRoute):
    """A route whose expected errors are answered as problem documents; those of the user's own routes stay theirs."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler, with its errors answered."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestError as error:
                return problem(error.status, error.code, error.detail)
            except WrongEnvironmentError as error:
                return wrong_environment(error)
            except (OperationalError, PoolTimeout) as error:
                _log.error("database.unavailable", error=str(error))
                detail = "PostgreSQL cannot be reached; nothing more was recorded: call again"
                return problem(HTTPStatus.SERVICE_UNAVAILABLE, "database-unavailable", detail)

        return answer
