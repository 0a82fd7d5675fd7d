"""The engine's time, which a test can move."""

from datetime import datetime, timedelta

from tickover import clock


class EngineClock:
    """The time by which an engine's queue, sleeps, retries and cron triggers go.

    It is the machine's time plus what it was moved by. Leases do not go by it: they guard against processes that die,
    which happens in real time.
    """

    def __init__(self) -> None:
        self._moved = timedelta()

    def now(self) -> datetime:
        """The time it shows, aware, in UTC."""
        return clock.now() + self._moved

    def millis(self) -> int:
        """The time it shows, in Unix milliseconds."""
        return int(self.now().timestamp() * 1000)

    def advance(self, by: timedelta) -> None:
        """Move it forward.

        Raises:
            ValueError: that would be back.
        """
        if by < timedelta():
            raise ValueError("time moves forward only")
        self._moved += by
