"""Tickover's own job queue: `JobQueue.enqueue_many`, and `drain` in its two orders."""

from datetime import timedelta

from bench.peers.measure import Meter, Peer, Task, run

from tickover.database import Database
from tickover.jobs.drain import DrainSettings, Order, drain
from tickover.jobs.handler import Job
from tickover.jobs.new_job import NewJob
from tickover.jobs.queue import JobQueue

_CONCURRENCY = 8
_WHOLE = timedelta(minutes=10)  # of a drain that ends when nothing is due
# What the bulk filling knows of the table; the one place to change when its states change.
_FILL = b"""
INSERT INTO tickover.job (kind, payload, client_id, state, run_at, finished_at)
SELECT 'noop', '{}', %(prefix)s || g %% %(clients)s, """


async def install(task: Task) -> None:
    """Its own migrations."""
    from tickover.migrations import migrate  # noqa: PLC0415 - Alembic does not belong in the memory of a drain

    migrate(task.dsn)


async def enqueue(task: Task) -> None:
    """All in one call, which is one commit."""
    database = Database(task.dsn)
    await database.open()
    queue = JobQueue(database)
    await queue.enqueue_many([NewJob("noop", {}, client_id=f"c{number % 100}") for number in range(task.jobs)])
    await database.close()


async def work(task: Task, meter: Meter) -> None:
    """One drain: until nothing is due, or the budget is used."""

    async def noop(job: Job) -> None:
        await meter.job(job.client_id)

    database = Database(task.dsn)
    await database.open()
    settings = DrainSettings(order=Order(task.order), concurrency=_CONCURRENCY)
    budget = timedelta(seconds=task.budget) if task.budget else _WHOLE
    async with database.connection():  # an application's pool has a connection already
        pass
    with meter.timed():
        await drain(database, {"noop": noop}, budget=budget, settings=settings)
    await database.close()


if __name__ == "__main__":
    run(
        Peer(
            install,
            enqueue,
            work,
            due=b"SELECT count(*) FROM tickover.job WHERE state IN ('queued', 'running')",
            claimed=b"SELECT count(*) FROM tickover.job WHERE state = 'running'",
            fill={
                "due": _FILL + b"'queued', now(), NULL FROM generate_series(1, %(rows)s) g",
                "future": _FILL
                + b"'scheduled', now() + interval '30 days' + g * interval '1 s', NULL "
                + b"FROM generate_series(1, %(rows)s) g",
                "finished": _FILL + b"'succeeded', now() - interval '1 day', now() FROM generate_series(1, %(rows)s) g",
            },
        )
    )
