"""Errors as problem documents (RFC 9457)."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import Request
from fastapi.responses import JSONResponse
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from tickover.errors import RequestError

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


async def refused(_request: Request, error: Exception) -> JSONResponse:
    """The answer to a request that cannot be served as it was sent."""
    if not isinstance(error, RequestError):
        raise error
    return problem(error.status, error.code, error.detail)


async def database_away(_request: Request, error: Exception) -> JSONResponse:
    """The answer while PostgreSQL cannot be reached; nothing was recorded, so cron may simply call again."""
    _log.error("database.unavailable", error=str(error))
    detail = "PostgreSQL cannot be reached; the tick counts as not delivered: call again"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "database-unavailable", detail)


HANDLERS = {RequestError: refused, OperationalError: database_away, PoolTimeout: database_away}
"""Which error is answered how."""
