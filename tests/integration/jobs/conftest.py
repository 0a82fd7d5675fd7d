"""A job queue over a fresh database, and runs to drain it in."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import structlog

from tickover import clock
from tickover.database import Database
from tickover.execution.budget import Budget
from tickover.execution.run import Lease, Run
from tickover.jobs.queue import JobQueue
from tickover.ledger.states import Path
from tickover.ledger.store import Ledger, NewTick

_numbers = itertools.count()


@dataclass
class SetClock:
    """A clock that only moves when it is told to."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        """The time it shows."""
        return self.seconds


@pytest.fixture
async def replica(database_dsn: str) -> AsyncIterator[Database]:
    """A second set of pools over the test's database, as another replica has."""
    database = Database(database_dsn)
    await database.open()
    yield database
    await database.close()


MakeRun = Callable[..., Awaitable[Run]]


@pytest.fixture
def queue(database: Database) -> JobQueue:
    """The job queue of this test."""
    return JobQueue(database)


@pytest.fixture
def make_run(database: Database) -> MakeRun:
    """Win an obligation of a new tick, as the executor does, and give the run to drain it in."""

    async def make(
        *,
        seconds: float = 60,
        now: Callable[[], float] = clock.monotonic,
        client_id: str | None = None,
        dry: bool = False,
        own: Database | None = None,
    ) -> Run:
        key, ledger = f"tick-{next(_numbers)}", Ledger(database, lease_s=60)
        await ledger.record(NewTick(key, "r", None, "test", "inline", "test", "c", {"f": timedelta(minutes=3)}))
        claim = await ledger.claim(key, "f", Path.DURABLE, timedelta(minutes=15))
        assert claim is not None
        return Run(
            function="f",
            responsibility="queue-drain",
            dispatch_key=key,
            client_id=client_id,
            path=Path.DURABLE,
            attempt=1,
            dry=dry,
            budget=Budget.of(seconds, now),
            database=own or database,
            lease=Lease(claim.id, claim.fence),
            log=structlog.stdlib.get_logger("test"),
        )

    return make


async def eventually(condition: Callable[[], Awaitable[bool]], within: float = 20) -> None:
    """Wait until a condition holds.

    Raises:
        TimeoutError: it does not within so many seconds.
    """
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - it asks the database
            await asyncio.sleep(0.01)


@asynccontextmanager
async def under_way(work: Awaitable[Any]) -> AsyncIterator[asyncio.Task[Any]]:
    """Work that goes on beside the test and does not outlive it."""
    task = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
