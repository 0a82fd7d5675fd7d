"""The work of one slice: claiming, carrying out and recording go on side by side, and end in time."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tickover import clock
from tickover.jobs.attempt import Attempts, failed, handed_back
from tickover.jobs.claims import Claimed, Claims, Outcome
from tickover.jobs.holdings import Holdings
from tickover.jobs.pace import Pace
from tickover.jobs.slice import Slice
from tickover.jobs.states import Ending
from tickover.waiting import within

_LOOKS_EVERY_S = 0.25  # seconds between looks at the budget and the leases, and for more where nothing was due
_RECORDS_EVERY_S = 0.02  # seconds: what ended meanwhile is recorded together
_REAPS_EVERY_S = 5.0  # seconds between looks for jobs whose lease has expired
_YIELDS_EVERY_S = 0.0002  # seconds: handlers that never wait must not keep the others, and the clock, from their turn
_LAST_CALL_SHARE = 0.015  # of the budget, in which nothing is started any more and what has ended is recorded ...
_LAST_CALL_S = 0.05  # ... but never longer than this
_GRACE_S = 1.0  # for handlers to clean up once they are cut off ...
_GRACE_SHARE = 0.025  # ... but never more than this share of the budget: the executor keeps little more to wind down
_SETTLE_S = 10.0  # for all of that, at the very most
_RETRY_S = 0.05  # between looks at a row that is locked when the drain ends
_MOST_ASIDE = 1000  # jobs that no longer fit; then nothing more is claimed


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done at a time.

    Args:
        concurrency: handlers running at a time.
        batch: the most jobs claimed, or recorded, by one statement.
    """

    concurrency: int
    batch: int


class Crew:
    """Those who carry out one slice.

    Args:
        slice_: its time and its place.
        attempts: how a job is carried out.
        claims: what is done to the rows.
        pace: what is known of how long jobs take.
        size: how much is done at a time.
    """

    def __init__(self, slice_: Slice, attempts: Attempts, claims: Claims, pace: Pace, size: Size) -> None:
        self._slice = slice_
        self._attempts = attempts
        self._claims = claims
        self._pace = pace
        self._size = size
        self._grace = min(_GRACE_S, _GRACE_SHARE * slice_.whole_s)
        self._last_call = min(_LAST_CALL_S, _LAST_CALL_SHARE * slice_.whole_s)
        self.holdings = Holdings(claims, size.batch, self._stop_work_on, slice_.log, attempts.kinds)
        self._ready: deque[list[Claimed]] = deque()  # to be started, those of one call together
        self._waiting = 0  # jobs in there
        self._aside: list[Claimed] = []  # they would not end in time
        self._running: dict[int, asyncio.Task[Any]] = {}  # job id to the worker that runs it
        self._ended = 0
        self._closing = asyncio.Event()
        self._urged = asyncio.Event()
        self._supplied = asyncio.Event()
        self._hungry = asyncio.Event()
        self._reap_at = 0.0

    async def carry_out(self) -> None:
        """Work until nothing is due or no time is left; whatever happens, leave nothing claimed."""
        feeder, keeper = asyncio.create_task(self._feed()), asyncio.create_task(self._keep())
        timekeeper = asyncio.create_task(self._attempts.limits.watch())
        workers = {asyncio.create_task(self._work()) for _ in range(self._size.concurrency)}
        tasks = {feeder, keeper, timekeeper, *workers}
        try:
            while self._slice.may_go_on() and self._is_busy(feeder):
                timeout = min(_LOOKS_EVERY_S, self._slice.budget.left())
                done, tasks = await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    if not task.cancelled():
                        task.result()  # raises what nobody expected
                    if task in workers and self._time_to_start() > 0:  # its job was lost
                        workers.add(new := asyncio.create_task(self._work()))
                        tasks.add(new)
        finally:
            self._closing.set()
            try:
                async with asyncio.timeout(_SETTLE_S):
                    await self._settle(feeder, keeper, workers)
            finally:
                for task in (feeder, keeper, timekeeper):
                    task.cancel()

    def _is_busy(self, feeder: asyncio.Task[None]) -> bool:
        """Whether something is going on, or may still be started."""
        return not feeder.done() or bool(self._running) or (bool(self._ready) and self._time_to_start() > 0)

    def _time_to_start(self) -> float:
        """Seconds in which a job may still be started."""
        return self._slice.budget.left() - self._last_call if self._may_start() else 0.0

    def _may_start(self) -> bool:
        """Whether nothing but the time could keep a job from being started."""
        return not self._closing.is_set() and self._slice.is_held

    async def _feed(self) -> None:
        """Keep jobs ready; ends when nothing is due and nothing runs that could bring more, or no time is left."""
        is_dry = False
        while (left := self._time_to_start()) > 0 and len(self._aside) < _MOST_ASIDE:
            self._pace.note_progress(clock.monotonic(), self._ended, len(self._running))
            self._give_up(self._pace.surplus(ready=self._waiting, running=len(self._running), left_s=left))
            but = self._pace.too_slow(left)
            room = self._pace.room(ready=self._waiting, running=len(self._running), left_s=left)
            is_at_rest = not self._waiting and not self._running
            is_over = is_at_rest and not self.holdings.is_recordable
            if is_dry and is_at_rest and not is_over:
                # Recorded, it may be due again, or make room for others of its kind or client: only then it is the end.
                self._urged.set()
            elif room > 0 and not (is_dry and self._waiting):
                is_dry = self._attempts.kinds <= set(but) or not await self._claim(room, but)
                if not is_dry:
                    continue
                if is_over:
                    return
            self._hungry.clear()
            await within(min(_LOOKS_EVERY_S, left), self._hungry)

    def _give_up(self, surplus: int) -> None:
        """Hand back jobs that are held ready for nothing, those that would be started last."""
        while surplus > 0 and self._ready:
            jobs = self._ready.pop()
            self._waiting -= len(jobs)
            surplus -= len(jobs)
            self.holdings.end([handed_back(job) for job in jobs])

    async def _claim(self, room: int, but: Sequence[str]) -> bool:
        """Claim jobs of other kinds than these; whether there were any."""
        reap = clock.monotonic() >= self._reap_at
        if reap:
            self._reap_at = clock.monotonic() + _REAPS_EVERY_S
        jobs = await self._claims.claim(room, reap=reap, but=but)
        self.holdings.take(jobs)
        self._ready.extend(self._attempts.together(jobs))
        self._waiting += len(jobs)
        if jobs:
            self._supplied.set()
        return bool(jobs)

    async def _work(self) -> None:
        """Carry out one call after the other."""
        worker, now = _current(), self._slice.budget.now
        yield_at = begun = now()
        while True:
            while not self._ready and not self._closing.is_set():
                self._supplied.clear()
                self._hungry.set()
                await self._supplied.wait()
                begun = now()
            left = self._slice.budget.ends - self._last_call - begun
            if left <= 0 or worker.cancelling() or not self._may_start():
                return
            if (jobs := self._next(left)) and await self._carry_out(jobs, worker):
                self._pace.note_job(jobs[0].kind, now() - begun)
            begun = now()
            if begun >= yield_at:
                await asyncio.sleep(0)
                begun = now()
                yield_at = begun + _YIELDS_EVERY_S

    def _next(self, left: float) -> list[Claimed]:
        """The next that may be started."""
        jobs = self._ready.popleft()
        self._waiting -= len(jobs)
        if self._waiting <= self._size.batch:
            self._hungry.set()
        if self._pace.may_start(jobs[0].kind, left):
            return jobs
        self._aside += jobs
        return []

    async def _carry_out(self, jobs: list[Claimed], worker: asyncio.Task[Any]) -> bool:
        """Attempt jobs; whether the last one succeeded, so that the time they took says something."""
        for job in jobs:
            self._running[job.id] = worker
        try:
            outcomes = await self._attempts.carry_out(jobs, worker)
        except asyncio.CancelledError:
            self._end(jobs, [handed_back(job) for job in jobs])
            raise
        self._end(jobs, outcomes)
        return outcomes[-1].ending is Ending.SUCCEEDED

    def _end(self, jobs: Sequence[Claimed], outcomes: Sequence[Outcome]) -> None:
        for job in jobs:
            self._running.pop(job.id, None)
        self._ended += len(jobs)
        self.holdings.end(outcomes)

    async def _keep(self) -> None:
        """Record what has ended, and hold on to what has not."""
        while not self._closing.is_set():
            if len(self.holdings.unrecorded) <= self._size.batch // 2:
                await within(_RECORDS_EVERY_S, self._urged)
                self._urged.clear()
            if self.holdings.unrecorded:
                await self.holdings.record()
                self._hungry.set()
            await self.holdings.renew()

    def _stop_work_on(self, job: Claimed) -> None:
        """A job that was lost is not begun, and not gone on with."""
        left = [[other for other in jobs if other is not job] for jobs in self._ready]
        self._ready = deque(jobs for jobs in left if jobs)
        self._waiting = sum(map(len, self._ready))
        if worker := self._running.get(job.id):
            worker.cancel()

    async def _settle(
        self, feeder: asyncio.Task[None], keeper: asyncio.Task[None], workers: set[asyncio.Task[None]]
    ) -> None:
        """Cut off what still runs, hand back what is not done, record it."""
        self._ready.clear()
        for event in (self._hungry, self._supplied, self._urged):
            event.set()
        for worker in workers:
            worker.cancel()
        await asyncio.wait(workers, timeout=self._grace)
        # A claim or a record under way is not cut off: nobody would know what came of it.
        await asyncio.wait({feeder, keeper})
        ended = {outcome.job.id for outcome in self.holdings.unrecorded}
        for job in self.holdings.held:
            if job.id in self._running:
                late = TimeoutError("cut off when the drain ended, but it did not stop")
                self.holdings.end([failed(job, late)])
            elif job.id not in ended:
                self.holdings.end([handed_back(job)])
        await self._record_the_rest()
        for task in (feeder, keeper):
            task.result()

    async def _record_the_rest(self) -> None:
        until = clock.monotonic() + self._grace
        await self.holdings.record_all()
        while self.holdings.unrecorded and clock.monotonic() < until:  # locked: its own transaction has not ended yet
            await asyncio.sleep(_RETRY_S)
            await self.holdings.record_all()
        for outcome in list(self.holdings.unrecorded):
            self.holdings.let_go(outcome.job)  # to whoever claims it when that transaction is over


def _current() -> asyncio.Task[Any]:
    """The current task.

    Raises:
        RuntimeError: there is none.
    """
    if (task := asyncio.current_task()) is None:
        raise RuntimeError("only a task can carry out jobs")
    return task
