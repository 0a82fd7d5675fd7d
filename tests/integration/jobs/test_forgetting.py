"""Jobs that ended long ago are dropped, and nothing else; a walk that was stopped goes on where it was."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tickover import DrainSettings, Job, NewJob, clock, drain
from tickover.database import Database
from tickover.errors import SettingsError
from tickover.jobs.drain import queue_drain
from tickover.jobs.forgetting import Keeping, forget_jobs
from tickover.jobs.queue import JobQueue

Rows = Callable[..., list[dict[str, Any]]]

WEEK = Keeping(timedelta(days=7), timedelta(days=30))
AGE = "UPDATE tickover.job SET state = %s, created_at = now() - %s, finished_at = now() - %s WHERE id = %s"
LEFT = "SELECT id FROM tickover.job ORDER BY id"
PLACE = "SELECT position FROM tickover.progress WHERE name = 'tickover.job'"


async def ended(queue: JobQueue, rows: Rows, state: str, days: float, made: float | None = None) -> int:
    """A job that ended so many days ago, and was made so many."""
    job = await queue.enqueue("any", 1)
    rows(AGE, state, timedelta(days=days if made is None else made), timedelta(days=days), job)
    return job


async def test_only_what_ended_long_ago_is_dropped(queue: JobQueue, database: Database, rows: Rows) -> None:
    """Successes after a week, dead letters after a month; what waits or runs stays, however old it is."""
    old = [await ended(queue, rows, "succeeded", 8), await ended(queue, rows, "dead", 31)]
    kept = [
        await ended(queue, rows, "succeeded", 6, made=90),
        await ended(queue, rows, "dead", 29),
        await ended(queue, rows, "queued", 90),
        await ended(queue, rows, "scheduled", 90),
        await ended(queue, rows, "running", 90),
    ]
    assert await forget_jobs(database, WEEK, clock.now(), asyncio.Event()) == len(old)
    assert [row["id"] for row in rows(LEFT)] == kept
    assert rows(PLACE) == []


async def test_a_walk_that_was_stopped_goes_on_where_it_was(queue: JobQueue, database: Database, rows: Rows) -> None:
    """Twelve hundred old jobs that stay, and one behind them that goes: the second walk does not begin at the first."""
    await queue.enqueue_many([NewJob("any", n) for n in range(1200)])
    rows("UPDATE tickover.job SET created_at = now() - interval '90 days'")
    last = await ended(queue, rows, "succeeded", 90)
    await queue.enqueue("any", 1)
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.02, stop.set)
    assert await forget_jobs(database, WEEK, clock.now(), stop) == 0
    (place,) = rows(PLACE)
    assert 500 <= place["position"]["id"] < last
    assert await forget_jobs(database, WEEK, clock.now(), asyncio.Event()) == 1
    assert rows(PLACE) == []


async def test_young_jobs_end_a_walk(queue: JobQueue, database: Database, rows: Rows) -> None:
    """Behind the first page of young jobs nothing can be old: it is not looked at."""
    await queue.enqueue_many([NewJob("any", n) for n in range(600)])
    behind = await ended(queue, rows, "succeeded", 8)
    assert await forget_jobs(database, WEEK, clock.now(), asyncio.Event()) == 0
    assert behind in {row["id"] for row in rows(LEFT)}


async def test_a_dead_letter_that_was_requeued_meanwhile_stays(
    queue: JobQueue, database: Database, rows: Rows, replica: Database
) -> None:
    """A requeue that is under way when its row is met wins."""
    dead = await ended(queue, rows, "dead", 90)
    async with replica.transaction() as connection:
        await connection.execute(b"UPDATE tickover.job SET state = 'queued', finished_at = NULL")
        forgetting = asyncio.create_task(forget_jobs(database, WEEK, clock.now(), asyncio.Event()))
        await asyncio.sleep(0.1)
    assert await forgetting == 0
    assert [row["id"] for row in rows(LEFT)] == [dead]


async def test_every_drain_drops_what_is_old(queue: JobQueue, database: Database, rows: Rows) -> None:
    """Beside its work, and says how many."""
    await ended(queue, rows, "succeeded", 3)
    await queue.enqueue("any", 1)

    async def work(_: Job) -> None: ...

    keeping = Keeping(timedelta(days=2), timedelta(days=2))
    config = DrainSettings(keeping=keeping)
    summary = await drain(database, {"any": work}, budget=timedelta(seconds=20), settings=config)
    assert (summary.changed, summary.details["forgotten"]) == (1, 1)


def test_the_environment_says_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """In days; what is malformed is an error that names the variable, where the drain is declared."""
    monkeypatch.setenv("TICKOVER_JOB_RETENTION_DAYS", "2 ")
    assert Keeping.of_the_environment() == Keeping(timedelta(days=2), timedelta(days=30))
    monkeypatch.setenv("TICKOVER_DEAD_JOB_RETENTION_DAYS", "soon")
    with pytest.raises(SettingsError, match="TICKOVER_DEAD_JOB_RETENTION_DAYS='soon'"):
        queue_drain({})


def test_jobs_are_kept_for_longer_than_nothing() -> None:
    """Or what has just ended could not be looked at."""
    with pytest.raises(ValueError, match="longer than nothing"):
        Keeping(timedelta(), timedelta(days=1))
