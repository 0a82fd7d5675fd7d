"""The queue over the API."""

import json
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from tickover import clock
from tickover.errors import RequestError
from tickover.jobs.bulk import BulkAct
from tickover.jobs.looking import StoredJob
from tickover.jobs.states import Act
from tickover.web.api import job_models as models
from tickover.web.api.counter import Counter
from tickover.web.api.models import Act as Reasoned

_Id = Annotated[int, Path(ge=1, le=2**63 - 1)]
_Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the page before")]
_Limit = Annotated[int, Query(ge=1, le=200)]
_Asked = Annotated[models.Filter, Query()]


class JobCalls:
    """Answers calls about the queue.

    Args:
        counter: whose application it is.
    """

    def __init__(self, counter: Counter) -> None:
        self._jobs = counter.served.desk

    async def jobs(self, asked: _Asked, cursor: _Cursor = None, limit: _Limit = 50) -> Any:
        """The newest jobs that match, without payloads."""
        page = await self._jobs.queue.page(asked.as_filter(), cursor, limit, clock.now())
        return models.JobPage.model_validate(page)

    async def counts(self, asked: _Asked) -> Any:
        """How many jobs of each state match, counted up to a bound."""
        return await self._jobs.queue.count(asked.as_filter(), now=clock.now())

    async def job(self, job_id: _Id) -> Any:
        """One job with its payload, secrets masked, and its attempts."""
        return await self._job(job_id)

    async def act_on_one(self, request: Request, job_id: _Id, act: Act, asked: Reasoned) -> Any:
        """Requeue, discard or run one job now."""
        acted = await self._jobs.acts.act(act, [job_id], asked.name(request.state.role), asked.reason)
        await self._job(job_id)
        if job_id in acted.refused:
            raise RequestError(HTTPStatus.CONFLICT, "not-acted-on", f"nothing was done: {acted.refused[job_id]}")
        return await self._job(job_id)

    async def act_on_all(self, request: Request, asked: models.BulkOrder) -> Any:
        """Act on all jobs that match, in the background; the answer's id tells how far it is."""
        filter_, by = asked.filter.as_filter(), asked.name(request.state.role)
        begun = await self._jobs.bulk.start(asked.act, filter_, by, asked.reason, clock.now())
        self._jobs.runner.urge()
        return begun

    async def bulk_act(self, act_id: _Id) -> Any:
        """How far an act on many jobs is."""
        return _found(await self._jobs.bulk.read(act_id), act_id)

    async def stop(self, request: Request, act_id: _Id, asked: Reasoned) -> Any:
        """Stop an act on many jobs after the batch that is under way."""
        return _found(await self._jobs.bulk.stop(act_id, asked.name(request.state.role)), act_id)

    async def clients(self, cursor: _Cursor = None, limit: _Limit = 50) -> Any:
        """The clients with due jobs, the one that has waited longest first."""
        return await self._jobs.clients.page(cursor, limit, clock.now())

    async def _job(self, job_id: int) -> models.JobWithAttempts:
        job: StoredJob | None = await self._jobs.queue.show(job_id)
        if job is None:
            raise RequestError(HTTPStatus.NOT_FOUND, "unknown-job", f"there is no job {job_id}")
        payload = json.loads(self._jobs.shown(job.payload or "null"))
        attempts = [models.Attempt.model_validate(each) for each in await self._jobs.queue.attempts(job_id)]
        return models.JobWithAttempts(job=models.Job.model_validate(job), payload=payload, attempts=attempts)


def _found(act: BulkAct | None, act_id: int) -> BulkAct:
    if act is None:
        raise RequestError(HTTPStatus.NOT_FOUND, "unknown-act", f"there is no act {act_id}")
    return act


def jobs_api(counter: Counter) -> APIRouter:
    """The routes of the queue."""
    calls, router = JobCalls(counter), APIRouter(tags=["jobs"])
    looks, acts = [counter.looks], [counter.acts]
    router.get("/jobs", response_model=models.JobPage, dependencies=looks)(calls.jobs)
    router.get("/jobs/counts", response_model=models.Counts, dependencies=looks)(calls.counts)
    router.post("/jobs/acts", response_model=models.BulkAct, dependencies=acts, status_code=202)(calls.act_on_all)
    router.get("/jobs/acts/{act_id}", response_model=models.BulkAct, dependencies=looks)(calls.bulk_act)
    router.post("/jobs/acts/{act_id}/stop", response_model=models.BulkAct, dependencies=acts)(calls.stop)
    router.get("/jobs/{job_id}", response_model=models.JobWithAttempts, dependencies=looks)(calls.job)
    router.post("/jobs/{job_id}/acts/{act}", response_model=models.JobWithAttempts, dependencies=acts)(calls.act_on_one)
    router.get("/clients", response_model=models.ClientPage, dependencies=looks)(calls.clients)
    return router
