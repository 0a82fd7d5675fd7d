"""The API as an application of its own, with its OpenAPI document at `openapi.json` below it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from tickover.isolation.redaction import redact_all, secrets_in
from tickover.settings import environment
from tickover.web.access.door import DashboardDoor
from tickover.web.access.people import Role
from tickover.web.api import models
from tickover.web.api.counter import PROBLEMS, Counter
from tickover.web.api.jobs import jobs_api
from tickover.web.api.ledger import ledger_api
from tickover.web.api.rollout import rollout_api
from tickover.web.problems import EXPECTED, answer_to, problem
from tickover.web.served import Served

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
    for kind in EXPECTED:
        api.add_exception_handler(kind, _refused)
    api.add_exception_handler(RequestValidationError, _malformed)
    api.add_exception_handler(HTTPException, _http)


async def _refused(_: Request, error: Exception) -> Response:
    return answer_to(error)


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
