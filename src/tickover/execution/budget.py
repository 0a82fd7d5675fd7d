"""Time budgets: how long a piece of work may take, and how it is shared out. Pure; the clock is passed in."""

from collections.abc import Callable
from dataclasses import dataclass

from tickover import clock


@dataclass(frozen=True, slots=True)
class Budget:
    """A point on the monotonic clock by which work must have ended.

    Args:
        ends: seconds on the clock `now` reads.
        now: the clock, monotonic, in seconds.
    """

    ends: float
    now: Callable[[], float] = clock.monotonic

    @classmethod
    def of(cls, seconds: float, now: Callable[[], float] = clock.monotonic) -> "Budget":
        """A budget that begins now and lasts so many seconds."""
        return cls(now() + seconds, now)

    def left(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.ends - self.now())

    def share(self, parts: int) -> "Budget":
        """The budget of the next of so many parts still to come: an equal share of what is left.

        What a part does not use, the later ones have; so one that could run for ever cannot starve them.

        Raises:
            ValueError: there is no part to give a share to.
        """
        if parts < 1:
            raise ValueError("a budget is shared among at least one part")
        return Budget(self.now() + self.left() / parts, self.now)

    def within(self, seconds: float) -> "Budget":
        """This budget, cut to at most so many seconds from now."""
        return Budget(min(self.ends, self.now() + seconds), self.now)
