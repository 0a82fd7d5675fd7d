"""One attempt at one job, or at several in one call: within its timeout, and what became of it."""

import asyncio
import inspect
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextvars import copy_context
from typing import Any

from tickover import clock
from tickover.jobs.claims import Claimed, Outcome
from tickover.jobs.handler import Batch, BatchError, Handler, Handlers, Job, RetryJobError
from tickover.jobs.retry import RetryAt, after_failure
from tickover.jobs.slice import Slice
from tickover.jobs.states import Ending

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
        self._handlers = handlers
        self._lanes = lanes
        self._async = {kind for kind, handler in handlers.items() if _is_async(_callable(handler))}
        self._threads = threads

    def together(self, jobs: Sequence[Claimed]) -> list[list[Claimed]]:
        """Those that are handed to a handler in one call, in the order in which they are to be started.

        Args:
            jobs: as they were claimed.
        """
        calls: list[list[Claimed]] = []
        open_: dict[str, list[Claimed]] = {}
        for job in jobs:
            handler = self._handlers.get(job.kind)
            if not isinstance(handler, Batch) or self._obstacle(job) is not None:
                calls.append([job])
            elif job.kind in open_ and len(open_[job.kind]) < handler.max:
                open_[job.kind].append(job)
            else:
                open_[job.kind] = [job]
                calls.append(open_[job.kind])
        return calls

    async def carry_out(self, jobs: Sequence[Claimed]) -> list[Outcome]:
        """Attempt a job, or several of one kind together. Whatever the handler does, this returns what became of them.

        Raises:
            asyncio.CancelledError: the drain stops; the jobs may be handed back.
        """
        first = jobs[0]
        if (obstacle := self._obstacle(first)) is not None:
            return [Outcome(first, Ending.DEAD, min(first.attempt, first.max_attempts), obstacle)]
        if self._lanes and first.lane != self._lanes.get(first.kind, 0):
            return [handed_back(job) for job in jobs]  # its kind was given limits since: it is to wait in that lane
        timeout_s = min(job.timeout_s for job in jobs) if len(jobs) > 1 else first.timeout_s
        views, outcomes = self._views(jobs, timeout_s)
        return outcomes + (await self._attempt(views, timeout_s) if views else [])

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

    async def _attempt(self, views: Sequence[tuple[Claimed, Job]], timeout_s: float) -> list[Outcome]:
        limit = asyncio.timeout(timeout_s)
        try:
            async with limit:
                await self._call([view for _, view in views])
        except _NoThreadError as error:
            return [handed_back(job, compact(error)) for job, _ in views]
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if is_being_cancelled():
                raise asyncio.CancelledError from error  # the drain stops, in whatever way the handler put it
            cut_off = limit.expired() and isinstance(error, TimeoutError)
            cause = TimeoutError(f"cut off after {timeout_s:g} s") if cut_off else error
            return [_raised(job, view, cause) for job, view in views]
        return [_returned(job, view) for job, view in views]

    def _obstacle(self, job: Claimed) -> str | None:
        """Why a job cannot be attempted at all."""
        if job.attempt > job.max_attempts:
            return f"the lease of attempt {job.max_attempts} of {job.max_attempts} expired: its process died or hung"
        if job.kind not in self._handlers:
            return f"no handler for kind {job.kind!r}: register one, then requeue"
        return None

    async def _call(self, views: list[Job]) -> None:
        kind = views[0].kind
        handler = self._handlers[kind]
        call: Callable[[Any], object] = _callable(handler)
        given: object = views if isinstance(handler, Batch) else views[0]
        answer = call(given) if kind in self._async else await self._call_in_thread(call, given)
        if inspect.isawaitable(answer):  # a sync callable may wrap an async one
            await answer

    async def _call_in_thread(self, call: Callable[[Any], object], given: object) -> object:
        future = self._threads.submit(copy_context().run, _call_sync, call, given)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if future.cancelled():  # it was still waiting for a thread, so nothing of it ran
                raise _NoThreadError("no thread came free: handlers that were cut off still run") from None
            raise


def _callable(handler: Handler) -> Callable[[Any], object]:
    return handler.handle if isinstance(handler, Batch) else handler


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


def _call_sync(call: Callable[[Any], object], given: object) -> object:
    try:
        return call(given)
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


def is_being_cancelled() -> bool:
    """Whether somebody wants the current task to stop; a timeout that has run out does not count any more."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
