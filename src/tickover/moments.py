"""Times within texts: one form, which pages find again and put into the reader's zone. Pure."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

_FORM = "%Y-%m-%d %H:%M:%S UTC"
_FOUND = re.compile(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} UTC)")


def told(moment: datetime | None) -> str:
    """A time as a text tells it: in UTC, to the second, with its zone.

    Args:
        moment: which; None for one that never was.
    """
    return "never" if moment is None else moment.astimezone(UTC).strftime(_FORM)


def parts(text: str) -> Iterator[str | datetime]:
    """A text, taken apart at the times that it tells.

    Args:
        text: whatever somebody wrote; what only looks like a time stays text.
    """
    for number, part in enumerate(_FOUND.split(text)):
        yield part if number % 2 == 0 else _read(part)


def _read(part: str) -> str | datetime:
    try:
        return datetime.strptime(part, _FORM).replace(tzinfo=UTC)
    except ValueError:
        return part
