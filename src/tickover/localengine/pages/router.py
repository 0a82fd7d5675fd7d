"""The routes of the engine's pages."""

from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from tickover.database import Database
from tickover.localengine.clock import EngineClock
from tickover.localengine.guards import Guard
from tickover.localengine.pages.reader import LOOKED_AT, Reader
from tickover.localengine.pages.waterfall import draw
from tickover.localengine.states import RunState
from tickover.look.rendering import Show, make_assets, make_renderer

_STATIC = Path(__file__).with_name("static")
_Text = Annotated[str | None, Query(max_length=512, pattern=r"^[^\x00]*$")]


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

    async def linked(self, run_id: Annotated[str, Query(alias="runID", pattern=r"^[0-9A-Za-z-]{1,100}$")]) -> Response:
        """Where links lead that are made for the dev server's own pages."""
        return RedirectResponse(f"/runs/{run_id}")

    async def functions(self, request: Request) -> Response:
        """What is registered."""
        return self._show(request, "functions.html", functions=await self._reader.functions())


def pages_router(database: Database, clock: EngineClock, kind: str, guard: Guard) -> APIRouter:
    """The router of the pages.

    Args:
        database: of the engine.
        clock: its time.
        kind: what it is, `dev` or `cloud`.
        guard: who may look.
    """
    names = {"kind": kind, "looked_at_most": LOOKED_AT, "base": ""}
    pages = Pages(Reader(database), clock, make_renderer("tickover.localengine.pages", names))
    router = APIRouter(dependencies=[Depends(guard)], default_response_class=HTMLResponse)
    router.get("/")(pages.runs)
    router.get("/events")(pages.events)
    router.get("/events/{internal_id}")(pages.event)
    router.get("/runs/{run_id}")(pages.run)
    router.get("/run")(pages.linked)
    router.get("/functions")(pages.functions)
    router.get("/static/{name}")(make_assets([_STATIC]))
    return router
