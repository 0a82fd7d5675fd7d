"""Waiting in loops without an end, which end all the same once they are told to.

Before Python 3.12, `asyncio.wait_for`, with which the pool of connections waits, may forget a cancellation that comes
at the same moment as what it waits for (CPython issue 86296). A task that runs for ever would go on, and whoever waits
for its end would wait for ever. What is here remembers it.
"""

import asyncio
from contextlib import suppress


async def pause(seconds: float) -> None:
    """Sleep between two turns of a loop.

    Args:
        seconds: how long.

    Raises:
        asyncio.CancelledError: the task was told to end, now or before.
    """
    _heed()
    await asyncio.sleep(seconds)


async def within(seconds: float, event: asyncio.Event) -> None:
    """Wait for an event, but not for longer.

    Args:
        seconds: the longest wait.
        event: what is waited for.

    Raises:
        asyncio.CancelledError: the task was told to end, now or before.
    """
    _heed()
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _heed() -> None:
    """Raise a cancellation that was forgotten."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
