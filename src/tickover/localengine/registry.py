"""What is registered, kept in memory: whoever acts on it names its version, and an old one is refused."""

import asyncio
from dataclasses import replace

from tickover.localengine.clock import EngineClock
from tickover.localengine.faults.faults import Faults
from tickover.localengine.faults.kinds import FaultKind
from tickover.localengine.store import EngineStore, Functions
from tickover.localengine.wire import Registration


class Registry:
    """The functions of all applications.

    Args:
        store: where they are kept.
        clock: the engine's time.
        faults: what goes wrong on command.
    """

    def __init__(self, store: EngineStore, clock: EngineClock, faults: Faults) -> None:
        self._store = store
        self._clock = clock
        self._faults = faults
        self._functions: Functions | None = None
        self._reading = asyncio.Lock()  # one reads for all who ask at the same time

    @property
    def forgotten(self) -> bool:
        """Whether a fault has made the engine forget everything, for as long as it lasts."""
        return self._faults.standing(FaultKind.REGISTRATION_FORGOTTEN) is not None

    async def functions(self) -> Functions:
        """Everything that is registered, as it was when it was read last."""
        functions = self._functions or await self.newer_than(None)
        return replace(functions, all=()) if self.forgotten else functions

    async def newer_than(self, known: Functions | None) -> Functions:
        """Everything that is registered, read again unless somebody has done so since `known`."""
        async with self._reading:
            functions = self._functions
            if functions is None or (known is not None and functions.version <= known.version):
                functions = self._functions = await self._store.functions()
            return replace(functions, all=()) if self.forgotten else functions

    async def register(self, registration: Registration) -> bool:
        """Store what an application registered. Whether anything changed."""
        if self.forgotten:
            return False
        return await self._store.register(registration.app, registration.functions, self._clock.now())
