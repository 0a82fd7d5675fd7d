"""The only place that reads the time. Everything else is handed `now`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol


class Source(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


class _System:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


_source: Source = _System()


def now() -> datetime:
    """The current time, aware, in UTC."""
    return _source.now()


def monotonic() -> float:
    """Seconds of a clock that never goes back; only differences mean something."""
    return _source.monotonic()


@contextmanager
def taken_from(source: Source) -> Iterator[None]:
    """Take the time from another source for a while: a simulation's, for the whole process.

    Args:
        source: where from.
    """
    global _source  # noqa: PLW0603 - the time is one for all of a process
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before
