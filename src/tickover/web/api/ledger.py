"""Ticks, functions, notices, the audit and the check over the API."""

from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from tickover import clock
from tickover.errors import RequestError
from tickover.insight.function_days import FunctionNow
from tickover.jobs.queue import COUNTED_UP_TO
from tickover.notices.notice import Notice
from tickover.rollout.stages import InForce
from tickover.ticks.decision import Mode
from tickover.verify.diagnosis import chain_of
from tickover.verify.offline import check
from tickover.verify.proof import report
from tickover.web.api import ledger_models as models
from tickover.web.api.counter import Counter
from tickover.web.api.models import Act
from tickover.web.dashboard.overview import Overview, RouteNow, look
from tickover.web.problems import require_function

_Name = Annotated[str, Path(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]
_Text = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]
_Before = Annotated[int | None, Query(ge=1, le=2**63 - 1, description="`next` of the page before")]
_Limit = Annotated[int, Query(ge=1, le=200)]


class LedgerCalls:
    """Answers calls about the ledger.

    Args:
        counter: whose application it is.
    """

    def __init__(self, counter: Counter) -> None:
        self._served = counter.served

    async def overview(self) -> Any:
        """Is every tick's work done, by whom, and if not, why?"""
        return _overview(await look(self._served))

    async def ticks(
        self, route: _Text = None, mode: Mode | None = None, before: _Before = None, limit: _Limit = 50
    ) -> Any:
        """The newest ticks; a page may hold fewer than asked for, and go on."""
        return await self._served.insight.lists.ticks(route or None, mode, before, limit)

    async def tick(self, dispatch_key: _Name) -> Any:
        """One tick, from cron to the status; the engine is not asked."""
        story = await self._served.insight.stories.read(dispatch_key)
        if story is None:
            raise RequestError(HTTPStatus.NOT_FOUND, "unknown-tick", f"no tick {dispatch_key!r} is recorded here")
        chain = await chain_of(self._served, dispatch_key, asks=False)
        told = {"tick": story.tick, "obligations": list(story.obligations), "runs": list(story.runs)}
        return models.Story.model_validate({**told, "chain": chain})

    async def function(self, function: _Name) -> Any:
        """What a function did over the last day."""
        declared = require_function(self._served.contract, function)
        return await self._served.insight.functions.day(declared, clock.now())

    async def audit(self, subject: _Text = None, before: _Before = None, limit: _Limit = 50) -> Any:
        """Who did what, when and why."""
        return await self._served.insight.lists.audit(subject or None, before, limit)

    async def notices(self, limit: _Limit = 50) -> Any:
        """The newest notices, and where they go."""
        notices = self._served.notices
        return models.Notices(destinations=notices.destinations, notices=_each(await notices.recent(limit)))

    async def test_notice(self, request: Request, asked: Act) -> Any:
        """Send a test message to each destination."""
        return [tried.as_json() for tried in await self._served.notices.test(asked.name(request.state.role))]

    async def check(self) -> Any:
        """What `tickover check` says of the process that answers."""
        return report.as_json(self._served.app_id, await check(lambda: self._served, COUNTED_UP_TO))


def ledger_api(counter: Counter) -> APIRouter:
    """The routes of the ledger."""
    calls, router = LedgerCalls(counter), APIRouter(tags=["ledger"])
    looks, acts = [counter.looks], [counter.acts]
    router.get("/overview", response_model=models.Overview, dependencies=looks)(calls.overview)
    router.get("/ticks", response_model=models.TickPage, dependencies=looks)(calls.ticks)
    router.get("/ticks/{dispatch_key}", response_model=models.Story, dependencies=looks)(calls.tick)
    router.get("/functions/{function}", response_model=models.FunctionDay, dependencies=looks)(calls.function)
    router.get("/audit", response_model=models.AuditPage, dependencies=looks)(calls.audit)
    router.get("/notices", response_model=models.Notices, dependencies=looks)(calls.notices)
    router.post("/notices/test", response_model=list[models.Tried], dependencies=acts)(calls.test_notice)
    router.get("/check", response_model=models.Check, dependencies=looks)(calls.check)
    return router


def _overview(found: Overview) -> models.Overview:
    return models.Overview(
        routes=[_route(route) for route in found.routes],
        functions=[_function(now, in_force) for now, in_force in found.functions],
        notices=_each(found.notices),
        findings=[models.Finding.model_validate(finding) for finding in found.findings],
        queue=[models.QueueSample.model_validate(sample) for sample in found.samples],
        environment=found.verdict.as_json(),
    )


def _route(route: RouteNow) -> models.RouteNow:
    return models.RouteNow(
        id=route.id,
        circuit=str(route.circuit.state),
        circuit_reason=route.circuit.reason,
        is_cut=route.day.is_cut,
        coverage=_coverage(route),
        cells=[models.Cell.model_validate(cell) for cell in route.day.cells],
    )


def _coverage(route: RouteNow) -> models.Coverage:
    coverage = route.day.coverage
    plain = ("expected", "done", "paths", "idle", "failed", "open", "missing", "twice", "since", "sentence", "is_whole")
    told: dict[str, Any] = {name: getattr(coverage, name) for name in plain}
    for name in ("longest_gap", "interval"):
        span: timedelta | None = getattr(coverage, name)
        told[name] = None if span is None else span.total_seconds()
    return models.Coverage.model_validate(told)


def _function(now: FunctionNow, in_force: InForce) -> models.FunctionNow:
    return models.FunctionNow(
        function=now.function,
        in_force=str(in_force.step),
        health=models.Health.model_validate(now.health),
        last_key=now.last.dispatch_key if now.last else None,
        last_started_at=now.last.started_at if now.last else None,
        last_path=now.last.path if now.last else None,
        last_took_s=now.last.took_s if now.last else None,
    )


def _each(notices: Sequence[Notice]) -> list[models.Notice]:
    return [models.Notice.model_validate(notice) for notice in notices]
