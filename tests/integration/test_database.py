"""The pool of connections."""

import asyncio
from contextlib import suppress

from tickover.database import Database


async def test_i10_a_task_that_is_cancelled_while_it_returns_its_connection_does_not_lose_it(database_dsn: str) -> None:
    """The one connection of a pool whose lock is held just then: whoever comes next has it."""
    database = Database(database_dsn, size=1, wait=5)
    await database.open()
    has_it, may_return_it = asyncio.Event(), asyncio.Event()

    async def holder() -> None:
        async with database.connection():
            has_it.set()
            await may_return_it.wait()

    task = asyncio.create_task(holder())
    await has_it.wait()
    async with database._pool._lock:
        may_return_it.set()
        for _ in range(5):
            await asyncio.sleep(0)  # until it waits for the lock
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    async with database.connection() as connection:
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)
    await database.close()
