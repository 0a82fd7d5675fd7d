"""What a handler or a responsibility binds to its log lines is never said of another's."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest
from structlog.contextvars import bind_contextvars, bound_contextvars, get_contextvars

from tests.integration.conftest import Probe, probe_contract
from tests.runs import MakeRun
from tickover import Run, Summary
from tickover.database import Database
from tickover.execution.budget import Budget
from tickover.execution.executor import Executor, Order
from tickover.heartbeats.pinger import Heartbeats
from tickover.jobs.drain import DrainSettings, queue_drain
from tickover.jobs.handler import Job
from tickover.jobs.new_job import NewJob
from tickover.jobs.queue import JobQueue
from tickover.ledger.states import Path
from tickover.ledger.store import Ledger, NewTick
from tickover.status.link import RedisLink
from tickover.status.store import StatusStore

TICK = {"dispatch_key": "k", "function": "f", "run_id": "r", "correlation_id": "c"}


class Binding:
    """Handlers that bind whose job they have, and clean nothing up; what they found before and after that."""

    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, Any], object]] = []

    async def in_the_loop(self, job: Job) -> None:
        """Bind, and let the others go on."""
        found = dict(get_contextvars())
        bind_contextvars(lead=job.payload)
        await asyncio.sleep(0)
        self.seen.append((found, get_contextvars()["lead"] == job.payload))

    def in_a_thread(self, job: Job) -> None:
        """Bind in a thread."""
        found = dict(get_contextvars())
        bind_contextvars(lead=job.payload)
        self.seen.append((found, get_contextvars()["lead"] == job.payload))

    def wrapped(self, job: Job) -> Awaitable[None]:
        """As `in_the_loop`, behind a sync callable."""
        return self.in_the_loop(job)


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("where", ["in_the_loop", "in_a_thread", "wrapped"])
async def test_no_job_sees_what_another_has_bound(
    queue: JobQueue, make_run: MakeRun, concurrency: int, where: str
) -> None:
    """One after the other by one worker, and side by side; what the tick has bound is seen by each."""
    await queue.enqueue_many([NewJob("any", n) for n in range(20)])
    binding = Binding()
    drain = queue_drain({"any": getattr(binding, where)}, DrainSettings(concurrency=concurrency))
    with bound_contextvars(**TICK):
        assert (await drain(await make_run())).changed == 20
        assert get_contextvars() == TICK
    assert binding.seen == [(TICK, True)] * 20


async def test_no_responsibility_sees_what_another_has_bound(database: Database, probe: Probe) -> None:
    """Neither the one after it in the same function, nor one of a function that runs beside it."""
    found: list[dict[str, Any]] = []

    async def bind(run: Run) -> Summary:
        found.append(dict(get_contextvars()))
        bind_contextvars(said_by=run.responsibility)
        await asyncio.sleep(0)
        assert get_contextvars()["said_by"] == run.responsibility
        return Summary()

    probe.bodies = dict.fromkeys(("queue-drain", "prune", "queue-health"), bind)
    ledger = Ledger(database, lease_s=30)
    status = StatusStore(RedisLink(None, 0.2), ledger, ttl=60, environment="test:test")
    executor, functions = Executor(database, ledger, status, Heartbeats({}, ledger)), probe_contract(probe).functions
    owed = {function.id: timedelta(minutes=1) for function in functions}
    assert await ledger.record(NewTick("k", "background-jobs", None, "clock", "dispatch", "a test", "c-1", owed))
    orders = [Order(function, "k", Path.DURABLE, Budget.of(60), run_id="r") for function in functions]
    await asyncio.gather(*map(executor.execute, orders))
    assert sorted(probe.ran()) == ["prune", "queue-drain", "queue-health"]
    assert [name for bound in found for name in bound if name == "said_by"] == []
    assert "said_by" not in get_contextvars()
