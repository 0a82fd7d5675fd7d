"""Waiting for something, for a bounded time."""

import asyncio
from contextlib import suppress


async def within(seconds: float, event: asyncio.Event) -> None:
    """Wait for an event, but not for longer.

    Args:
        seconds: the longest wait.
        event: what is waited for.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
