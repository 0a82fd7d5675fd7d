"""When a failed call is made again. Pure; the jitter is passed in."""

_MINUTE, _HOUR = 60.0, 3600.0
_DELAYS = (15.0, 30.0, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 20 * _MINUTE, 40 * _MINUTE, _HOUR, 2 * _HOUR)
LARGEST_JITTER = 30.0
"""Seconds that are added to a delay, at most (inngest-wire, Retry delays)."""

DEFAULT_RETRIES = 4
"""Retries of a function that names none (inngest-wire, Retry delays)."""


def delay(attempt: int, jitter: float, interval: float | None = None) -> float:
    """Seconds until the attempt after a failed one.

    Args:
        attempt: the failed attempt, from 0.
        jitter: seconds to add, up to `LARGEST_JITTER`.
        interval: one delay for all, without jitter, instead of the real ones.
    """
    if interval is not None:
        return interval
    return _DELAYS[min(attempt, len(_DELAYS) - 1)] + jitter
