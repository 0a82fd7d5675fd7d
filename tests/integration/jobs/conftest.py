"""A job queue over a fresh database, and runs to drain it in."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.runs import MakeRun, run_factory
from tickover.database import Database
from tickover.jobs.queue import JobQueue


@pytest.fixture
async def replica(database_dsn: str) -> AsyncIterator[Database]:
    """A second set of pools over the test's database, as another replica has."""
    database = Database(database_dsn)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def queue(database: Database) -> JobQueue:
    """The job queue of this test."""
    return JobQueue(database)


@pytest.fixture
def make_run(database: Database) -> MakeRun:
    """Win an obligation of a new tick, as the executor does, and give the run to drain it in."""
    return run_factory(database)


@asynccontextmanager
async def under_way(work: Awaitable[Any]) -> AsyncIterator[asyncio.Task[Any]]:
    """Work that goes on beside the test and does not outlive it."""
    task = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
