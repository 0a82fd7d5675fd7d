"""procrastinate: bulk `batch_defer_async`, and a worker with 50 jobs at a time over a pool of 20."""

import asyncio
import logging
from typing import Any

import procrastinate
from bench.peers.measure import Meter, Peer, Task, run

_CONCURRENCY = 50
_POOL = 20
_CHUNK = 1000
_FILL = b"""
INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, scheduled_at)
SELECT 'default', 'noop', '{}', """


def _app(task: Task) -> Any:
    connector = procrastinate.PsycopgConnector(conninfo=task.dsn, min_size=1, max_size=_POOL)
    return procrastinate.App(connector=connector)


async def install(task: Task) -> None:
    """Its own schema."""
    async with _app(task).open_async() as app:
        await app.schema_manager.apply_schema_async()


async def enqueue(task: Task) -> None:
    """A thousand a call."""

    async def noop() -> None:
        """Never called here."""

    async with _app(task).open_async() as app:
        deferred = app.task(name="noop")(noop)
        for start in range(0, task.jobs, _CHUNK):
            await deferred.batch_defer_async(*({} for _ in range(min(_CHUNK, task.jobs - start))))


async def work(task: Task, meter: Meter) -> None:
    """One worker, cancelled in the end, which is its documented way to stop gracefully."""

    async def noop() -> None:
        await meter.job()

    async with _app(task).open_async() as app:
        app.task(name="noop")(noop)
        with meter.timed():
            running = asyncio.create_task(app.run_worker_async(concurrency=_CONCURRENCY, install_signal_handlers=False))
            await meter.until_over()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    run(
        Peer(
            install,
            enqueue,
            work,
            due=b"SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing' "
            b"OR (status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now()))",
            claimed=b"SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'",
            fill={
                "due": _FILL + b"'todo', NULL FROM generate_series(1, %(rows)s) g",
                "future": _FILL
                + b"'todo', now() + interval '30 days' + g * interval '1 s' FROM generate_series(1, %(rows)s) g",
                "finished": _FILL + b"'succeeded', NULL FROM generate_series(1, %(rows)s) g",
            },
            fills_with_triggers=False,
        )
    )
