"""What is registered, kept in memory: whoever acts on it names its version, and an old one is refused."""

import asyncio

from tickover.localengine.clock import EngineClock
from tickover.localengine.store import EngineStore, Functions
from tickover.localengine.wire import Registration


class Registry:
    """The functions of all applications.

    Args:
        store: where they are kept.
        clock: the engine's time.
    """

    def __init__(self, store: EngineStore, clock: EngineClock) -> None:
        self._store = store
        self._clock = clock
        self._functions: Functions | None = None
        self._reading = asyncio.Lock()  # one reads for all who ask at the same time

    async def functions(self) -> Functions:
        """Everything that is registered, as it was when it was read last."""
        return self._functions or await self.newer_than(None)

    async def newer_than(self, known: Functions | None) -> Functions:
        """Everything that is registered, read again unless somebody has done so since `known`."""
        async with self._reading:
            if self._functions is None or self._functions is known:
                self._functions = await self._store.functions()
            return self._functions

    async def register(self, registration: Registration) -> bool:
        """Store what an application registered. Whether anything changed."""
        return await self._store.register(registration.app, registration.functions, self._clock.now())
