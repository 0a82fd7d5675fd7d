"""The attempts at a job that are kept."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.runs import MakeRun
from tickover import Job, RetryJobError, clock, drain, queue_drain
from tickover.database import Database
from tickover.jobs.claims import Claims, Outcome, Terms
from tickover.jobs.forgetting import Keeping, forget_jobs
from tickover.jobs.looking import AttemptOutcome
from tickover.jobs.queue import JobQueue
from tickover.jobs.slice import Slice
from tickover.jobs.states import Ending

Rows = Callable[..., list[dict[str, Any]]]

DUE = "UPDATE tickover.job SET run_at = now() - interval '1 s' WHERE state = 'scheduled'"
BUDGET = timedelta(seconds=10)


async def falter(job: Job) -> None:
    """Succeeds at its third attempt."""
    if job.attempt == 1:
        raise ValueError("no such lead")
    if job.attempt == 2:
        raise RetryJobError(clock.now() + timedelta(minutes=5), "not yet")


async def test_every_failed_attempt_is_kept_and_the_last_one_is_the_jobs_own(
    queue: JobQueue, database: Database, rows: Rows
) -> None:
    """Two failures with their errors and times, then the success, in order."""
    job_id = await queue.enqueue("lead", 1)
    for _ in range(3):
        await drain(database, {"lead": falter}, budget=BUDGET)
        rows(DUE)
    first, second, third = await queue.attempts(job_id)
    assert [(a.attempt, a.fence, a.outcome, a.error) for a in (first, second, third)] == [
        (1, 1, AttemptOutcome.RETRIED, "ValueError: no such lead"),
        (2, 2, AttemptOutcome.RETRIED, "RetryJobError: not yet"),
        (3, 3, AttemptOutcome.SUCCEEDED, None),
    ]
    assert first.started_at is not None
    assert first.ended_at is not None
    assert abs(first.ended_at - first.started_at) < timedelta(minutes=1)
    assert (first.dispatch_key, first.path) == (None, None)


async def test_a_success_at_once_needs_no_row(queue: JobQueue, database: Database, rows: Rows) -> None:
    """It is told from the job's own row; so is one under way."""
    job_id = await queue.enqueue("lead", 1)
    (claimed,) = await Claims(Slice.lasting(database, 60), Terms()).claim(1, reap=False)
    (running,) = await queue.attempts(job_id)
    assert (running.outcome, running.ended_at) == (AttemptOutcome.RUNNING, None)
    await Claims(Slice.lasting(database, 60), Terms()).record([Outcome(claimed, Ending.SUCCEEDED, 1, is_plain=True)])
    assert [attempt.outcome for attempt in await queue.attempts(job_id)] == [AttemptOutcome.SUCCEEDED]
    assert rows("SELECT 1 FROM tickover.job_attempt") == []


async def test_an_attempt_tells_the_tick_that_made_it(queue: JobQueue, make_run: MakeRun) -> None:
    """The dispatch key and the path of a drain that belongs to a tick; a job without a handler was never started."""
    job_id = await queue.enqueue("nobody", 1)
    run = await make_run()
    await queue_drain({"other": falter})(run)
    (attempt,) = await queue.attempts(job_id)
    assert (attempt.outcome, attempt.started_at) == (AttemptOutcome.DEAD, None)
    assert (attempt.dispatch_key, attempt.path) == (run.dispatch_key, str(run.path))
    assert attempt.error == "no handler for kind 'nobody': register one, then requeue"


async def test_an_attempt_whose_process_died_is_lost(queue: JobQueue, database: Database, rows: Rows) -> None:
    """Told by whoever finds the lease expired, with the time at which it did; once, though two look."""
    job_id = await queue.enqueue("lead", 1)
    claims = Claims(Slice.lasting(database, 60), Terms())
    await claims.claim(1, reap=False)
    rows("UPDATE tickover.job SET lease_expires_at = '2026-11-27T03:00Z'")
    await claims.claim(1, reap=True)
    lost, running = await queue.attempts(job_id)
    assert (lost.attempt, lost.outcome, lost.ended_at) == (
        1,
        AttemptOutcome.LOST,
        datetime(2026, 11, 27, 3, tzinfo=UTC),
    )
    assert (running.attempt, running.fence, running.outcome) == (2, 2, AttemptOutcome.RUNNING)
    await claims.claim(1, reap=True)
    assert len(await queue.attempts(job_id)) == 2


async def test_a_hand_back_and_a_refused_outcome_are_no_attempts(
    queue: JobQueue, database: Database, rows: Rows
) -> None:
    """Neither of a job that was handed back, nor of one that another has won meanwhile, is a row kept."""
    await queue.enqueue("lead", 1)
    claims = Claims(Slice.lasting(database, 60), Terms())
    (claimed,) = await claims.claim(1, reap=False)
    assert await claims.record([Outcome(claimed, Ending.HANDED_BACK, 0)]) == {claimed.id}
    assert await claims.record([Outcome(claimed, Ending.DEAD, 1, "late")]) == set()
    assert rows("SELECT 1 FROM tickover.job_attempt") == []


async def test_attempts_are_counted_anew_after_a_requeue(queue: JobQueue, database: Database) -> None:
    """The old ones stay, told apart by their fences."""
    job_id = await queue.enqueue("lead", 1, max_attempts=1)
    await drain(database, {"lead": falter}, budget=BUDGET)
    await queue.requeue([job_id])
    await drain(database, {"lead": falter}, budget=BUDGET)
    assert [(a.attempt, a.fence, a.outcome) for a in await queue.attempts(job_id)] == [
        (1, 1, AttemptOutcome.DEAD),
        (1, 2, AttemptOutcome.DEAD),
    ]


async def test_attempts_are_forgotten_with_their_job(queue: JobQueue, database: Database, rows: Rows) -> None:
    """Those of jobs that are kept stay; a discarded job is kept as long as one that succeeded."""
    old, young = await queue.enqueue("lead", 1, max_attempts=1), await queue.enqueue("lead", 2, max_attempts=1)
    await drain(database, {"lead": falter}, budget=BUDGET)
    rows("UPDATE tickover.job SET finished_at = now() - interval '40 days' WHERE id = %s", old)
    discarded, kept = await queue.enqueue("lead", 3), await queue.enqueue("lead", 4)
    rows(
        "UPDATE tickover.job SET state = 'discarded', finished_at = now() - interval '8 days' WHERE id = %s", discarded
    )
    rows("UPDATE tickover.job SET state = 'discarded', finished_at = now() - interval '6 days' WHERE id = %s", kept)
    keeping = Keeping(timedelta(days=7), timedelta(days=30))
    assert await forget_jobs(database, keeping, clock.now(), _set()) == 2
    assert [row["id"] for row in rows("SELECT id FROM tickover.job ORDER BY id")] == [young, kept]
    assert rows("SELECT job_id FROM tickover.job_attempt") == [{"job_id": young}]


@pytest.mark.parametrize("job_id", [1, 0, -5, 2**63])
async def test_a_job_that_is_not_there_has_no_attempts(queue: JobQueue, job_id: int) -> None:
    """Also for numbers that can be nobody's id."""
    assert await queue.attempts(job_id) == []


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event
