"""The body of `queue-drain`: claim due jobs in batches, run them, record what became of them, stop in time."""

import asyncio
from collections import Counter, deque
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tickover import clock
from tickover.execution.run import Run, Summary
from tickover.jobs.attempt import Attempts, failed, handed_back, is_being_cancelled
from tickover.jobs.claims import Claimed, Claims, Outcome, Standing
from tickover.jobs.handler import Handlers
from tickover.jobs.queue import JobQueue
from tickover.jobs.states import Ending, JobState

_TURN_S = 0.25  # finished jobs are recorded, and free workers look for more, at least this often
_GRACE_S = 1.0  # for handlers to clean up once they are cut off ...
_GRACE_SHARE = (
    0.025  # ... but never more than this share of the budget: the executor keeps little more for winding down
)
_SETTLE_S = 10.0  # for all of that, at the very most
_RETRY_S = 0.05  # between looks at a row that is locked when the drain ends
_KINDS_SHOWN = 20


def queue_drain(
    handlers: Handlers, *, batch: int = 200, concurrency: int = 8, lease: timedelta = timedelta(seconds=60)
) -> "QueueDrain":
    """The responsibility that runs due jobs until none is left or its time is over.

    A handler still running when the time is over is cut off, and its job handed back without costing an attempt. A
    thread cannot be stopped: a sync handler that was cut off goes on beside the next attempt at its job, so it should
    look at `job.time_left()`.

    Args:
        handlers: the handler of each job kind. A job of any other kind becomes a dead letter.
        batch: the most jobs claimed, or recorded, by one statement.
        concurrency: handlers running at a time, sync ones in threads. Keep it below the size of the database's pool.
        lease: how long a claim outlives a process that died; it is renewed while the drain lives.

    Returns:
        A body for `Responsibility`. Its summary: `looked_at` jobs were claimed, `changed` succeeded, `left` are due
        still (counted up to 10,000). While a run is dry, due jobs are counted and nothing changes.

    Raises:
        ValueError: a limit is not above zero.
    """
    if min(batch, concurrency) < 1 or lease <= timedelta():
        raise ValueError("batch and concurrency must be at least 1, and a lease longer than nothing")
    return QueueDrain(handlers, batch, concurrency, lease)


class QueueDrain:
    """The body that `queue_drain` makes.

    Args:
        handlers: the handler of each job kind.
        batch: the most jobs claimed, or recorded, by one statement.
        concurrency: handlers running at a time.
        lease: how long a claim outlives a process that died.
    """

    def __init__(self, handlers: Handlers, batch: int, concurrency: int, lease: timedelta) -> None:
        self._handlers = handlers
        self._batch = batch
        self._concurrency = concurrency
        self._lease_s = lease.total_seconds()
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="tickover-job")

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of jobs that it has a handler for."""
        return frozenset(self._handlers)

    async def __call__(self, run: Run) -> Summary:
        """Drain the queue for as long as a run may take."""
        queue = JobQueue(run.database)
        if run.dry:
            due = (await queue.health(clock.now(), run.client_id)).due
            return Summary(looked_at=due, left=due)
        claims = Claims(run.database, self._lease_s)
        slice_ = _Drain(run, self._handlers, self._threads, claims, self._batch, self._concurrency)
        await slice_.carry_out()
        return slice_.summary(left=(await queue.health(clock.now(), run.client_id)).due)


class _Drain:
    """One slice of draining: what it has claimed, and how far each job is."""

    def __init__(
        self, run: Run, handlers: Handlers, threads: Executor, claims: Claims, batch: int, concurrency: int
    ) -> None:
        self._run = run
        self._grace = min(_GRACE_S, _GRACE_SHARE * run.time_left())
        self._attempts = Attempts(run, handlers, threads)
        self._claims = claims
        self._batch = batch
        self._concurrency = concurrency
        self._renew_at = clock.monotonic() + claims.lease_s / 3
        self._held: dict[int, Claimed] = {}  # claimed, its outcome not recorded
        self._unstarted: deque[Claimed] = deque()
        self._running: dict[int, asyncio.Task[Any] | None] = {}  # job id to the worker that runs it
        self._workers: set[asyncio.Task[None]] = set()
        self._outcomes: list[Outcome] = []  # not recorded
        self._claimed: Counter[str] = Counter()
        self._endings: Counter[Ending] = Counter()
        self._lost = 0

    async def carry_out(self) -> None:
        """Work until nothing is due or no time is left; whatever happens, leave nothing claimed."""
        try:
            while await self._turn():
                pass
        finally:
            async with asyncio.timeout(_SETTLE_S):
                await self._settle()

    def summary(self, left: int) -> Summary:
        """What this slice did."""
        return Summary(
            looked_at=self._claimed.total(),
            changed=self._endings[Ending.SUCCEEDED],
            left=left,
            details={
                **{str(ending): self._endings[ending] for ending in Ending},
                "lost": self._lost,
                "kinds": dict(self._claimed.most_common(_KINDS_SHOWN)),
            },
        )

    async def _turn(self) -> bool:
        if self._run.may_go_on():
            if not self._unstarted and len(self._workers) < self._concurrency:
                await self._claim()
            self._start_workers()
        if not self._workers:
            return False
        await asyncio.wait(
            self._workers, timeout=min(_TURN_S, self._run.time_left()), return_when=asyncio.FIRST_COMPLETED
        )
        self._reap_workers()
        await self._record()
        await self._renew()
        return self._run.time_left() > 0

    async def _claim(self) -> None:
        async with self._run.batch() as connection:
            jobs = await self._claims.claim(connection, self._batch, self._run.client_id)
            # Before the commit: when that is interrupted nobody knows whether it happened, so they are handed back.
            self._held.update((job.id, job) for job in jobs)
        self._unstarted.extend(jobs)
        self._claimed.update(job.kind for job in jobs)

    def _start_workers(self) -> None:
        for _ in range(min(len(self._unstarted), self._concurrency - len(self._workers))):
            self._workers.add(asyncio.create_task(self._work()))

    def _reap_workers(self) -> None:
        ended = {worker for worker in self._workers if worker.done()}
        self._workers -= ended
        for worker in ended:
            if not worker.cancelled():
                worker.result()  # raises what no attempt should have let through

    async def _work(self) -> None:
        """Carry out one unstarted job after the other."""
        while self._unstarted and self._run.may_go_on() and not is_being_cancelled():
            job = self._unstarted.popleft()
            self._running[job.id] = asyncio.current_task()
            try:
                outcome = await self._attempts.carry_out(job)
            except asyncio.CancelledError:
                self._end(handed_back(job))
                raise
            self._end(outcome)
            await asyncio.sleep(0)  # handlers that never wait must not keep the others, and the clock, from their turn

    def _end(self, outcome: Outcome) -> None:
        self._running.pop(outcome.job.id, None)
        self._outcomes.append(outcome)

    async def _record(self) -> None:
        """Record what has ended. Each job's own fence protects it, so finished work needs no other lease."""
        ended = len(self._outcomes)
        held = [outcome for outcome in self._outcomes if self._held.get(outcome.job.id) is outcome.job]
        # A worker that did not stop in time may have ended after all: then its own outcome counts, which is the later.
        outcomes = list({outcome.job.id: outcome for outcome in held}.values())
        open_ = [outcome for outcome in outcomes if not outcome.committed]
        recorded = await self._claims.record(open_) if open_ else set()
        refused = [outcome for outcome in open_ if outcome.job.id not in recorded]
        standings = await self._claims.standings([outcome.job for outcome in refused]) if refused else {}
        del self._outcomes[:ended]  # not before it is recorded; meanwhile workers only append
        for outcome in outcomes:
            if outcome in refused:
                self._settle_refused(outcome, standings.get(outcome.job.id))
            else:
                self._count(outcome)

    def _settle_refused(self, outcome: Outcome, standing: Standing | None) -> None:
        """Go by the job's row: another drain's, or still in its own transaction, or ended by that."""
        if standing is None or standing.fence != outcome.job.fence:
            self._let_go(outcome.job)
        elif standing.state is JobState.RUNNING:
            self._outcomes.insert(0, outcome)  # its row is locked; once more at the next turn
        elif standing.state is JobState.SUCCEEDED and outcome.ending is not Ending.SUCCEEDED:
            error = outcome.error or "cut off when the drain ended"
            self._count(replace(outcome, ending=Ending.SUCCEEDED, error=error))
        else:
            self._count(outcome)  # recorded before, and the answer was lost

    def _count(self, outcome: Outcome) -> None:
        del self._held[outcome.job.id]
        self._endings[outcome.ending] += 1
        _tell(self._run, outcome)

    async def _renew(self) -> None:
        """Hold on to what is claimed; let go of what another drain has won meanwhile."""
        if clock.monotonic() < self._renew_at or not self._held:
            return
        self._renew_at = clock.monotonic() + self._claims.lease_s / 3
        jobs = list(self._held.values())
        kept = await self._claims.renew(jobs)
        for job in jobs:
            if job.id not in kept:
                self._let_go(job)

    def _let_go(self, job: Claimed) -> None:
        if self._held.get(job.id) is not job:
            return  # this drain has won it anew, after its own lease had expired
        del self._held[job.id]
        if job in self._unstarted:
            self._unstarted.remove(job)
        if worker := self._running.get(job.id):
            worker.cancel()
        self._lost += 1
        self._run.log.warning("job.lost", job_id=job.id, kind=job.kind, fence=job.fence)

    async def _settle(self) -> None:
        """Cut off what still runs, hand back what is not done, record it."""
        self._unstarted.clear()
        for worker in self._workers:
            worker.cancel()
        if self._workers:
            await asyncio.wait(self._workers, timeout=self._grace)
        ended = {outcome.job.id for outcome in self._outcomes}
        for job in self._held.values():
            if job.id in self._running:
                self._outcomes.append(failed(job, TimeoutError("cut off when the drain ended, but it did not stop")))
            elif job.id not in ended:
                self._outcomes.append(handed_back(job))
        await self._record()
        until = clock.monotonic() + self._grace
        while self._outcomes and clock.monotonic() < until:  # locked: a transaction of its own has not ended yet
            await asyncio.sleep(_RETRY_S)
            await self._record()
        for outcome in self._outcomes:
            self._let_go(outcome.job)  # to whoever claims it when that transaction is over


def _tell(run: Run, outcome: Outcome) -> None:
    if outcome.error is None:
        return
    job = outcome.job
    log = run.log.bind(job_id=job.id, kind=job.kind, job_client_id=job.client_id, job_attempt=outcome.attempts)
    if outcome.ending is Ending.DEAD:
        log.error("job.died", error=outcome.error, max_attempts=job.max_attempts, exc_info=outcome.cause)
    elif outcome.ending is Ending.RETRIED:
        log.warning("job.failed", error=outcome.error, run_at=outcome.run_at)
    elif outcome.ending is Ending.SUCCEEDED and outcome.error is not None:
        log.warning("job.failed_after_commit", error=outcome.error, exc_info=outcome.cause)
