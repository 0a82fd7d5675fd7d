"""When a failed call is made again. Pure; the time and the jitter are passed in."""

from datetime import datetime, timedelta

_MINUTE, _HOUR = 60.0, 3600.0
_DELAYS = (15.0, 30.0, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 20 * _MINUTE, 40 * _MINUTE, _HOUR, 2 * _HOUR)
LARGEST_JITTER = 30.0
"""Seconds that are added to a delay, at most (inngest-wire, Retry delays)."""

DEFAULT_RETRIES = 4
"""Retries of a function that names none (inngest-wire, Retry delays)."""


SOONEST, LATEST = timedelta(seconds=1), timedelta(hours=24)
"""Bounds of what an application may ask for with `retry-after` (the real engine's)."""


def next_attempt(
    now: datetime, attempt: int, jitter: float, interval: float | None = None, asked: datetime | None = None
) -> datetime:
    """When the attempt after a failed one is made.

    Args:
        now: when it failed.
        attempt: the failed attempt, from 0.
        jitter: seconds to add, up to `LARGEST_JITTER`.
        interval: seconds, one delay for all, without jitter, instead of the real ones.
        asked: when the application would have it.
    """
    if asked is not None:
        return min(max(asked, now + SOONEST), now + LATEST)
    if interval is not None:
        return now + timedelta(seconds=interval)
    return now + timedelta(seconds=_DELAYS[min(attempt, len(_DELAYS) - 1)] + jitter)
