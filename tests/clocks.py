"""Time that is set, not slept."""

from dataclasses import dataclass


@dataclass
class SetClock:
    """A monotonic clock that stands still until it is moved."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        """The time it shows."""
        return self.seconds
