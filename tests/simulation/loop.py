"""An event loop whose time stands still while anything can be done, and jumps to the next timer when nothing can."""

import asyncio
import selectors
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
skew: ContextVar[float] = ContextVar("skew", default=0.0)
"""Seconds by which the clock of the simulated process that runs now is ahead."""


class _NeverBlocks(selectors.SelectSelector):
    """A selector that lets virtual time pass instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing ever comes from outside."""
        if timeout is None:
            raise RuntimeError("the simulation waits for something that never comes")
        self.passed += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop of a simulation."""

    def __init__(self) -> None:
        self._selector_of_time = _NeverBlocks()
        super().__init__(self._selector_of_time)
        self.set_exception_handler(lambda _loop, _context: None)  # what a killed process leaves behind

    def time(self) -> float:
        """Virtual seconds since the beginning."""
        return self._selector_of_time.passed

    def at(self) -> datetime:
        """The virtual time that all agree on: the database's."""
        return EPOCH + timedelta(seconds=self.time())


class VirtualClock:
    """The clock of the simulated process that asks."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        """With the process's own skew."""
        return self._loop.at() + timedelta(seconds=skew.get())

    def monotonic(self) -> float:
        """Without it."""
        return self._loop.time()
