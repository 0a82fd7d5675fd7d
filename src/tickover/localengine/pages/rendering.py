"""Makes the pages: templates, headers, and the files they load."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined

from tickover.localengine.pages.durations import duration

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
"""Of every page: nothing of another host, nothing inline, in nobody's frame."""

ASSETS = {"pages.css": "text/css", "pages.js": "text/javascript", "icon.svg": "image/svg+xml"}
"""The files that pages load, with their types."""


class PageRoute(APIRoute):
    """A route that answers with a page, also where the question cannot be read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler, with the headers of a page."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                response = await handle(request)
            except RequestValidationError as error:
                faults = [f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors()]
                response = page(request, "problem.html", 422, title="The address cannot be read", faults=faults)
            response.headers.update(HEADERS)
            return response

        return answer


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page.

    Args:
        request: which asks for it.
        template: of which it is made.
        status: of the answer.
        values: that the template names.
    """
    text = _templates.get_template(template).render(base=str(request.base_url), path=request.url.path, **values)
    return HTMLResponse(text, status)


def asset(name: str) -> Response:
    """One of the files that pages load.

    Raises:
        KeyError: there is none of that name.
    """
    content = files("tickover.localengine.pages").joinpath("static", name)
    return Response(media_type=ASSETS[name], content=content.read_bytes())


def _percent(fraction: float) -> str:
    return f"{fraction * 100:.3f}%"


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


_templates = Environment(
    loader=PackageLoader("tickover.localengine.pages"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
_templates.filters |= {"duration": duration, "percent": _percent, "utc": _utc}
