"""An engine that is told to stop stops, whatever it does at that moment."""

import asyncio
from contextlib import suppress

import pytest

from tickover.database import Database
from tickover.localengine.caller import Caller
from tickover.localengine.clock import EngineClock
from tickover.localengine.faults.faults import Faults
from tickover.localengine.loops import forever
from tickover.localengine.registry import Registry
from tickover.localengine.scheduler import Scheduler
from tickover.localengine.settlement import Settlement
from tickover.localengine.store import EngineStore


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def _ends(task: asyncio.Task[None]) -> bool:
    done, _ = await asyncio.wait({task}, timeout=10)
    if not done:
        task.cancel()
    return bool(done)


@pytest.mark.parametrize("turns", range(5))
async def test_a_call_that_ends_as_the_engine_is_told_to_stop_does_not_keep_it(
    store: EngineStore, database: Database, turns: int
) -> None:
    """Woken by the end of a call, and cancelled so many turns of the loop later: it has ended all the same."""
    clock, faults = EngineClock(), Faults(database)
    registry = Registry(store, clock, faults)
    caller = Caller(None, 10, 5, "dev", faults)
    scheduler = Scheduler(store, caller, Settlement(store, registry, clock, None), clock, faults, concurrency=5)
    running = asyncio.create_task(scheduler.run())
    await asyncio.sleep(0.1)  # it has looked, and waits for the next look
    scheduler.wake()
    await _turns(turns)
    running.cancel()
    assert await _ends(running)


async def test_a_lost_cancellation_does_not_keep_a_loop_for_ever() -> None:
    """What is done all the time swallows the cancellation, as the pool of connections may: the loop ends."""
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    running = asyncio.create_task(forever(work, 60, "work.failed"))
    await begun.wait()
    running.cancel()
    assert await _ends(running)
