"""The routes of the engine's pages."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from tickover.database import Database
from tickover.localengine.clock import EngineClock
from tickover.localengine.guards import Guard
from tickover.localengine.pages.reader import LOOKED_AT, Reader
from tickover.localengine.pages.waterfall import draw
from tickover.localengine.states import RunState

_STATIC = Path(__file__).with_name("static")
_ASSETS = {"engine.css": "text/css", "engine.js": "text/javascript"}
_LONGEST_JSON = 20_000
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
_Text = Annotated[str | None, Query(max_length=512, pattern=r"^[^\x00]*$")]

Show = Callable[..., Response]


class Pages:
    """Answers for each page.

    Args:
        reader: what they show.
        clock: the engine's time.
        show: renders a template.
    """

    def __init__(self, reader: Reader, clock: EngineClock, show: Show) -> None:
        self._reader = reader
        self._clock = clock
        self._show = show

    async def runs(
        self, request: Request, state: RunState | Literal[""] = "", function: _Text = None, before: _Text = None
    ) -> Response:
        """The newest runs."""
        runs = await self._reader.runs(state or None, function or None, before or None)
        chosen = {"state": state, "function": function or "", "states": list(RunState)}
        functions = [served.id for served in await self._reader.functions()]
        return self._show(request, "runs.html", runs=runs, functions=functions, **chosen)

    async def events(self, request: Request, name: _Text = None, before: _Text = None) -> Response:
        """The newest events."""
        found = await self._reader.events(name or None, before or None)
        return self._show(request, "events.html", events=found, name=name or "")

    async def event(self, request: Request, internal_id: str) -> Response:
        """An event and what it started."""
        found = await self._reader.event(internal_id)
        if found is None:
            return self._show(request, "missing.html", HTTPStatus.NOT_FOUND, what="event", id=internal_id)
        return self._show(request, "event.html", event=found, runs=await self._reader.runs_of(internal_id))

    async def run(self, request: Request, run_id: str) -> Response:
        """A run and its picture."""
        found = await self._reader.run(run_id)
        if found is None:
            return self._show(request, "missing.html", HTTPStatus.NOT_FOUND, what="run", id=run_id)
        calls, pending = await self._reader.calls(run_id), await self._reader.pending(run_id)
        picture = draw(found, calls, pending, self._clock.now())
        return self._show(request, "run.html", run=found, calls=calls, picture=picture)

    async def functions(self, request: Request) -> Response:
        """What is registered."""
        return self._show(request, "functions.html", functions=await self._reader.functions())


async def _asset(name: str) -> Response:
    """A style sheet or a script."""
    if name not in _ASSETS:
        return Response(status_code=HTTPStatus.NOT_FOUND)
    return FileResponse(_STATIC / name, media_type=_ASSETS[name], headers={"cache-control": "no-cache"})


def pages_router(database: Database, clock: EngineClock, kind: str, guard: Guard) -> APIRouter:
    """The router of the pages.

    Args:
        database: of the engine.
        clock: its time.
        kind: what it is, `dev` or `cloud`.
        guard: who may look.
    """
    pages = Pages(Reader(database), clock, _renderer(kind))
    router = APIRouter(dependencies=[Depends(guard)], default_response_class=HTMLResponse)
    router.get("/")(pages.runs)
    router.get("/events")(pages.events)
    router.get("/events/{internal_id}")(pages.event)
    router.get("/runs/{run_id}")(pages.run)
    router.get("/functions")(pages.functions)
    router.get("/static/{name}")(_asset)
    return router


def _renderer(kind: str) -> Show:
    templates = Environment(
        loader=PackageLoader("tickover.localengine.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"duration": duration, "pretty": _pretty, "moment": _moment, "clock": _clock}
    templates.globals |= {"kind": kind, "looked_at_most": LOOKED_AT}

    def show(request: Request, template: str, status: HTTPStatus = HTTPStatus.OK, /, **values: Any) -> Response:
        text = templates.get_template(template).render(request=request, **values)
        return HTMLResponse(text, status, _HEADERS)

    return show


def duration(seconds: float) -> str:
    """A number of seconds, for people: `12 ms`, `1.5 s`, `3 min 20 s`, `26 h 40 min`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def _pretty(value: Any) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return (
        text
        if len(text) <= _LONGEST_JSON
        else f"{text[:_LONGEST_JSON]}\n… {len(text) - _LONGEST_JSON:,} characters more"
    )


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds")


def _clock(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
