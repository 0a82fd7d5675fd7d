"""Whether and when a failed job is attempted again. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

LONGEST_PAUSE = timedelta(minutes=15)
"""The longest the schedule makes a job wait, jitter included."""

LONGEST_WISH = timedelta(days=30)
"""The furthest ahead a handler may put its own job off."""

_JITTER_SHARE = 0.25  # jitter adds up to a quarter, also at the cap, so that jobs that failed together spread out


@dataclass(frozen=True, slots=True)
class RetryAt:
    """The job is attempted again at this time."""

    at: datetime


@dataclass(frozen=True, slots=True)
class GiveUp:
    """That was the last attempt: the job becomes a dead letter."""


def after_failure(
    *, attempt: int, max_attempts: int, now: datetime, jitter: float, asked: datetime | None = None
) -> RetryAt | GiveUp:
    """What becomes of a job whose attempt failed.

    Args:
        attempt: the attempt that failed, 1 for the first.
        max_attempts: how many the job has.
        now: the current time.
        jitter: random, from 0 to 1.
        asked: the time the handler asked for. A time that has passed means at once, one too far ahead is brought
            forward to `LONGEST_WISH` from now, and a naive one is no time: then the schedule decides.
    """
    if attempt >= max_attempts:
        return GiveUp()
    if asked is not None and asked.utcoffset() is not None:
        return RetryAt(min(max(asked, now), now + LONGEST_WISH))
    return RetryAt(now + _pause(attempt, jitter))


def _pause(attempt: int, jitter: float) -> timedelta:
    """2^n seconds plus jitter, never longer than `LONGEST_PAUSE`."""
    longest = LONGEST_PAUSE.total_seconds() / (1 + _JITTER_SHARE)
    return timedelta(seconds=min(2.0 ** min(attempt, 30), longest) * (1 + _JITTER_SHARE * jitter))
