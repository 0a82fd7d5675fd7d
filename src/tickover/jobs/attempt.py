"""One attempt at one job, or at several in one call: within its timeout, and what became of it."""

import asyncio
import inspect
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from datetime import timedelta
from typing import Any, NamedTuple

from tickover import clock
from tickover.execution.apart import apart
from tickover.jobs.claims import Claimed, Outcome
from tickover.jobs.handler import Batch, BatchError, Handler, Handlers, Job, RetryJobError
from tickover.jobs.retry import RetryAt, after_failure
from tickover.jobs.slice import Slice
from tickover.jobs.states import Ending
from tickover.jobs.time_limits import TimeLimits
from tickover.telemetry import tracing

_LONGEST_ERROR = 1000

_jitter = random.SystemRandom()


class _NoThreadError(Exception):
    """No thread came free for a sync handler: those of handlers that were cut off have not ended yet."""


class Attempts:
    """Carries out claimed jobs.

    Args:
        slice_: the drain they belong to.
        handlers: the handler of each kind.
        lanes: the lane of each limited kind.
        threads: where sync handlers run.
    """

    def __init__(self, slice_: Slice, handlers: Handlers, lanes: Mapping[str, int], threads: Executor) -> None:
        self._slice = slice_
        self._calls = {kind: _call_of(handler) for kind, handler in handlers.items()}
        self._lanes = lanes
        self._threads = threads
        self.limits = TimeLimits()

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds that there is a handler for."""
        return frozenset(self._calls)

    def together(self, jobs: Sequence[Claimed]) -> list[list[Claimed]]:
        """Those that are handed to a handler in one call, in the order in which they are to be started.

        Args:
            jobs: as they were claimed.
        """
        calls: list[list[Claimed]] = []
        open_: dict[str, list[Claimed]] = {}
        for job in jobs:
            call = self._calls.get(job.kind)
            if call is None or call.most is None or job.attempt > job.max_attempts:
                calls.append([job])
            elif job.kind in open_ and len(open_[job.kind]) < call.most:
                open_[job.kind].append(job)
            else:
                open_[job.kind] = [job]
                calls.append(open_[job.kind])
        return calls

    async def carry_out(self, jobs: Sequence[Claimed], worker: asyncio.Task[Any]) -> list[Outcome]:
        """Attempt a job, or several of one kind together. Whatever the handler does, this returns what became of them.

        Args:
            jobs: as `together` gave them.
            worker: the current task.

        Raises:
            asyncio.CancelledError: the drain stops; the jobs may be handed back.
        """
        first = jobs[0]
        call = self._calls.get(first.kind)
        if call is None or first.attempt > first.max_attempts:
            return [Outcome(first, Ending.DEAD, min(first.attempt, first.max_attempts), _obstacle(first, call))]
        if self._lanes and first.lane != self._lanes.get(first.kind, 0):
            return [handed_back(job) for job in jobs]  # its kind was given limits since: it is to wait in that lane
        timeout_s = first.timeout_s if call.most is None else min(job.timeout_s for job in jobs)
        views, outcomes = self._views(jobs, timeout_s)
        if views:
            outcomes += await self._attempt(call, views, timeout_s, worker)
        return outcomes

    def _views(self, jobs: Sequence[Claimed], timeout_s: float) -> tuple[list[tuple[Claimed, Job]], list[Outcome]]:
        """What the handler is given; and what became of those whose payload cannot be parsed."""
        budget = self._slice.budget.within(timeout_s)
        views: list[tuple[Claimed, Job]] = []
        outcomes: list[Outcome] = []
        for job in jobs:
            try:
                views.append((job, Job(job, budget, self._slice.database, self._slice.log)))
            except (ValueError, RecursionError) as error:
                outcomes.append(failed(job, error))
        return views, outcomes

    async def _attempt(
        self, call: "_Call", views: Sequence[tuple[Claimed, Job]], timeout_s: float, worker: asyncio.Task[Any]
    ) -> list[Outcome]:
        limit = self.limits.begin(worker, timeout_s)
        try:
            given: Any = views[0][1] if call.most is None else [view for _, view in views]
            with _traced(views):
                if call.is_async:
                    await apart(call.handle(given))
                else:
                    await self._call_in_thread(call.handle, given)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            was_cut_off = self.limits.end(limit, error)
            if isinstance(error, _NoThreadError):
                return [handed_back(job, compact(error)) for job, _ in views]
            if worker.cancelling():
                raise asyncio.CancelledError from error  # the drain stops, in whatever way the handler put it
            cause = TimeoutError(f"cut off after {timeout_s:g} s") if was_cut_off else error
            started_at = clock.now() - timedelta(seconds=self.limits.spent(limit))
            return [_raised(job, view, cause)._replace(started_at=started_at) for job, view in views]
        self.limits.end(limit)
        return [_returned(job, view) for job, view in views]

    async def _call_in_thread(self, handle: Callable[[Any], object], given: object) -> None:
        future = self._threads.submit(copy_context().run, _call_sync, handle, given)
        try:
            answer = await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if future.cancelled():  # it was still waiting for a thread, so nothing of it ran
                raise _NoThreadError("no thread came free: handlers that were cut off still run") from None
            raise
        if inspect.isawaitable(answer):  # a sync callable may wrap an async one
            await apart(answer)


def _traced(views: Sequence[tuple[Claimed, Job]]) -> AbstractContextManager[object]:
    """The span of one call of a handler; there are too many for one that nobody records."""
    if not tracing.is_recording():
        return nullcontext()
    job = views[0][0]
    one = {"tickover.job.id": job.id, "tickover.job.attempt": job.attempt} if len(views) == 1 else {}
    attributes: tracing.Attributes = {"tickover.job.kind": job.kind, "tickover.job.count": len(views), **one}
    return tracing.span(f"job {job.kind}", attributes)


class _Call(NamedTuple):
    """How a kind's handler is called."""

    handle: Callable[[Any], Any]
    is_async: bool
    most: int | None  # jobs in one call; None where it takes a job, not several


def _call_of(handler: Handler) -> _Call:
    if isinstance(handler, Batch):
        return _Call(handler.handle, _is_async(handler.handle), handler.max)
    return _Call(handler, _is_async(handler), None)


def _obstacle(job: Claimed, call: _Call | None) -> str:
    """Why a job cannot be attempted at all."""
    if call is None:
        return f"no handler for kind {job.kind!r}: register one, then requeue"
    return f"the lease of attempt {job.max_attempts} of {job.max_attempts} expired: its process died or hung"


def _returned(job: Claimed, view: Job) -> Outcome:
    own = view.own
    if own is None:
        return Outcome(job, Ending.SUCCEEDED, job.attempt, is_plain=True)
    return Outcome(job, Ending.SUCCEEDED, job.attempt, committed=own.committed)


def _raised(job: Claimed, view: Job, cause: BaseException) -> Outcome:
    error = cause.errors.get(job.id) if isinstance(cause, BatchError) else cause
    if error is None:
        return _returned(job, view)
    committed = view.own is not None and view.own.committed
    return succeeded(job, error) if committed else failed(job, error)


def _call_sync(handle: Callable[[Any], object], given: object) -> object:
    try:
        return handle(given)
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


def _is_async(call: Callable[[Any], object]) -> bool:
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(type(call).__call__)
