"""The engine's time, in the hands of a test."""

from collections.abc import Callable
from datetime import datetime, timedelta

Move = Callable[[timedelta], None]


class Time:
    """The time by which the engine's sleeps, retries and cron triggers go.

    It runs with the machine's and can be moved ahead of it. What an application computes from its own clock stays where
    the machine's clock is: see docs/testing.md, Time.

    Args:
        now: reads it.
        move: moves it, on the engine's thread.
    """

    def __init__(self, now: Callable[[], datetime], move: Move) -> None:
        self._now = now
        self._move = move

    def now(self) -> datetime:
        """The time it shows, aware, in UTC."""
        return self._now()

    def advance(
        self,
        by: timedelta = timedelta(),
        *,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
    ) -> None:
        """Move it forward; what falls due by that is begun at once, and `Engine.wait` waits for it.

        Raises:
            ValueError: that would be back.
        """
        self._move(by + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds))
