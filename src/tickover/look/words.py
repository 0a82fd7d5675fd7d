"""Figures and times, as pages show them. Pure."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

_LONGEST_JSON = 20_000  # characters


def duration(seconds: float | timedelta) -> str:
    """A span of time, for people: `12 ms`, `1.5 s`, `3 min 20 s`, `26 h 40 min`."""
    if isinstance(seconds, timedelta):
        seconds = seconds.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def pretty(value: Any) -> str:
    """A JSON value over several lines, cut where it is very long."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if len(text) <= _LONGEST_JSON:
        return text
    return f"{text[:_LONGEST_JSON]}\n… {len(text) - _LONGEST_JSON:,} characters more"


def moment(value: datetime) -> str:
    """A time for machines: ISO 8601 in UTC, with milliseconds."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds")


def clock(value: datetime) -> str:
    """A time for people, in UTC; pages put it into the reader's zone where there is JavaScript."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def count(value: int) -> str:
    """A number with its thousands set apart."""
    return f"{value:,}"
