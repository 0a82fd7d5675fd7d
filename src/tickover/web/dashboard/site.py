"""The dashboard as an application of its own, to be mounted on the user's; its JSON API lies below `/api`."""

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from tickover.errors import WrongEnvironmentError
from tickover.web.access.door import make_dashboard_door
from tickover.web.api.site import make_api
from tickover.web.dashboard.check import check_router
from tickover.web.dashboard.desk import Desk, NotSignedInError
from tickover.web.dashboard.entry import entry_router
from tickover.web.dashboard.jobs import job_pages
from tickover.web.dashboard.ledger import ledger_pages
from tickover.web.dashboard.notices import notice_pages
from tickover.web.dashboard.rollout import rollout_pages
from tickover.web.problems import EXPECTED, problem, problem_of
from tickover.web.served import Served

_PAGES = (entry_router, ledger_pages, job_pages, rollout_pages, notice_pages, check_router)


def make_dashboard(served: Served) -> FastAPI:
    """The dashboard, closed until a token is configured.

    Args:
        served: the application whose ticks, jobs and functions it shows.
    """
    door = make_dashboard_door(served.settings)
    desk = Desk(served, door)
    site = FastAPI(title="Tickover", docs_url=None, redoc_url=None, openapi_url=None)
    site.get("/static/{name}")(desk.asset)
    for pages in _PAGES:
        site.include_router(pages(desk))
    site.mount("/api", make_api(served, door))
    _Errors(desk).answered_by(site)
    return site


class _Errors:
    """Answers what went wrong with a page that says so.

    Args:
        desk: what shows it.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def answered_by(self, site: FastAPI) -> None:
        """Answer a site's errors."""
        site.add_exception_handler(NotSignedInError, self._to_entry)
        for kind in EXPECTED:
            site.add_exception_handler(kind, self._refused)
        site.add_exception_handler(WrongEnvironmentError, self._wrong_environment)
        site.add_exception_handler(RequestValidationError, self._malformed)
        site.add_exception_handler(HTTPException, self._http)
        site.add_exception_handler(Exception, self._unforeseen)

    async def _to_entry(self, request: Request, _error: Exception) -> Response:
        onward = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return self._desk.to(f"/enter?next={quote(onward)}" if request.method == "GET" else "/enter")

    async def _refused(self, request: Request, error: Exception) -> Response:
        found = problem_of(error)
        return self._page(request, found.status, found.detail)

    async def _wrong_environment(self, request: Request, error: Exception) -> Response:
        return self._desk.show(request, "environment.html", HTTPStatus.CONFLICT, error=error)

    async def _malformed(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        faults = "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors())
        return self._page(request, HTTPStatus.BAD_REQUEST, f"this cannot be asked for: {faults}")

    async def _http(self, request: Request, error: Exception) -> Response:
        status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.NOT_FOUND
        if request.url.path.startswith(f"{self._desk.base}/api/"):  # a line break in a path leads past the API
            return problem(status, "http", "there is no such path")
        return self._page(request, status, "there is no such page")

    async def _unforeseen(self, request: Request, _error: Exception) -> Response:
        detail = "something went wrong that nobody had thought of; the application's log tells it whole"
        return self._page(request, HTTPStatus.INTERNAL_SERVER_ERROR, detail)

    def _page(self, request: Request, status: HTTPStatus, detail: str) -> Response:
        values: dict[str, Any] = {"status": status, "detail": detail}
        return self._desk.show(request, "refused.html", status, **values)
