"""A slice ends in time, leaves nothing claimed, looks for more no more than it must, and hands jobs over together."""

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.jobs.conftest import under_way
from tests.waiting import eventually
from tickover import BatchError, DrainSettings, Job, NewJob, Order, Recurring, batch, clock, drain
from tickover.database import Database
from tickover.jobs.handler import Handlers
from tickover.jobs.queue import JobQueue

Rows = Callable[..., list[dict[str, Any]]]

CLAIMED = "SELECT id FROM tickover.job WHERE state = 'running'"
STATES = "SELECT kind, state, attempts, count(*) AS n FROM tickover.job GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
MINUTE = timedelta(seconds=60)


async def test_i10_out_of_time_nothing_is_left_claimed(queue: JobQueue, database: Database, rows: Rows) -> None:
    """Quick and slow jobs, many more than fit: what was not done is queued again, and has cost no attempt."""
    await queue.enqueue_many([NewJob("quick", n) for n in range(30_000)] + [NewJob("slow", n) for n in range(100)])
    rows("UPDATE tickover.job SET priority = 1 WHERE kind = 'slow' AND mod(id, 3) = 0")

    async def quick(_: Job) -> None: ...

    async def slow(_: Job) -> None:
        await asyncio.sleep(0.05)

    summary = await drain(database, {"quick": quick, "slow": slow}, budget=timedelta(seconds=0.5))
    assert rows(CLAIMED) == []
    assert summary.left > 0
    assert summary.looked_at == summary.changed + summary.details["handed_back"]
    assert {(row["state"], row["attempts"]) for row in rows(STATES)} == {("succeeded", 1), ("queued", 0)}


async def test_i10_no_more_is_claimed_than_can_be_begun(queue: JobQueue, database: Database, rows: Rows) -> None:
    """Jobs of 20 ms by two workers: of three hundred, those that are not reached stay where they are."""
    await queue.enqueue_many([NewJob("any", n) for n in range(300)])

    async def work(_: Job) -> None:
        await asyncio.sleep(0.02)

    config = DrainSettings(concurrency=2)
    summary = await drain(database, {"any": work}, budget=timedelta(seconds=1), settings=config)
    assert summary.details["handed_back"] < 100
    assert rows(CLAIMED) == []


async def test_jobs_that_wait_behind_slow_ones_are_given_up(
    queue: JobQueue, database: Database, replica: Database
) -> None:
    """Two workers have taken thirty-two jobs and both sit at long ones: another replica does the others meanwhile."""
    await queue.enqueue_many(
        [NewJob("slow", n, priority=1) for n in range(2)] + [NewJob("quick", n) for n in range(100)]
    )
    released = asyncio.Event()
    begun: list[int] = []

    async def slow(job: Job) -> None:
        begun.append(job.id)
        await released.wait()

    async def both_begun() -> bool:
        return len(begun) == 2

    async def quick(_: Job) -> None: ...

    handlers, config = {"slow": slow, "quick": quick}, DrainSettings(concurrency=2, order=Order.FIFO)
    async with under_way(drain(database, handlers, budget=MINUTE, settings=config)) as stuck:
        await eventually(both_begun)  # or the other replica might sit at them
        done = 0
        while done < 98:
            done += (await drain(replica, handlers, budget=MINUTE, settings=config)).changed
        released.set()
        assert done + (await stuck).changed == 102


async def test_i10_a_job_that_would_be_cut_off_is_not_begun(queue: JobQueue, database: Database) -> None:
    """Once it is known how long its kind takes, it is left to the next slice; quicker ones take its place."""
    await queue.enqueue_many([NewJob("slow", n, priority=1) for n in range(20)] + [NewJob("quick", 1)] * 20)
    begun: list[str] = []
    cut_off: list[str] = []

    async def work(job: Job) -> None:
        begun.append(job.kind)
        try:
            await asyncio.sleep(1.2 if job.kind == "slow" else 0.01)
        except asyncio.CancelledError:
            cut_off.append(job.kind)
            raise

    config = DrainSettings(concurrency=2)
    summary = await drain(database, {"slow": work, "quick": work}, budget=timedelta(seconds=2), settings=config)
    assert begun.count("slow") == 2
    assert begun.count("quick") == 20
    assert (cut_off, summary.changed) == ([], 22)


async def test_i10_jobs_that_no_longer_fit_are_left_where_they_are(
    queue: JobQueue, database: Database, rows: Rows
) -> None:
    """Hundreds of slow ones stand before the quick ones: those are done, and hardly a slow one is touched."""
    await queue.enqueue_many([NewJob("slow", n, priority=1) for n in range(800)] + [NewJob("quick", 1)] * 50)

    async def work(job: Job) -> None:
        await asyncio.sleep(1.2 if job.kind == "slow" else 0.005)

    config = DrainSettings(concurrency=2, order=Order.FIFO)
    summary = await drain(database, {"slow": work, "quick": work}, budget=timedelta(seconds=2), settings=config)
    ended = rows("SELECT kind, count(*) AS n FROM tickover.job WHERE state = 'succeeded' GROUP BY kind ORDER BY kind")
    assert [(row["kind"], row["n"]) for row in ended] == [("quick", 50), ("slow", 2)]
    assert summary.changed == 52
    assert summary.details["kinds"]["slow"] < 50
    assert rows("SELECT count(*) AS n FROM tickover.job WHERE fence = 0")[0]["n"] > 700


async def test_while_a_long_job_runs_an_empty_queue_is_not_asked_again_and_again(
    queue: JobQueue, database: Database, rows: Rows
) -> None:
    """A job of a second, and nothing else: a handful of claims."""
    await queue.enqueue("any", 1)
    before = rows("SELECT turn FROM tickover.lane WHERE lane = 0")[0]["turn"]
    asked: list[int] = []

    async def work(_: Job) -> None:
        await asyncio.sleep(1)

    class Counting(Database):
        def connection(self) -> Any:
            asked.append(1)
            return super().connection()

    counting = Counting(database.dsn)
    await counting.open()
    try:
        await drain(counting, {"any": work}, budget=MINUTE)
    finally:
        await counting.close()
    assert len(asked) < 20
    assert rows("SELECT turn FROM tickover.lane WHERE lane = 0")[0]["turn"] == before + 1


async def test_a_job_enqueued_by_a_running_one_is_taken_up(queue: JobQueue, database: Database) -> None:
    """The slice ends when nothing is due and nothing runs that could bring more."""

    async def work(job: Job) -> None:
        await asyncio.sleep(0.05)
        if job.payload:
            await queue.enqueue("any", job.payload - 1)

    await queue.enqueue("any", 4)
    assert (await drain(database, {"any": work}, budget=MINUTE)).changed == 5


@pytest.mark.parametrize("is_sync", [False, True])
async def test_jobs_of_a_kind_are_handed_over_together(queue: JobQueue, database: Database, is_sync: bool) -> None:
    """At most so many in one call, each job in one call, others one by one."""
    calls: list[list[int]] = []

    def note(jobs: Any) -> None:
        calls.append([job.payload for job in jobs])

    async def note_async(jobs: Any) -> None:
        note(jobs)

    async def single(job: Job) -> None:
        calls.append([job.payload])

    await queue.enqueue_many([NewJob("many", n) for n in range(250)] + [NewJob("one", 1000)])
    handlers: Handlers = {"many": batch(max=100)(note if is_sync else note_async), "one": single}
    summary = await drain(database, handlers, budget=MINUTE)
    assert summary.changed == 251
    assert sorted(n for call in calls for n in call) == [*range(250), 1000]
    assert max(len(call) for call in calls) <= 100
    assert len(calls) < 50


async def test_of_jobs_handed_over_together_some_may_fail(queue: JobQueue, database: Database, rows: Rows) -> None:
    """Those that are named are retried or dead, each by its own attempts; the others have succeeded."""
    await queue.enqueue_many([NewJob("many", n, max_attempts=1 if n == 0 else 5) for n in range(6)])

    async def handle(jobs: Any) -> None:
        raise BatchError({job.id: ValueError("odd") for job in jobs if job.payload in {0, 3}})

    summary = await drain(database, {"many": batch(max=100)(handle)}, budget=MINUTE)
    assert (summary.changed, summary.details["retried"], summary.details["dead"]) == (4, 1, 1)
    assert [row["last_error"] for row in rows("SELECT last_error FROM tickover.job ORDER BY id")] == [
        "ValueError: odd", None, None, "ValueError: odd", None, None
    ]  # fmt: skip


async def test_when_the_call_fails_all_of_it_has_failed(queue: JobQueue, database: Database, rows: Rows) -> None:
    """But for what was committed in a job's own transaction before."""
    await queue.enqueue_many([NewJob("many", n) for n in range(3)])

    async def handle(jobs: Any) -> None:
        async with jobs[1].transaction():
            pass
        raise ValueError("no")

    summary = await drain(database, {"many": batch(max=100)(handle)}, budget=MINUTE)
    assert (summary.changed, summary.details["retried"]) == (1, 2)
    assert [row["state"] for row in rows("SELECT state FROM tickover.job ORDER BY id")] == [
        "scheduled", "succeeded", "scheduled"
    ]  # fmt: skip


async def test_the_shortest_timeout_ends_a_call(queue: JobQueue, database: Database) -> None:
    """Two jobs together, one of which may take a twentieth of a second."""
    await queue.enqueue_many([NewJob("many", 1, timeout_s=0.05), NewJob("many", 2, timeout_s=50)])

    async def handle(_: Any) -> None:
        await asyncio.sleep(10)

    assert (await drain(database, {"many": batch(max=9)(handle)}, budget=MINUTE)).details["retried"] == 2


async def test_a_payload_that_cannot_be_read_does_not_spoil_the_others(
    queue: JobQueue, database: Database, rows: Rows
) -> None:
    """A number of five thousand digits is JSON to PostgreSQL, and too long for Python."""
    await queue.enqueue_many([NewJob("many", n) for n in range(3)])
    rows("UPDATE tickover.job SET payload = (repeat('9', 5000))::jsonb WHERE id = (SELECT min(id) FROM tickover.job)")
    seen: list[int] = []

    async def handle(jobs: Any) -> None:
        seen.extend(job.payload for job in jobs)

    summary = await drain(database, {"many": batch(max=9)(handle)}, budget=MINUTE)
    assert (seen, summary.changed, summary.details["retried"]) == ([1, 2], 2, 1)


def test_a_batch_of_none_is_refused() -> None:
    """It holds at least one job."""
    with pytest.raises(ValueError, match="at least one"):
        batch(max=0)


async def test_a_drain_enqueues_what_recurs(queue: JobQueue, database: Database, rows: Rows) -> None:
    """At the beginning of each slice; its first occurrence is the first after it was first seen."""
    done: list[Any] = []

    async def report(job: Job) -> None:
        done.append(job.payload)

    nightly = Recurring("nightly", "0 3 * * *", "report", {"n": 1})
    first = await drain(database, {"report": report}, budget=MINUTE, recurring=[nightly])
    assert (done, first.details["recurring"]["enqueued"]) == ([], 0)
    rows("UPDATE tickover.recurring SET next_at = %s", clock.now() - timedelta(hours=1))
    second = await drain(database, {"report": report}, budget=MINUTE, recurring=[nightly])
    assert (done, second.details["recurring"]["enqueued"]) == ([{"n": 1}], 1)
    assert await queue.list(kind="report")


async def test_jobs_may_be_claimed_and_recorded_one_by_one(queue: JobQueue, database: Database) -> None:
    """With batches of one everything is slower, and nothing else."""
    await queue.enqueue_many([NewJob("any", n) for n in range(20)])

    async def work(_: Job) -> None:
        await asyncio.sleep(0.001)

    assert (await drain(database, {"any": work}, budget=MINUTE, settings=DrainSettings(batch=1))).changed == 20


async def test_a_thread_that_hangs_in_its_transaction_does_not_hold_the_drain(
    queue: JobQueue, database: Database
) -> None:
    """Its job is cut off and cannot be recorded, for its row is locked; the drain ends as soon as all else is done."""
    await queue.enqueue("hang", 1, timeout_s=0.05)
    await queue.enqueue("any", 1)
    released = threading.Event()

    def hang(job: Job) -> None:
        with job.sync_transaction():
            released.wait(30)

    async def work(_: Job) -> None: ...

    try:
        async with asyncio.timeout(20):
            summary = await drain(database, {"hang": hang, "any": work}, budget=MINUTE)
    finally:
        released.set()
    assert (summary.changed, summary.details["lost"] + summary.details["retried"]) == (1, 1)


async def test_sync_handlers_run_side_by_side(queue: JobQueue, database: Database) -> None:
    """Each waits for all others: with fewer than eight at a time the drain would not end before its budget."""
    await queue.enqueue_many([NewJob("any", n) for n in range(8)])
    inside: list[int] = []

    def work(job: Job) -> None:
        inside.append(job.id)
        while len(inside) < 8:
            time.sleep(0.001)

    assert (await drain(database, {"any": work}, budget=timedelta(seconds=20))).changed == 8
