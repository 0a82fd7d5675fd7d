"""How a drain ends: out of time, cancelled, its lease lost, its claims lost, its process dead."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.clocks import SetClock
from tests.integration.jobs.conftest import under_way
from tests.runs import MakeRun
from tests.waiting import eventually
from tickover.database import Database
from tickover.errors import LeaseLostError
from tickover.execution.budget import Budget
from tickover.jobs.claims import Claims, Terms
from tickover.jobs.drain import DrainSettings, queue_drain
from tickover.jobs.handler import Job
from tickover.jobs.new_job import NewJob
from tickover.jobs.queue import JobQueue
from tickover.jobs.slice import Slice

Rows = Callable[..., list[dict[str, Any]]]

STATES = "SELECT state, attempts, count(*) FROM tickover.job GROUP BY 1, 2 ORDER BY 1"
LEASED = "SELECT 1 FROM tickover.job WHERE lease_expires_at IS NOT NULL"


class Hanging:
    """A handler that does not return."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.cut_off: list[int] = []

    async def __call__(self, job: Job) -> None:
        """Wait for ever, and note being cut off."""
        self.begun.append(job.id)
        try:
            await asyncio.Event().wait()
        finally:
            self.cut_off.append(job.id)

    async def has_begun(self) -> bool:
        """Whether it was called."""
        return bool(self.begun)


async def test_i10_f14_out_of_time_the_rest_is_handed_back(queue: JobQueue, make_run: MakeRun, rows: Rows) -> None:
    """The third of ten jobs uses up the time: what was claimed beside goes back at once, and keeps all its attempts."""
    now = SetClock()
    await queue.enqueue_many([NewJob("any", n) for n in range(10)])

    async def work(job: Job) -> None:
        if job.payload == 2:
            now.seconds += 100

    summary = await queue_drain({"any": work}, DrainSettings(concurrency=1))(await make_run(seconds=60, now=now))
    assert (summary.changed, summary.left) == (3, 7)
    assert summary.details["handed_back"] == summary.looked_at - 3 > 0
    assert rows(STATES) == [
        {"state": "queued", "attempts": 0, "count": 7},
        {"state": "succeeded", "attempts": 1, "count": 3},
    ]
    assert rows(LEASED) == []


async def test_i10_a_job_cut_off_by_the_budget_keeps_its_attempt(
    queue: JobQueue, make_run: MakeRun, rows: Rows
) -> None:
    """The drain's time is over long before the job's: it is handed back, due at once."""
    await queue.enqueue("any", 1, timeout_s=600)
    handler = Hanging()
    summary = await queue_drain({"any": handler})(await make_run(seconds=0.3))
    assert handler.cut_off == handler.begun != []
    assert (summary.changed, summary.left, summary.details["handed_back"]) == (0, 1, 1)
    assert rows(STATES) == [{"state": "queued", "attempts": 0, "count": 1}]


async def test_a_handler_that_fails_because_it_was_cut_off_keeps_its_attempt(
    queue: JobQueue, make_run: MakeRun, rows: Rows
) -> None:
    """An error raised while cleaning up does not turn the hand-back into a failure."""
    await queue.enqueue("any", 1)

    async def clumsy(_: Job) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("while cleaning up")

    await queue_drain({"any": clumsy})(await make_run(seconds=0.3))
    assert rows(STATES) == [{"state": "queued", "attempts": 0, "count": 1}]


async def test_i10_a_handler_that_does_not_stop_does_not_hold_the_drain(
    queue: JobQueue, make_run: MakeRun, rows: Rows
) -> None:
    """The drain ends without it; its job is retried later at the cost of the attempt, as it may still be at work."""
    await queue.enqueue("any", 1)
    released = asyncio.Event()

    async def stubborn(_: Job) -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    summary = await queue_drain({"any": stubborn})(await make_run(seconds=0.3))
    released.set()
    assert summary.details["retried"] == 1
    assert rows("SELECT state, attempts, last_error FROM tickover.job") == [
        {
            "state": "scheduled",
            "attempts": 1,
            "last_error": "TimeoutError: cut off when the drain ended, but it did not stop",
        }
    ]


async def test_i4_a_cancelled_drain_hands_everything_back(queue: JobQueue, make_run: MakeRun, rows: Rows) -> None:
    """At a graceful shutdown the running and the unstarted go back, what was done is recorded, it stays cancelled."""
    done = await queue.enqueue("quick", 0, priority=1)
    await queue.enqueue_many([NewJob("any", n) for n in range(5)])
    handler = Hanging()

    async def quick(_: Job) -> None:
        pass

    drain = queue_drain({"any": handler, "quick": quick}, DrainSettings(concurrency=2))
    async with under_way(drain(await make_run())) as task:
        await eventually(handler.has_begun)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert rows(STATES) == [
        {"state": "queued", "attempts": 0, "count": 5},
        {"state": "succeeded", "attempts": 1, "count": 1},
    ]
    assert rows("SELECT id FROM tickover.job WHERE state = 'succeeded'") == [{"id": done}]
    assert rows(LEASED) == []


async def test_i3_who_lost_the_obligation_starts_no_other_batch(queue: JobQueue, make_run: MakeRun, rows: Rows) -> None:
    """Another executor takes over during the first batch: that batch is recorded, the second is refused."""
    await queue.enqueue_many([NewJob("any", n) for n in range(4)])

    async def take_over(_: Job) -> None:
        rows("UPDATE tickover.obligation SET fence = fence + 1")

    run = await make_run()
    with pytest.raises(LeaseLostError):
        await queue_drain({"any": take_over}, DrainSettings(batch=2))(run)
    assert run.lease.lost.is_set()
    assert rows(STATES) == [
        {"state": "queued", "attempts": 0, "count": 2},
        {"state": "succeeded", "attempts": 1, "count": 2},
    ]


async def test_i3_a_drain_told_to_stop_starts_no_other_job(queue: JobQueue, make_run: MakeRun, rows: Rows) -> None:
    """Its lease is known to be lost: the job that runs is finished and recorded, the unstarted go back."""
    await queue.enqueue_many([NewJob("any", n) for n in range(3)])
    run = await make_run()

    async def lose(_: Job) -> None:
        run.lease.lost.set()

    summary = await queue_drain({"any": lose}, DrainSettings(concurrency=1))(run)
    assert (summary.changed, summary.details["handed_back"], summary.left) == (1, 2, 2)
    assert rows(STATES) == [
        {"state": "queued", "attempts": 0, "count": 2},
        {"state": "succeeded", "attempts": 1, "count": 1},
    ]


async def test_i4_leases_are_renewed_while_a_handler_runs(queue: JobQueue, make_run: MakeRun, rows: Rows) -> None:
    """A lease much shorter than the job grows again and again."""
    await queue.enqueue("any", 1)
    handler = Hanging()
    expiries: set[Any] = set()

    async def has_grown_twice() -> bool:
        expiries.update(row["lease_expires_at"] for row in rows(LEASED.replace("1", "lease_expires_at", 1)))
        return len(expiries) >= 3

    drain = queue_drain({"any": handler}, DrainSettings(lease=timedelta(seconds=1)))
    async with under_way(drain(await make_run())):
        await eventually(has_grown_twice)
    assert len(handler.begun) == 1


async def test_i4_a_lost_job_is_cut_off_and_its_outcome_refused(queue: JobQueue, make_run: MakeRun, rows: Rows) -> None:
    """Another drain has won the running job: its handler is stopped here, and the row stays the other's."""
    await queue.enqueue("any", 1)
    handler = Hanging()
    run = await make_run()
    async with under_way(queue_drain({"any": handler}, DrainSettings(lease=timedelta(seconds=1)))(run)) as task:
        await eventually(handler.has_begun)
        rows("UPDATE tickover.job SET fence = fence + 1, lease_expires_at = now() + interval '1 hour'")
        summary = await task
    assert handler.cut_off == handler.begun
    assert (summary.details["lost"], summary.changed, summary.details["handed_back"]) == (1, 0, 0)
    assert rows("SELECT state, fence FROM tickover.job") == [{"state": "running", "fence": 2}]


async def test_i4_the_jobs_of_a_dead_process_run_again(
    queue: JobQueue, make_run: MakeRun, database: Database, rows: Rows
) -> None:
    """Claimed and never heard of: once the lease has expired the next drain runs them; that cost an attempt."""
    await queue.enqueue("any", 1)
    await Claims(Slice.lasting(database, 60), Terms()).claim(10, reap=False)
    attempts: list[int] = []

    async def note(job: Job) -> None:
        attempts.append(job.attempt)

    drain = queue_drain({"any": note})
    assert (await drain(await make_run())).looked_at == 0
    rows("UPDATE tickover.job SET lease_expires_at = now() - interval '1 second'")
    assert (await drain(await make_run())).changed == 1
    assert attempts == [2]


async def test_i4_a_job_that_kills_its_process_ends_as_a_dead_letter(
    queue: JobQueue, make_run: MakeRun, rows: Rows
) -> None:
    """Its last lease expired: it is not run once more, and says why."""
    await queue.enqueue("any", 1, max_attempts=2)
    rows(
        "UPDATE tickover.job SET state = 'running', attempts = 2, fence = 2, lease_expires_at = now() - interval '1 s'"
    )
    handler = Hanging()
    summary = await queue_drain({"any": handler})(await make_run())
    assert handler.begun == []
    assert (summary.changed, summary.details["dead"]) == (0, 1)
    assert rows("SELECT state, attempts, last_error FROM tickover.job") == [
        {
            "state": "dead",
            "attempts": 2,
            "last_error": "the lease of attempt 2 of 2 expired: its process died or hung",
        }
    ]


async def test_f6_a_hanging_job_does_not_hold_up_the_queue(queue: JobQueue, make_run: MakeRun, rows: Rows) -> None:
    """While one handler hangs, jobs enqueued after it are claimed and done by the same drain."""
    await queue.enqueue("hang", 1)
    handler = Hanging()

    async def quick(_: Job) -> None:
        pass

    async def all_done() -> bool:
        return rows("SELECT count(*) FROM tickover.job WHERE state = 'succeeded'") == [{"count": 20}]

    async with under_way(queue_drain({"hang": handler, "quick": quick})(await make_run())):
        await eventually(handler.has_begun)
        await queue.enqueue_many([NewJob("quick", n) for n in range(20)])
        await eventually(all_done)


def test_a_job_has_no_more_time_than_its_drain() -> None:
    """The budget a handler sees is the shorter of its timeout and the drain's."""
    now = SetClock()
    assert Budget.of(5, now).within(60).left() == 5
    assert Budget.of(60, now).within(5).left() == 5
