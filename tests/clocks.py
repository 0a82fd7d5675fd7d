"""Time that is set, not slept."""

from dataclasses import dataclass
from datetime import datetime


@dataclass
class SetClock:
    """A monotonic clock that stands still until it is moved."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        """The time it shows."""
        return self.seconds


@dataclass(frozen=True)
class StandingClock:
    """A source of the time, for `clock.taken_from`: it is always the same moment."""

    moment: datetime

    def now(self) -> datetime:
        """That moment."""
        return self.moment

    def monotonic(self) -> float:
        """Nothing ever takes any time."""
        return 0.0
