"""The pages about ticks and functions, and the audit."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from tickover import clock
from tickover.errors import RequestError
from tickover.insight.functions import Bucket, FunctionDay
from tickover.isolation.engine import Engine
from tickover.look.words import duration
from tickover.ticks.decision import Mode
from tickover.verify.diagnosis import chain_of
from tickover.verify.links import first_broken
from tickover.web.dashboard.charts import Chart, columns, lines
from tickover.web.dashboard.desk import Desk
from tickover.web.dashboard.overview import KINDS, age_chart, depth_chart, look
from tickover.web.problems import require_function

_LIMIT = 50
_OUTCOMES = ("durable", "inline", "fallback", "recovery", "failed")
_COUNTS = ("looked_at", "changed", "left")
_Name = Annotated[str, Path(max_length=500, pattern=r"^[^\x00]+$")]
_Text = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
_Before = Annotated[int | None, Query(ge=1, le=2**63 - 1)]


class LedgerPages:
    """Answers for each page.

    Args:
        desk: what shows them.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._served = desk.served

    async def overview(self, request: Request) -> Response:
        """One page for everything."""
        found = await look(self._served)
        values = {"overview": found, "depth": depth_chart(found.samples), "age": age_chart(found.samples)}
        return self._desk.show(request, "overview.html", here="/", kinds=KINDS, **values)

    async def ticks(self, request: Request, route: _Text = "", mode: _Text = "", before: _Before = None) -> Response:
        """The newest ticks."""
        page = await self._served.insight.lists.ticks(route or None, mode or None, before, _LIMIT)
        routes = [each.id for each in self._served.contract.routes]
        chosen = {"route": route, "mode": mode, "routes": routes, "modes": list(Mode)}
        return self._desk.show(request, "ticks.html", here="/ticks", page=page, is_first=before is None, **chosen)

    async def tick(self, request: Request, dispatch_key: _Name, engine: bool = False) -> Response:
        """One tick, from cron to the status."""
        story = await self._served.insight.stories.read(dispatch_key)
        if story is None:
            detail = f"no tick {dispatch_key!r} is recorded here: it was never, or it was forgotten after its time"
            raise RequestError(HTTPStatus.NOT_FOUND, "unknown-tick", detail)
        links = await chain_of(self._served, dispatch_key, asks=engine)
        values = {"story": story, "links": links, "broken": first_broken(links), "run_url": self._run_url}
        return self._desk.show(request, "tick.html", here="/ticks", asked=engine, **values)

    async def function(self, request: Request, function: _Name) -> Response:
        """What a function did over the day."""
        declared = require_function(self._served.contract, function)
        day = await self._served.insight.functions.day(declared, clock.now())
        charts = {"outcomes": _outcomes(day.buckets), "durations": _durations(day.buckets)}
        series = {name: [(of, _series(day, name, of)) for of in _COUNTS] for name in day.counted}
        values = {"function": declared, "day": day, "charts": charts, "series": series, "kinds": KINDS}
        return self._desk.show(request, "function.html", here="", **values)

    async def audit(self, request: Request, subject: _Text = "", before: _Before = None) -> Response:
        """Who did what, when and why."""
        page = await self._served.insight.lists.audit(subject or None, before, _LIMIT)
        values = {"page": page, "subject": subject, "is_first": before is None}
        return self._desk.show(request, "audit.html", here="/audit", **values)

    def _run_url(self, run_id: str) -> str:
        """Where the engine shows a run."""
        settings = self._served.settings
        engine = Engine(settings.engine_url, settings.dev_mode)
        if engine.url is None or engine.is_cloud:
            name = self._served.guard.offline.engine_environment
            return f"https://app.inngest.com/env/{name}/runs/{run_id}"
        return f"{engine.url}/run?runID={run_id}"


def ledger_pages(desk: Desk) -> APIRouter:
    """The router of the ledger's pages."""
    pages, router = LedgerPages(desk), APIRouter(dependencies=[Depends(desk.admit)])
    router.get("/")(pages.overview)
    router.get("/ticks")(pages.ticks)
    router.get("/ticks/{dispatch_key:path}")(pages.tick)
    router.get("/functions/{function:path}")(pages.function)
    router.get("/audit")(pages.audit)
    return router


def _outcomes(buckets: Sequence[Bucket]) -> Chart | None:
    parts: list[Mapping[str, float]] = [dict(bucket.outcomes) for bucket in buckets]
    words = [", ".join(f"{n} {kind}" for kind, n in bucket.outcomes.items()) or "nothing" for bucket in buckets]
    return columns([bucket.at for bucket in buckets], parts, _OUTCOMES, words)


def _durations(buckets: Sequence[Bucket]) -> Chart | None:
    words = [_percentiles(bucket) for bucket in buckets]
    figures = {"first": [b.took.p50 for b in buckets], "second": [b.took.p95 for b in buckets]}
    return lines([bucket.at for bucket in buckets], figures, words, least=0.001)


def _percentiles(bucket: Bucket) -> str:
    took = bucket.took
    if took.p50 is None or took.p95 is None:
        return "nothing ended"
    return f"p50 {duration(took.p50)}, p95 {duration(took.p95)} of {took.count}"


def _series(day: FunctionDay, responsibility: str, of: str) -> Chart | None:
    counted = {each.part: each for each in day.counted[responsibility]}
    found = [counted.get(part) for part in range(len(day.buckets))]
    figures = [None if each is None else float(getattr(each, of)) for each in found]
    words = [
        "it did not run"
        if each is None or figure is None
        else f"{figure:,.0f} in {each.runs} runs, {duration(each.mean_ms / 1000)} each"
        for figure, each in zip(figures, found, strict=True)
    ]
    return lines([bucket.at for bucket in day.buckets], {"first": figures}, words)
