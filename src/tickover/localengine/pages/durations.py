"""Lengths of time as people read them. Pure."""

from datetime import timedelta

_MS = timedelta(milliseconds=1)
_UNITS = (
    (timedelta(days=1), "d"),
    (timedelta(hours=1), "h"),
    (timedelta(minutes=1), "min"),
    (timedelta(seconds=1), "s"),
)


def duration(length: timedelta) -> str:
    """A length of time in at most two units: `12 ms`, `1.25 s`, `3 min 5 s`, `2 d 4 h`; negative ones are none."""
    if length < _MS:
        return "0 ms" if length <= timedelta() else "< 1 ms"
    if length < timedelta(seconds=1):
        return f"{length // _MS} ms"
    if length < timedelta(minutes=1):
        return f"{length // _MS / 1000:.2f}".rstrip("0").rstrip(".") + " s"
    large = next(place for place, (unit, _) in enumerate(_UNITS) if length >= unit)
    (unit, name), (smaller, smaller_name) = _UNITS[large], _UNITS[large + 1]
    rest = (length % unit) // smaller
    return f"{length // unit} {name}" + (f" {rest} {smaller_name}" if rest else "")
