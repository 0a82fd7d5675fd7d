"""The API as an application of its own, with its OpenAPI document at `openapi.json` below it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException

from tickover.errors import (
    ControlError,
    CursorError,
    JobFilterError,
    RequestError,
    SettingsError,
    WrongEnvironmentError,
)
from tickover.isolation.redaction import redact_all, secrets_in
from tickover.settings import environment
from tickover.web.access.door import DashboardDoor
from tickover.web.access.people import Role
from tickover.web.api import models
from tickover.web.api.counter import PROBLEMS, Counter
from tickover.web.api.jobs import jobs_api
from tickover.web.api.ledger import ledger_api
from tickover.web.api.rollout import rollout_api
from tickover.web.problems import problem, wrong_environment
from tickover.web.served import Served

_log = structlog.stdlib.get_logger("tickover.web")
_ABOUT = "Every figure and every act of Tickover's dashboard, for programs."


def make_api(served: Served, door: DashboardDoor) -> FastAPI:
    """The API.

    Args:
        served: the application's parts.
        door: whom it lets in.
    """
    api = FastAPI(
        title="Tickover", version="1", description=_ABOUT, docs_url=None, redoc_url=None, openapi_url="/openapi.json"
    )
    answer = _answers_without(secrets_in(environment()))
    counter = Counter(served, door)
    version = APIRouter(prefix="/v1", responses=PROBLEMS, default_response_class=answer)

    @version.get("/whoami", response_model=models.Whoami, tags=["access"])
    async def whoami(role: Annotated[Role, counter.looks]) -> dict[str, Role]:
        """What the token allows."""
        return {"role": role}

    for router in (ledger_api(counter), jobs_api(counter), rollout_api(counter)):
        version.include_router(router)
    api.include_router(version)
    _answer_errors(api)
    return api


def _answers_without(secrets: Mapping[str, str]) -> type[JSONResponse]:
    """Answers that hold no secret of the process, whatever an error or a reason says."""

    class Answer(JSONResponse):
        """JSON, redacted."""

        def render(self, content: Any) -> bytes:
            """The body."""
            return super().render(redact_all(content, secrets))

    return Answer


def _answer_errors(api: FastAPI) -> None:
    api.add_exception_handler(RequestError, _refused)
    api.add_exception_handler(ControlError, _conflict)
    api.add_exception_handler(SettingsError, _conflict)
    api.add_exception_handler(JobFilterError, _unclear)
    api.add_exception_handler(CursorError, _unclear)
    api.add_exception_handler(WrongEnvironmentError, _wrong_environment)
    api.add_exception_handler(OperationalError, _away)
    api.add_exception_handler(PoolTimeout, _away)
    api.add_exception_handler(RequestValidationError, _malformed)
    api.add_exception_handler(HTTPException, _http)


async def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestError):
        raise error
    return problem(error.status, error.code, error.detail)


async def _conflict(_: Request, error: Exception) -> Response:
    return problem(HTTPStatus.CONFLICT, "not-as-things-stand", str(error))


async def _unclear(_: Request, error: Exception) -> Response:
    return problem(HTTPStatus.BAD_REQUEST, "unclear", str(error))


async def _wrong_environment(_: Request, error: Exception) -> Response:
    if not isinstance(error, WrongEnvironmentError):
        raise error
    return wrong_environment(error)


async def _away(_: Request, error: Exception) -> Response:
    _log.error("database.unavailable", error=str(error))
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "database-unavailable", "PostgreSQL cannot be reached: call again")


async def _malformed(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "malformed", faults)


async def _http(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    answer = problem(HTTPStatus(error.status_code), "http", str(error.detail))
    answer.headers.update(error.headers or {})
    return answer
