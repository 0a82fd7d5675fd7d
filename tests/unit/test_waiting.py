"""Waiting heeds a cancellation, also one that was forgotten on the way."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from tickover.waiting import pause, within


async def _forgetful(waits: Callable[[], Awaitable[None]]) -> None:
    """Swallow a cancellation, as `asyncio.wait_for` may, and go on to wait."""
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    await waits()


@pytest.mark.parametrize("waits", [lambda: pause(3600), lambda: within(3600, asyncio.Event())], ids=["pause", "within"])
async def test_a_forgotten_cancellation_is_heeded(waits: Callable[[], Awaitable[None]]) -> None:
    """Told to end once: it ends at its next wait, though that would be an hour's."""
    task = asyncio.create_task(_forgetful(waits))
    await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=30)
    assert done
    assert task.cancelled()


async def test_what_is_waited_for_or_the_time_ends_a_wait() -> None:
    """An event that is set, and one that never is."""
    happened = asyncio.Event()
    happened.set()
    await within(3600, happened)
    await within(0.001, asyncio.Event())
    await pause(0)
