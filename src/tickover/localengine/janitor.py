"""Drops what is too old, a bounded number of rows at a time, so that an engine left alone does not fill its disk."""

import asyncio
from datetime import timedelta

import structlog
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from tickover.localengine.clock import EngineClock
from tickover.localengine.store import EngineStore

_log = structlog.stdlib.get_logger("tickover.engine")
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
        while True:
            try:
                await self.clean()
            except (OperationalError, PoolTimeout) as error:
                _log.warning("engine.not_pruned", reason=str(error).partition("\n")[0])
            except Exception:  # noqa: BLE001 - the loop goes on
                _log.exception("engine.not_pruned")
            await asyncio.sleep(_BETWEEN)

    async def clean(self) -> None:
        """Drop all that is too old."""
        while await self._store.prune(self._clock.now(), self._keep, self._most):  # noqa: ASYNC110 - not a wait
            await asyncio.sleep(_BREATH)
