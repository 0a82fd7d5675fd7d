"""The time limits of all attempts under way, watched together: a timer for each costs more than many a handler."""

import asyncio
from collections.abc import Callable
from typing import Any

_LOOKS_EVERY_S = 0.02


class TimeLimit:
    """The time limit of what one task does at the moment.

    Args:
        task: the task.
        ends: when it is over, on the clock of the event loop.
        seconds: how long it is.
    """

    __slots__ = ("ends", "is_over", "seconds", "task", "was_cancelling")

    def __init__(self, task: asyncio.Task[Any], ends: float, seconds: float) -> None:
        self.task = task
        self.ends = ends
        self.seconds = seconds
        self.is_over = False
        self.was_cancelling = task.cancelling()


class TimeLimits:
    """Cuts off what takes too long, as `asyncio.timeout` does, within a fiftieth of a second."""

    def __init__(self) -> None:
        self._now: Callable[[], float] = asyncio.get_running_loop().time
        self._limits: dict[asyncio.Task[Any], TimeLimit] = {}

    def begin(self, task: asyncio.Task[Any], seconds: float) -> TimeLimit:
        """Give the current task so many seconds.

        Args:
            task: the current one.
            seconds: from now.
        """
        limit = self._limits[task] = TimeLimit(task, self._now() + seconds, seconds)
        return limit

    def end(self, limit: TimeLimit, error: BaseException | None = None) -> bool:
        """What was limited has ended; whether it was cut off.

        Args:
            limit: as it was begun.
            error: what it ended with.
        """
        del self._limits[limit.task]
        if not limit.is_over:
            return False
        is_ours = limit.task.uncancel() <= limit.was_cancelling
        return is_ours and isinstance(error, asyncio.CancelledError)

    def spent(self, limit: TimeLimit) -> float:
        """Seconds since it was begun.

        Args:
            limit: as it was begun.
        """
        return self._now() - limit.ends + limit.seconds

    async def watch(self) -> None:
        """Cut off what is late, until this is cancelled."""
        while True:
            await asyncio.sleep(_LOOKS_EVERY_S)
            now = self._now()
            for limit in self._limits.values():
                if now >= limit.ends and not limit.is_over:
                    limit.is_over = True
                    limit.task.cancel()
