"""chancy: `push_many`, and a worker with 1,000 asynchronous jobs at a time, eager, which records every 0.1 s."""

import logging

import chancy
from bench.peers.measure import Meter, Peer, Task, run

_CONCURRENCY = 1000
_RECORD_S = 0.1
_log = logging.getLogger("bench")
_meters: list[Meter] = []
_FILL = b"""
INSERT INTO chancy_jobs
  (id, queue, func, kwargs, limits, meta, state, priority, max_attempts, scheduled_at, completed_at)
SELECT gen_random_uuid(), 'default', '__main__.noop', '{}', '[]', '{}', """


@chancy.job(queue="default")  # type: ignore[untyped-decorator]
async def noop() -> None:
    """The job; it is found by its name, so the meter stands in the module."""
    await _meters[-1].job()


async def install(task: Task) -> None:
    """Its own migrations."""
    async with chancy.Chancy(task.dsn, log=_log) as app:
        await app.migrate()


async def enqueue(task: Task) -> None:
    """In its own batches of 1,000."""
    async with chancy.Chancy(task.dsn, log=_log) as app:
        async for _ in app.push_many([noop] * task.jobs):
            pass


async def work(task: Task, meter: Meter) -> None:
    """One worker, stopped in the end."""
    _meters.append(meter)
    async with chancy.Chancy(task.dsn, log=_log) as app:
        executor = chancy.Chancy.Executor.Async
        queue = chancy.Queue(
            "default", concurrency=_CONCURRENCY, executor=executor, eager_polling=True, polling_interval=1
        )
        await app.declare(queue, upsert=True)
        worker = chancy.Worker(app, register_signal_handlers=False)
        worker.send_outgoing_interval = _RECORD_S
        with meter.timed():
            await worker.start()
            await meter.until_over()
            await worker.stop()


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    run(
        Peer(
            install,
            enqueue,
            work,
            due=b"SELECT count(*) FROM chancy_jobs WHERE state = 'running' "
            b"OR (state IN ('pending', 'retrying') AND (scheduled_at IS NULL OR scheduled_at <= now()))",
            claimed=b"SELECT count(*) FROM chancy_jobs WHERE state = 'running'",
            fill={
                "due": _FILL + b"'pending', 0, 1, now(), NULL FROM generate_series(1, %(rows)s) g",
                "future": _FILL
                + b"'pending', 0, 1, now() + interval '30 days' + g * interval '1 s', NULL "
                + b"FROM generate_series(1, %(rows)s) g",
                "finished": _FILL + b"'succeeded', 0, 1, now(), now() FROM generate_series(1, %(rows)s) g",
            },
        )
    )
