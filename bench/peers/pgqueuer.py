"""pgqueuer with its asyncpg driver: bulk `Queries.enqueue`, and a `QueueManager` with batches of 500."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
from bench.peers.measure import Meter, Peer, Task, run
from pgqueuer.db import AsyncpgDriver
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries

_BATCH = 500
_FILL = b"""
INSERT INTO pgqueuer (priority, status, entrypoint, payload, execute_after)
SELECT 0, 'queued', 'noop', NULL, """
_LOG = b"""
INSERT INTO pgqueuer_log (job_id, status, priority, entrypoint, aggregated)
SELECT g, 'successful', 0, 'noop', true FROM generate_series(1, %(rows)s) g
"""


@asynccontextmanager
async def _queries(task: Task) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(task.dsn)
    try:
        yield Queries(AsyncpgDriver(connection))
    finally:
        await connection.close()


async def install(task: Task) -> None:
    """Its own schema."""
    async with _queries(task) as queries:
        await queries.install()


async def enqueue(task: Task) -> None:
    """All in one call."""
    async with _queries(task) as queries:
        await queries.enqueue(["noop"] * task.jobs, [None] * task.jobs, [0] * task.jobs)


async def work(task: Task, meter: Meter) -> None:
    """One manager, asked to shut down in the end."""

    async def noop(_: Any) -> None:
        await meter.job()

    async with _queries(task) as queries:
        manager = QueueManager(queries)
        manager.entrypoint("noop")(noop)
        with meter.timed():
            running = asyncio.create_task(manager.run(batch_size=_BATCH, dequeue_timeout=timedelta(seconds=1)))
            await meter.until_over()
            manager.shutdown.set()
            await running


if __name__ == "__main__":
    run(
        Peer(
            install,
            enqueue,
            work,
            due=b"SELECT count(*) FROM pgqueuer WHERE status = 'picked' "
            b"OR (status = 'queued' AND execute_after <= now())",
            claimed=b"SELECT count(*) FROM pgqueuer WHERE status = 'picked'",
            fill={
                "due": _FILL + b"now() FROM generate_series(1, %(rows)s) g",
                "future": _FILL
                + b"now() + interval '30 days' + g * interval '1 s' FROM generate_series(1, %(rows)s) g",
                "finished": _LOG,
            },
        )
    )
