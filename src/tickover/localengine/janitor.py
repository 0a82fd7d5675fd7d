"""Drops what is too old, a bounded number of rows at a time, so that an engine left alone does not fill its disk."""

import asyncio
from datetime import timedelta

from tickover.localengine.clock import EngineClock
from tickover.localengine.loops import forever
from tickover.localengine.store import EngineStore

_BETWEEN = 60.0  # seconds
_BREATH = 0.2  # seconds between batches, in which calls are made


class Janitor:
    """Drops old events and runs.

    Args:
        store: of the engine.
        clock: its time.
        keep: how long events, and runs that have ended, are kept.
        most: how many ended runs are kept.
    """

    def __init__(self, store: EngineStore, clock: EngineClock, keep: timedelta, most: int) -> None:
        self._store = store
        self._clock = clock
        self._keep = keep
        self._most = most

    async def run(self) -> None:
        """Look once a minute until cancelled."""
        await forever(self.clean, _BETWEEN, "engine.not_pruned")

    async def clean(self) -> None:
        """Drop all that is too old."""
        while await self._store.prune(self._clock.now(), self._keep, self._most):  # noqa: ASYNC110 - not a wait
            await asyncio.sleep(_BREATH)
