"""The queue: its jobs by filter, one job with its attempts, and acts on one or on all that match."""

import json
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from tickover import clock
from tickover.errors import RequestError
from tickover.jobs.filters import JobFilter
from tickover.jobs.states import Act, JobState, refusal
from tickover.web.dashboard.desk import Desk

_FILTERS = ("kind", "client", "state", "older_than", "error")
_LIMIT = 50
JobId = Annotated[int, Path(ge=1, le=2**63 - 1)]
_Cursor = Annotated[str | None, Query(max_length=200)]


def asked_for(request: Request) -> JobFilter:
    """The filter that a query string asks for.

    Raises:
        JobFilterError: it is malformed.
    """
    return JobFilter.parse({name: request.query_params.get(name, "") for name in _FILTERS})


class JobPages:
    """Answers for each page.

    Args:
        desk: what shows them.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._jobs = desk.served.desk

    async def jobs(self, request: Request, cursor: _Cursor = None) -> Response:
        """The newest jobs that match."""
        asked, now = asked_for(request), clock.now()
        queue = self._jobs.queue
        page = await queue.page(asked, cursor, _LIMIT, now)
        values = {
            "page": page,
            "counts": await queue.count(asked, now=now),
            "menus": await queue.menus(),
            "asked": asked,
            "words": asked.as_words(),
            "is_first": cursor is None,
            "bulk_acts": await self._jobs.bulk.recent(5),
            "refusals": {act: refusal(act, asked.state) if asked.state else None for act in Act},
            "states": list(JobState),
            "now": now,
        }
        return self._desk.show(request, "jobs.html", here="/jobs", **values)

    async def job(self, request: Request, job_id: JobId) -> Response:
        """One job, with its attempts and its payload."""
        job = await self._jobs.queue.show(job_id)
        if job is None:
            detail = f"there is no job {job_id}: it was never, or it was forgotten after its time"
            raise RequestError(HTTPStatus.NOT_FOUND, "unknown-job", detail)
        attempts = await self._jobs.queue.attempts(job_id)
        payload = json.loads(self._jobs.shown(job.payload or "null"))
        refusals = {act: refusal(act, job.state) for act in Act}
        values = {"job": job, "attempts": attempts, "payload": payload, "refusals": refusals, "now": clock.now()}
        return self._desk.show(request, "job.html", here="/jobs", **values)

    async def act_on_one(self, request: Request, job_id: JobId, act: Act) -> Response:
        """Requeue, discard or run one job now."""
        form = await self._desk.act(request)
        acted = await self._jobs.acts.act(act, [job_id], form.by, form.reason)
        if job_id in acted.refused:
            raise RequestError(HTTPStatus.CONFLICT, "not-acted-on", f"nothing was done: {acted.refused[job_id]}")
        return self._desk.to(f"/jobs/{job_id}", act)

    async def act_on_all(self, request: Request, act: Act) -> Response:
        """The same to all that match, in the background."""
        form = await self._desk.act(request)
        asked = JobFilter.parse({name: form.fields.get(name, "") for name in _FILTERS})
        begun = await self._jobs.bulk.start(act, asked, form.by, form.reason, clock.now())
        self._jobs.runner.urge()
        return self._desk.to(f"/jobs/acts/{begun.id}")

    async def bulk_act(self, request: Request, act_id: JobId) -> Response:
        """How far an act on many jobs is."""
        found = await self._jobs.bulk.read(act_id)
        if found is None:
            raise RequestError(HTTPStatus.NOT_FOUND, "unknown-act", f"there is no act {act_id}")
        return self._desk.show(request, "bulk_act.html", here="/jobs", bulk_act=found)

    async def stop(self, request: Request, act_id: JobId) -> Response:
        """Stop an act on many jobs after its batch."""
        form = await self._desk.act(request)
        if await self._jobs.bulk.stop(act_id, form.by) is None:
            raise RequestError(HTTPStatus.NOT_FOUND, "unknown-act", f"there is no act {act_id}")
        return self._desk.to(f"/jobs/acts/{act_id}", "stopping")

    async def clients(self, request: Request, cursor: _Cursor = None) -> Response:
        """Who waits how long."""
        now = clock.now()
        page = await self._jobs.clients.page(cursor, _LIMIT, now)
        values = {"page": page, "is_first": cursor is None, "now": now}
        return self._desk.show(request, "clients.html", here="/clients", **values)


def job_pages(desk: Desk) -> APIRouter:
    """The router of the queue."""
    pages, router = JobPages(desk), APIRouter()
    looks = [Depends(desk.admit)]
    router.get("/jobs", dependencies=looks)(pages.jobs)
    router.get("/jobs/{job_id}", dependencies=looks)(pages.job)
    router.get("/jobs/acts/{act_id}", dependencies=looks)(pages.bulk_act)
    router.get("/clients", dependencies=looks)(pages.clients)
    router.post("/jobs/all/{act}")(pages.act_on_all)
    router.post("/jobs/acts/{act_id}/stop")(pages.stop)
    router.post("/jobs/{job_id}/acts/{act}")(pages.act_on_one)
    return router
