"""One attempt at one job: call its handler, within its timeout, and say what became of it."""

import asyncio
import inspect
import json
import random
from concurrent.futures import Executor
from contextvars import copy_context

from tickover import clock
from tickover.execution.budget import Budget
from tickover.execution.run import Run
from tickover.jobs.claims import Claimed, Outcome
from tickover.jobs.handler import Handler, Handlers, Job, RetryJobError
from tickover.jobs.retry import RetryAt, after_failure
from tickover.jobs.states import Ending
from tickover.jobs.transaction import JobTransaction

_LONGEST_ERROR = 1000

_jitter = random.SystemRandom()


class _NoThreadError(Exception):
    """No thread came free for a sync handler: those of handlers that were cut off have not ended yet."""


class Attempts:
    """Carries out claimed jobs.

    Args:
        run: the drain they belong to.
        handlers: the handler of each kind.
        threads: where sync handlers run.
    """

    def __init__(self, run: Run, handlers: Handlers, threads: Executor) -> None:
        self._run = run
        self._handlers = handlers
        self._async = {kind for kind, handler in handlers.items() if _is_async(handler)}
        self._threads = threads

    async def carry_out(self, job: Claimed) -> Outcome:
        """Attempt a job. Whatever its handler does, this returns what became of it.

        Raises:
            asyncio.CancelledError: the drain stops; the job may be handed back.
        """
        obstacle = self._obstacle(job)
        if obstacle is not None:
            return Outcome(job, Ending.DEAD, min(job.attempt, job.max_attempts), obstacle)
        limit, budget = asyncio.timeout(job.timeout_s), self._run.budget.within(job.timeout_s)
        own = JobTransaction(self._run.database, job.id, job.fence, budget)
        try:
            async with limit:
                await self._call(self._handlers[job.kind], self._view(job, own, budget))
        except _NoThreadError as error:
            return handed_back(job, compact(error))
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if is_being_cancelled():
                raise asyncio.CancelledError from error  # the drain stops, in whatever way the handler put it
            cut_off = limit.expired() and isinstance(error, TimeoutError)
            cause = TimeoutError(f"cut off after {job.timeout_s:g} s") if cut_off else error
            return succeeded(job, cause) if own.committed else failed(job, cause)
        return Outcome(job, Ending.SUCCEEDED, job.attempt, committed=own.committed)

    def _obstacle(self, job: Claimed) -> str | None:
        """Why a job cannot be attempted at all."""
        if job.attempt > job.max_attempts:
            return f"the lease of attempt {job.max_attempts} of {job.max_attempts} expired: its process died or hung"
        if job.kind not in self._handlers:
            return f"no handler for kind {job.kind!r}: register one, then requeue"
        return None

    def _view(self, job: Claimed, own: JobTransaction, budget: Budget) -> Job:
        return Job(
            id=job.id,
            kind=job.kind,
            client_id=job.client_id,
            payload=json.loads(job.payload),
            attempt=job.attempt,
            max_attempts=job.max_attempts,
            fence=job.fence,
            budget=budget,
            database=self._run.database,
            own=own,
            log=self._run.log.bind(job_id=job.id, kind=job.kind, job_client_id=job.client_id, job_attempt=job.attempt),
        )

    async def _call(self, handler: Handler, job: Job) -> None:
        answer = handler(job) if job.kind in self._async else await self._call_in_thread(handler, job)
        if inspect.isawaitable(answer):  # a sync callable may wrap an async one
            await answer

    async def _call_in_thread(self, handler: Handler, job: Job) -> object:
        future = self._threads.submit(copy_context().run, _call_sync, handler, job)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if future.cancelled():  # it was still waiting for a thread, so nothing of it ran
                raise _NoThreadError("no thread came free: handlers that were cut off still run") from None
            raise


def _call_sync(handler: Handler, job: Job) -> object:
    try:
        return handler(job)
    except StopIteration as error:  # no future can hold one
        raise RuntimeError("the handler raised StopIteration") from error


def handed_back(job: Claimed, reason: str | None = None) -> Outcome:
    """The outcome of a job that is due again at once, without having used up an attempt."""
    return Outcome(job, Ending.HANDED_BACK, job.attempt - 1, reason)


def succeeded(job: Claimed, error: BaseException) -> Outcome:
    """The outcome of a job whose own transaction was committed before its handler raised."""
    return Outcome(job, Ending.SUCCEEDED, job.attempt, compact(error), cause=error, committed=True)


def failed(job: Claimed, error: BaseException) -> Outcome:
    """The outcome of a failed attempt: a retry, or a dead letter."""
    verdict = after_failure(
        attempt=job.attempt,
        max_attempts=job.max_attempts,
        now=clock.now(),
        jitter=_jitter.random(),
        asked=error.at if isinstance(error, RetryJobError) else None,
    )
    if isinstance(verdict, RetryAt):
        return Outcome(job, Ending.RETRIED, job.attempt, compact(error), verdict.at, error)
    return Outcome(job, Ending.DEAD, job.attempt, compact(error), cause=error)


def compact(error: BaseException) -> str:
    """An error as one line of bounded length that PostgreSQL stores: its type and message."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - an error without a readable text is still an error of that type
        message = "its text cannot be read"
    line = " ".join(f"{type(error).__name__}: {message}"[: 4 * _LONGEST_ERROR].split())
    return "".join(c if c.isprintable() else "?" for c in line)[:_LONGEST_ERROR]


def _is_async(handler: Handler) -> bool:
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)


def is_being_cancelled() -> bool:
    """Whether somebody wants the current task to stop; a timeout that has run out does not count any more."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
