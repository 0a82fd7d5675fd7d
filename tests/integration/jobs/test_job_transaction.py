"""A job's own transaction: its commit is the job's success, whatever happens around it."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.integration.jobs.conftest import under_way
from tests.runs import MakeRun
from tests.waiting import eventually
from tickover.errors import LeaseLostError
from tickover.jobs.claims import Claimed, Claims, Standing
from tickover.jobs.drain import DrainSettings, queue_drain
from tickover.jobs.handler import Job
from tickover.jobs.queue import JobQueue
from tickover.jobs.transaction import JobTransactionError

Rows = Callable[..., list[dict[str, Any]]]

WRITE = "INSERT INTO effect (job_id, fence) VALUES (%s, %s)"
STATE = "SELECT state, attempts, fence, last_error FROM tickover.job"
SUCCEEDED = [{"state": "succeeded", "attempts": 1, "fence": 1, "last_error": None}]


@pytest.fixture(autouse=True)
def effects(rows: Rows) -> Callable[[], int]:
    """A table for what handlers write; called, it counts the rows."""
    rows("CREATE TABLE effect (job_id bigint NOT NULL, fence bigint NOT NULL)")
    return lambda: int(rows("SELECT count(*) AS n FROM effect")[0]["n"])


async def write(job: Job) -> None:
    """The effect of a handler, in its job's own transaction."""
    async with job.transaction() as connection:
        await connection.execute(WRITE, (job.id, job.fence))


async def test_i4_effects_and_outcome_are_one_commit(
    queue: JobQueue, make_run: MakeRun, rows: Rows, effects: Callable[[], int]
) -> None:
    """Right after the commit, before the handler has returned, the job has succeeded."""
    await queue.enqueue("any", 1)
    seen: list[Any] = []

    async def handler(job: Job) -> None:
        await write(job)
        seen.extend(rows(STATE))

    summary = await queue_drain({"any": handler})(await make_run())
    assert (summary.changed, summary.details["lost"], effects()) == (1, 0, 1)
    assert seen == rows(STATE) == SUCCEEDED


async def test_i4_raising_inside_rolls_both_back(
    queue: JobQueue, make_run: MakeRun, rows: Rows, effects: Callable[[], int]
) -> None:
    """It is a failed attempt as ever."""
    await queue.enqueue("any", 1)

    async def handler(job: Job) -> None:
        async with job.transaction() as connection:
            await connection.execute(WRITE, (job.id, job.fence))
            raise ValueError("no")

    summary = await queue_drain({"any": handler})(await make_run())
    assert (summary.details["retried"], effects()) == (1, 0)
    assert rows(STATE) == [{"state": "scheduled", "attempts": 1, "fence": 1, "last_error": "ValueError: no"}]


async def test_i4_raising_after_the_commit_is_told_and_not_retried(
    queue: JobQueue, make_run: MakeRun, rows: Rows, effects: Callable[[], int]
) -> None:
    """The job stays succeeded; a second transaction of the same attempt is such an error."""
    await queue.enqueue("any", 1)

    async def handler(job: Job) -> None:
        await write(job)
        with pytest.raises(JobTransactionError, match=r"one job\.transaction"):
            await write(job)
        raise ValueError("afterwards")

    with capture_logs() as logs:
        summary = await queue_drain({"any": handler})(await make_run())
    assert (summary.changed, summary.details["retried"], effects()) == (1, 0, 1)
    assert rows(STATE) == SUCCEEDED
    assert [(log["event"], log["error"]) for log in logs] == [("job.failed_after_commit", "ValueError: afterwards")]


async def test_i4_a_drain_cancelled_after_the_commit_hands_nothing_back(
    queue: JobQueue, make_run: MakeRun, rows: Rows, effects: Callable[[], int]
) -> None:
    """Nor does a lease that is renewed while the handler goes on make it a lost job."""
    await queue.enqueue("any", 1)

    async def handler(job: Job) -> None:
        await write(job)
        await asyncio.Event().wait()

    async def written() -> bool:
        return effects() == 1

    async with under_way(queue_drain({"any": handler})(await make_run())) as task:
        await eventually(written)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert rows(STATE) == SUCCEEDED


async def test_i4_a_handler_that_commits_while_the_drain_ends_without_it_has_succeeded(
    queue: JobQueue, make_run: MakeRun, rows: Rows, effects: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drain gave it up, finds its row locked and looks again: there are two outcomes by then, and one counts."""
    await queue.enqueue("any", 1)
    is_begun, was_locked = asyncio.Event(), asyncio.Event()
    look = Claims.standings

    async def looked(claims: Claims, jobs: list[Claimed]) -> dict[int, Standing]:
        found = await look(claims, jobs)
        was_locked.set()
        return found

    async def stubborn(job: Job) -> None:
        async with job.transaction() as connection:
            await connection.execute(WRITE, (job.id, job.fence))
            is_begun.set()
            while not was_locked.is_set():
                with suppress(asyncio.CancelledError):
                    await was_locked.wait()

    monkeypatch.setattr(Claims, "standings", looked)
    async with under_way(queue_drain({"any": stubborn})(await make_run())) as task:
        await is_begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (rows(STATE), effects()) == (SUCCEEDED, 1)


async def test_i4_a_timeout_after_the_commit_is_a_success(queue: JobQueue, make_run: MakeRun, rows: Rows) -> None:
    """What is cut off is what the handler did afterwards; renewals meanwhile do not take the job for lost."""
    await queue.enqueue("any", 1, timeout_s=1.5)

    async def handler(job: Job) -> None:
        await write(job)
        await asyncio.Event().wait()

    summary = await queue_drain({"any": handler}, DrainSettings(lease=timedelta(seconds=1)))(await make_run())
    assert (summary.changed, summary.details["lost"]) == (1, 0)
    assert rows(STATE) == SUCCEEDED


async def test_i3_who_was_fenced_off_is_refused_the_transaction(
    queue: JobQueue, make_run: MakeRun, rows: Rows, effects: Callable[[], int]
) -> None:
    """Its lease expired and another drain did the job: there is one effect, and it is the other's."""
    await queue.enqueue("any", 1)
    refused: list[Exception] = []

    async def late(job: Job) -> None:
        rows("UPDATE tickover.job SET lease_expires_at = now() - interval '1 second'")
        await queue_drain({"any": write})(await make_run())
        try:
            await write(job)
        except LeaseLostError as error:
            refused.append(error)
            raise

    summary = await queue_drain({"any": late})(await make_run())
    assert (summary.changed, summary.details["lost"], len(refused), effects()) == (0, 1, 1, 1)
    assert rows("SELECT j.state, e.fence = j.fence AS own FROM tickover.job j JOIN effect e ON e.job_id = j.id") == [
        {"state": "succeeded", "own": True}
    ]


async def test_a_sync_handler_has_the_same_transaction(
    queue: JobQueue, make_run: MakeRun, rows: Rows, effects: Callable[[], int]
) -> None:
    """One that raises after its commit has succeeded too."""
    await queue.enqueue("any", 1)

    def handler(job: Job) -> None:
        with job.sync_transaction() as connection:
            connection.execute(WRITE, (job.id, job.fence))
        raise ValueError("afterwards")

    summary = await queue_drain({"any": handler})(await make_run())
    assert (summary.changed, effects()) == (1, 1)
    assert rows(STATE) == SUCCEEDED


async def test_i10_a_thread_that_hangs_in_its_transaction_holds_up_nobody(
    queue: JobQueue, make_run: MakeRun, effects: Callable[[], int]
) -> None:
    """The server ends its transaction soon after the attempt's time; then the same drain records the failure."""
    await queue.enqueue("any", 1, timeout_s=0.2, max_attempts=1)
    released = threading.Event()

    def handler(job: Job) -> None:
        with job.sync_transaction() as connection:
            connection.execute(WRITE, (job.id, job.fence))
            released.wait(60)

    async def other(_: Job) -> None:
        await asyncio.sleep(3)

    await queue.enqueue("other", 1)
    try:
        summary = await queue_drain({"any": handler, "other": other})(await make_run())
    finally:
        released.set()
    assert (summary.changed, summary.details["dead"], effects()) == (1, 1, 0)
