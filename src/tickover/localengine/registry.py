"""What is registered, kept in memory and refreshed from the database, since another engine process may serve a sync."""

import asyncio

from tickover import clock
from tickover.localengine.store import EngineStore
from tickover.localengine.wire import Registered, Registration

_FRESH_FOR = 2.0  # seconds


class Registry:
    """The functions of all applications.

    Args:
        store: where they are kept.
    """

    def __init__(self, store: EngineStore) -> None:
        self._store = store
        self._functions: list[Registered] = []
        self._fresh_until = 0.0
        self._reading = asyncio.Lock()  # one reads for all who ask at the same time

    async def functions(self) -> list[Registered]:
        """Everything that is registered, at most two seconds old."""
        if clock.monotonic() >= self._fresh_until:
            async with self._reading:
                if clock.monotonic() >= self._fresh_until:
                    await self._read()
        return self._functions

    async def register(self, registration: Registration) -> bool:
        """Store what an application registered. Whether anything changed."""
        modified = await self._store.register(registration.app, registration.functions)
        async with self._reading:
            await self._read()
        return modified

    async def _read(self) -> None:
        self._functions = await self._store.functions()
        self._fresh_until = clock.monotonic() + _FRESH_FOR
