"""Waiting for a condition, up to a deadline."""

import asyncio
from collections.abc import Awaitable, Callable


async def eventually(condition: Callable[[], Awaitable[bool]], within: float = 60.0) -> None:
    """Return as soon as the condition holds.

    Raises:
        TimeoutError: it did not hold within so many seconds.
    """
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - what is waited for happens in another process or server
            await asyncio.sleep(0.02)
