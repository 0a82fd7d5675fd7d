"""What the pages Jobs and Clients ask of a queue of a million jobs, and what acts on all of its jobs take.

Run `make bench`, or `python -m bench.queue_pages` with `--jobs` for fewer. Real PostgreSQL on loopback, ten thousand
clients. Each question is asked again and again, every combination of filters among them; the goal is that the median of
none is above 100 ms.
"""

import argparse
import asyncio
import itertools
import os
import platform
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import psycopg

from tickover import clock, embedded
from tickover.database import Database
from tickover.execution.budget import Budget
from tickover.jobs.bulk import BulkActs
from tickover.jobs.clients import ClientQueues
from tickover.jobs.filters import JobFilter
from tickover.jobs.queue import JobQueue
from tickover.jobs.states import Act, JobState
from tickover.migrations import migrate

JOBS = 1_000_000
CLIENTS = 10_000
ROUNDS = 15
GOAL_MS = 100.0
_FILL = Path(__file__).with_name("fill_queue.sql").read_bytes()
_KILL = b"UPDATE tickover.job SET state = 'dead', attempts = 5, lease_expires_at = NULL, finished_at = now()"
_KINDS, _CLIENTS = (None, "kind-3", "kind-none"), (None, "client-000042")
_AGES, _ERRORS = (None, timedelta(hours=20)), (None, "lead 77 ", "never said")

Question = Callable[[], Awaitable[object]]


def fill(dsn: str, jobs: int, clients: int) -> None:
    """Make the queue."""
    migrate(dsn)
    with psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(_FILL, {"jobs": jobs, "clients": clients})
        connection.execute("VACUUM ANALYZE tickover.job")


@asynccontextmanager
async def queue_of(jobs: int, clients: int) -> AsyncIterator[Database]:
    """A full queue, for as long as this lasts."""
    with tempfile.TemporaryDirectory() as folder, embedded.postgres(Path(folder) / "postgres") as dsn:
        await asyncio.to_thread(fill, dsn, jobs, clients)
        database = Database(dsn, size=2)
        await database.open()
        try:
            yield database
        finally:
            await database.close()


def questions(database: Database) -> dict[str, list[Question]]:
    """What the pages ask, by name: one question each, or each combination of filters."""
    queue, clients = JobQueue(database), ClientQueues(database)
    filters = [
        JobFilter(kind, client, state, age, error)
        for kind, client, state, age, error in itertools.product(_KINDS, _CLIENTS, (None, *JobState), _AGES, _ERRORS)
    ]
    return {
        "jobs, no filter": [lambda: queue.page(JobFilter())],
        "jobs, every combination of filters": [_page(queue, asked) for asked in filters],
        "counts, no filter": [lambda: queue.count(JobFilter())],
        "counts, kind and client": [lambda: queue.count(JobFilter("kind-3", "client-000042"))],
        "counts, error": [lambda: queue.count(JobFilter(error="lead 77 "))],
        "menus": [queue.menus],
        "one job, attempts": [lambda: queue.show(1), lambda: queue.attempts(1)],
        "clients": [clients.page],
        "health": [lambda: queue.health(clock.now())],
    }


def _page(queue: JobQueue, asked: JobFilter) -> Question:
    return lambda: queue.page(asked)


async def median_ms(question: Question, rounds: int) -> float:
    """The median of what a question takes, once it was asked before."""
    await question()
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        await question()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


async def kill(database: Database) -> None:
    """Let every job be a dead letter."""
    async with database.connection() as connection:
        await connection.execute(_KILL)
        await connection.execute(b"VACUUM ANALYZE tickover.job")


async def rate(database: Database, act: Act, asked: JobFilter) -> tuple[int, float]:
    """An act on all that match: how many jobs, and jobs a second."""
    acts = BulkActs(database)
    began = time.perf_counter()
    begun = await acts.start(act, asked, "bench", "measured")
    while await acts.step(Budget.of(5)):
        pass
    ended = await acts.read(begun.id)
    if ended is None or ended.error is not None:
        raise SystemExit(f"the act came to no good end: {ended}")
    return ended.done, ended.done / (time.perf_counter() - began)


async def measure(jobs: int, clients: int, rounds: int) -> bool:
    """Measure and print everything; whether the goal was met."""
    async with queue_of(jobs, clients) as database:
        machine = f"Python {platform.python_version()}, {os.cpu_count()} cores"
        print(f"{jobs:,} jobs of {clients:,} clients, {machine}")
        print(f"{'':38}{'questions':>10}{'median ms':>12}{'slowest ms':>12}")
        slowest = 0.0
        for name, asked in questions(database).items():
            medians = [await median_ms(question, rounds if len(asked) < 10 else 3) for question in asked]
            slowest = max(slowest, *medians, 0.0)
            print(f"{name:38}{len(asked):10}{statistics.median(medians):12.1f}{max(medians):12.1f}", flush=True)
        await kill(database)
        for act in (Act.REQUEUE, Act.RUN_NOW, Act.DISCARD):
            moved, per_s = await rate(database, act, JobFilter())
            print(f"{act} of all: {moved:,} jobs, {per_s:,.0f} jobs/s", flush=True)
    print(f"goal: the median of every question at most {GOAL_MS:.0f} ms: {'met' if slowest <= GOAL_MS else 'not met'}")
    return slowest <= GOAL_MS


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.queue_pages")
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    asyncio.run(measure(options.jobs, options.clients, options.rounds))


if __name__ == "__main__":
    main()
