"""What a drain does with jobs and with what their handlers do."""

import asyncio
import functools
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.runs import MakeRun
from tickover import clock
from tickover.database import Database
from tickover.jobs.drain import DrainSettings, queue_drain
from tickover.jobs.handler import Handler, Job, OneHandler, RetryJobError
from tickover.jobs.looking import StoredJob
from tickover.jobs.new_job import NewJob
from tickover.jobs.queue import JobQueue
from tickover.jobs.states import JobState

Rows = Callable[..., list[dict[str, Any]]]


class Recorder:
    """A handler that only notes what it was given."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    async def __call__(self, job: Job) -> None:
        """Note the job."""
        self.jobs.append(job)


async def drain_one(handler: Handler, queue: JobQueue, make_run: MakeRun, **options: Any) -> StoredJob:
    """Enqueue a job, drain once, and show what became of it."""
    job_id = await queue.enqueue("any", {"lead": 1}, **options)
    await queue_drain({"any": handler})(await make_run())
    stored = await queue.show(job_id)
    assert stored is not None
    return stored


async def test_every_due_job_runs_once(queue: JobQueue, make_run: MakeRun, rows: Rows) -> None:
    """Of 500 jobs in batches of 60 each runs once; the summary counts them, and the rows say so."""
    await queue.enqueue_many([NewJob("any", n) for n in range(500)])
    handler = Recorder()
    summary = await queue_drain({"any": handler}, DrainSettings(batch=60))(await make_run())
    assert sorted(job.payload for job in handler.jobs) == list(range(500))
    assert (summary.looked_at, summary.changed, summary.left, summary.error) == (500, 500, 0, None)
    assert summary.details["kinds"] == {"any": 500}
    assert rows("SELECT state, attempts, count(*), count(finished_at) AS ended FROM tickover.job GROUP BY 1, 2") == [
        {"state": "succeeded", "attempts": 1, "count": 500, "ended": 500}
    ]


async def test_i4_two_drains_never_run_the_same_job(
    queue: JobQueue, make_run: MakeRun, replica: Database, rows: Rows
) -> None:
    """Two replicas drain 600 jobs at once: both work, and no job runs twice."""
    await queue.enqueue_many([NewJob("any", n) for n in range(600)])
    runs: Counter[int] = Counter()

    async def note(job: Job) -> None:
        runs[job.id] += 1
        await asyncio.sleep(0)

    drain = queue_drain({"any": note}, DrainSettings(batch=20))
    one, other = await asyncio.gather(drain(await make_run()), drain(await make_run(own=replica)))
    assert set(runs.values()) == {1}
    assert one.changed + other.changed == len(runs) == 600
    assert min(one.changed, other.changed) > 0
    assert rows("SELECT DISTINCT state, attempts, fence FROM tickover.job") == [
        {"state": "succeeded", "attempts": 1, "fence": 1}
    ]


async def test_handlers_that_never_wait_leave_others_their_turn(queue: JobQueue, make_run: MakeRun) -> None:
    """Between two such jobs everything else in the process goes on."""
    await queue.enqueue_many([NewJob("any", n) for n in range(20)])
    turns: list[int] = []

    async def note(_: Job) -> None:
        asyncio.get_running_loop().call_soon(turns.append, 1)
        seen.append(len(turns))
        time.sleep(0.001)  # noqa: ASYNC251 - a handler that works, and never waits

    seen: list[int] = []
    await queue_drain({"any": note}, DrainSettings(concurrency=1))(await make_run())
    assert seen == list(range(20))


async def test_jobs_start_by_priority_then_by_time(queue: JobQueue, make_run: MakeRun) -> None:
    """Higher priorities first; within one, what has waited longest; what is not due stays."""
    now = clock.now()
    await queue.enqueue("any", "late", run_at=now - timedelta(seconds=1))
    await queue.enqueue("any", "early", run_at=now - timedelta(hours=1))
    await queue.enqueue("any", "urgent", priority=1)
    await queue.enqueue("any", "future", run_at=now + timedelta(hours=1), priority=9)
    handler = Recorder()
    summary = await queue_drain({"any": handler}, DrainSettings(concurrency=1))(await make_run())
    assert [job.payload for job in handler.jobs] == ["urgent", "early", "late"]
    assert summary.left == 0


async def test_a_run_for_one_client_leaves_the_others_alone(queue: JobQueue, make_run: MakeRun) -> None:
    """Only its jobs are claimed, and only its jobs are counted as left."""
    for client in ("acme", "bolt", None):
        await queue.enqueue("any", client, client_id=client)
    handler = Recorder()
    summary = await queue_drain({"any": handler})(await make_run(client_id="acme"))
    assert [(job.payload, job.client_id) for job in handler.jobs] == [("acme", "acme")]
    assert (summary.looked_at, summary.left) == (1, 0)


async def test_i9_a_dry_run_counts_and_changes_nothing(queue: JobQueue, make_run: MakeRun, rows: Rows) -> None:
    """The due jobs are counted; the rows stay as they were."""
    await queue.enqueue_many([NewJob("any", n) for n in range(3)])
    before = rows("SELECT * FROM tickover.job ORDER BY id")
    summary = await queue_drain({})(await make_run(dry=True))
    assert (summary.looked_at, summary.changed, summary.left) == (3, 0, 3)
    assert rows("SELECT * FROM tickover.job ORDER BY id") == before


async def test_a_handler_sees_its_job(queue: JobQueue, make_run: MakeRun) -> None:
    """Attempt, time left and payload are there, and the job's transaction is real."""
    seen: list[Any] = []

    async def look(job: Job) -> None:
        async with job.transaction() as connection:
            row = await (await connection.execute(b"SELECT kind FROM tickover.job WHERE id = %s", [job.id])).fetchone()
        seen.append((job.attempt, job.max_attempts, job.payload, row, 0 < job.time_left() <= 7))

    await drain_one(look, queue, make_run, timeout_s=7, max_attempts=3)
    assert seen == [(1, 3, {"lead": 1}, ("any",), True)]


async def _fail(_: Job) -> None:
    raise ValueError("no such lead")


async def test_i4_a_failed_job_is_retried_later(queue: JobQueue, make_run: MakeRun) -> None:
    """It is queued again for two to two and a half seconds from now, with the error kept and a warning logged."""
    before = clock.now()
    with capture_logs() as logs:
        job = await drain_one(_fail, queue, make_run)
    assert (job.state, job.attempts, job.last_error) == (JobState.SCHEDULED, 1, "ValueError: no such lead")
    assert timedelta(seconds=2) <= job.run_at - before
    assert job.run_at <= clock.now() + timedelta(seconds=2.5)
    assert [(log["event"], log["log_level"]) for log in logs] == [("job.failed", "warning")]


async def test_i4_the_last_failure_makes_a_dead_letter(queue: JobQueue, make_run: MakeRun, rows: Rows) -> None:
    """After as many attempts as it has, it is dead, can be read, is logged as an error, and is left alone."""
    job_id = await queue.enqueue("any", 1, max_attempts=2)
    drain = queue_drain({"any": _fail})
    assert (await drain(await make_run())).details["retried"] == 1
    rows("UPDATE tickover.job SET run_at = now()")
    with capture_logs() as logs:
        assert (await drain(await make_run())).details["dead"] == 1
    assert (await drain(await make_run())).looked_at == 0
    job = await queue.show(job_id)
    assert job is not None
    assert (job.state, job.attempts, job.last_error) == (JobState.DEAD, 2, "ValueError: no such lead")
    assert job.finished_at is not None
    (log,) = logs
    assert (log["event"], log["log_level"], log["job_id"]) == ("job.died", "error", job_id)
    assert isinstance(log["exc_info"], ValueError)


async def test_a_handler_names_the_time_of_its_retry(queue: JobQueue, make_run: MakeRun) -> None:
    """The job comes back at that time and has used up an attempt."""
    at = clock.now() + timedelta(hours=3)

    async def later(_: Job) -> None:
        raise RetryJobError(at, "the mailbox is being moved")

    job = await drain_one(later, queue, make_run)
    assert (job.state, job.attempts, job.run_at) == (JobState.SCHEDULED, 1, at)
    assert job.last_error == "RetryJobError: the mailbox is being moved"


@pytest.mark.parametrize("at", [datetime(9999, 12, 31, tzinfo=UTC), datetime(2026, 11, 23)])  # noqa: DTZ001
async def test_i4_a_senseless_retry_time_loses_no_job(queue: JobQueue, make_run: MakeRun, at: datetime) -> None:
    """For the year 9999, or without a time zone: the job comes back within 30 days."""

    async def later(_: Job) -> None:
        raise RetryJobError(at, "some day")

    job = await drain_one(later, queue, make_run)
    assert job.state is JobState.SCHEDULED
    assert job.run_at <= clock.now() + timedelta(days=30)


async def test_a_retry_asked_for_by_the_last_attempt_is_a_dead_letter(queue: JobQueue, make_run: MakeRun) -> None:
    """A job cannot be put off for ever."""

    async def later(_: Job) -> None:
        raise RetryJobError(clock.now(), "not yet")

    assert (await drain_one(later, queue, make_run, max_attempts=3)).state is JobState.DEAD


async def test_i4_a_kind_without_handler_is_a_dead_letter(queue: JobQueue, make_run: MakeRun) -> None:
    """It says so, never counts as a success, and does not stop the others."""
    unknown = await queue.enqueue("sms_outbound", 1)
    await queue.enqueue("any", 1)
    summary = await queue_drain({"any": Recorder()})(await make_run())
    assert (summary.looked_at, summary.changed, summary.details["dead"]) == (2, 1, 1)
    job = await queue.show(unknown)
    assert job is not None
    assert (job.state, job.last_error) == (
        JobState.DEAD,
        "no handler for kind 'sms_outbound': register one, then requeue",
    )


async def test_a_job_is_cut_off_after_its_own_timeout(queue: JobQueue, make_run: MakeRun) -> None:
    """The attempt failed, and the error names the limit."""

    async def hang(_: Job) -> None:
        await asyncio.Event().wait()

    job = await drain_one(hang, queue, make_run, timeout_s=0.05)
    assert (job.state, job.attempts, job.last_error) == (JobState.SCHEDULED, 1, "TimeoutError: cut off after 0.05 s")


def _exit(_: Job) -> None:
    raise SystemExit(3)


def _stop_iteration(_: Job) -> None:
    next(iter([]))


async def _own_timeout(_: Job) -> None:
    raise TimeoutError("the mail server did not answer")


async def _awaits_the_cancelled(_: Job) -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    task.cancel()
    await task


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        (_exit, "SystemExit: 3"),
        (_stop_iteration, "RuntimeError: the handler raised StopIteration"),
        (_own_timeout, "TimeoutError: the mail server did not answer"),
        (_awaits_the_cancelled, "CancelledError:"),
    ],
)
async def test_i4_whatever_a_handler_raises_is_a_failed_attempt(
    queue: JobQueue, make_run: MakeRun, handler: Handler, error: str
) -> None:
    """It ends neither the process nor the drain, and the job is retried."""
    job = await drain_one(handler, queue, make_run)
    assert (job.state, job.attempts, job.last_error) == (JobState.SCHEDULED, 1, error)


async def test_i4_a_payload_python_cannot_parse_spoils_no_batch(queue: JobQueue, make_run: MakeRun, rows: Rows) -> None:
    """A number of 5000 digits, stored by SQL, fails its own job only."""
    rows("SELECT tickover.enqueue('any', %s, max_attempts => 1)", "1" * 5000)
    await queue.enqueue("any", 1)
    summary = await queue_drain({"any": Recorder()})(await make_run())
    assert (summary.changed, summary.details["dead"]) == (1, 1)
    (dead,) = await queue.list(state=JobState.DEAD)
    assert "4300 digits" in (dead.last_error or "")


async def test_a_sync_handler_runs_in_a_thread(queue: JobQueue, make_run: MakeRun) -> None:
    """Not in the event loop's; it may return anything, and it can use a transaction."""
    seen: list[Any] = []

    def look(job: Job) -> Any:
        with job.sync_transaction() as connection:
            seen.append(connection.execute(b"SELECT 1").fetchone())
        seen.append(threading.current_thread() is threading.main_thread())
        return 42

    job = await drain_one(look, queue, make_run)
    assert job.state is JobState.SUCCEEDED
    assert seen == [(1,), False]


def _in_a_function(handler: OneHandler) -> OneHandler:
    def wrapped(job: Job) -> Any:
        return handler(job)

    return wrapped


@pytest.mark.parametrize("wrap", [functools.partial, _in_a_function])
async def test_a_wrapped_async_handler_is_awaited(
    queue: JobQueue, make_run: MakeRun, wrap: Callable[[OneHandler], OneHandler]
) -> None:
    """Behind a partial or a sync function it still runs, and its failure is seen."""
    handler = Recorder()
    assert (await drain_one(wrap(handler), queue, make_run)).state is JobState.SUCCEEDED
    assert len(handler.jobs) == 1
    assert (await drain_one(wrap(_fail), queue, make_run)).last_error == "ValueError: no such lead"


async def test_a_sync_handler_that_hangs_is_left_behind(queue: JobQueue, make_run: MakeRun) -> None:
    """Its attempt failed after its timeout; while its thread lives on, a job that finds no thread loses no attempt."""
    released = threading.Event()
    hanging = await queue.enqueue("hang", 1, timeout_s=0.05, priority=1)
    waiting = await queue.enqueue("wait", 1, timeout_s=0.05)

    def hang(_: Job) -> None:
        released.wait(60)

    def no_op(_: Job) -> None:
        pass

    try:
        summary = await queue_drain({"hang": hang, "wait": no_op}, DrainSettings(concurrency=1))(
            await make_run(seconds=0.5)
        )
        assert summary.details["retried"] == 1
        assert summary.details["handed_back"] >= 1
    finally:
        released.set()
    first, second = await queue.show(hanging), await queue.show(waiting)
    assert first is not None
    assert second is not None
    assert (first.state, first.attempts, first.last_error) == (
        JobState.SCHEDULED,
        1,
        "TimeoutError: cut off after 0.05 s",
    )
    assert (second.state, second.attempts) == (JobState.QUEUED, 0)


@pytest.mark.parametrize("limits", [{"batch": 0}, {"concurrency": 0}, {"lease": timedelta()}])
def test_limits_below_one_are_refused(limits: dict[str, Any]) -> None:
    """A drain that could do nothing is an error where it is declared."""
    with pytest.raises(ValueError, match="at least 1"):
        queue_drain({}, DrainSettings(**limits))
