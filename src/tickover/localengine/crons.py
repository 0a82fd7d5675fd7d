"""Cron triggers: `TZ=Europe/Berlin 0 9 * * 1-5`. Pure: text and a moment in, the next firing out.

The real engine reads them with robfig/cron: minute, hour, day of month, month, day of week, and before them a time zone
(`TZ=` or `CRON_TZ=`; UTC without one). What that does not read is refused here too, though the library would.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

_ZONE = re.compile(r"^(?:CRON_)?TZ=(\S+)\s+(.+)$")
_FIELD = re.compile(r"^[0-9A-Za-z*,/?-]+$")
_FIELDS = 5
_ONLY_THE_LIBRARY_READS = re.compile(r"(?:^|[,-])7|[0-9]L", re.IGNORECASE)  # among days of the week
_EVERY_FEW = re.compile(r"(^|,)\*/(?!1(?:,|$))")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cron:
    """When a trigger fires.

    Where a day of the month and one of the week are both given, either will do; `*/2` gives days, as to robfig/cron,
    while to the library it would be a `*`.

    Where clocks are put forward, a time that does not exist fires right after the gap. Where they are put back, a fixed
    time that comes twice fires once, and a step such as `*/5` fires in both hours.

    Args:
        fields: the five fields.
        zone: in which time zone they are meant.
    """

    fields: str
    zone: ZoneInfo

    def after(self, moment: datetime) -> datetime:
        """The first firing after a moment, in UTC.

        Args:
            moment: aware.
        """
        return next(CronSim(self.fields, moment.astimezone(self.zone))).astimezone(UTC)


@lru_cache(maxsize=1000)
def parse(text: str) -> Cron:
    """Read a trigger.

    Raises:
        ValueError: it is none, or never fires; the text says why.
    """
    match = _ZONE.match(text.strip())
    name, rest = match.groups() if match else ("UTC", text)
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"the cron trigger {text!r} names an unknown time zone: {name}") from None
    fields = rest.split()
    if len(fields) != _FIELDS or not all(_FIELD.match(field) for field in fields):
        raise ValueError(f"the cron trigger {text!r} is not minute, hour, day of month, month and day of week")
    if _ONLY_THE_LIBRARY_READS.search(fields[4]) or "L" in fields[2].upper():
        raise ValueError(f"the cron trigger {text!r} asks for what Inngest does not read: Sunday is 0, and no L")
    try:
        cron = Cron(_for_the_library(fields), zone)
        cron.after(_EPOCH)
    except CronSimError as error:
        raise ValueError(f"the cron trigger {text!r} cannot be read: {error}") from None
    except StopIteration:
        raise ValueError(f"the cron trigger {text!r} never fires") from None
    return cron


def _for_the_library(fields: list[str]) -> str:
    """Fields as the library reads what robfig/cron reads."""
    minute, hour, day, month, weekday = ("*" if field == "?" else field for field in fields)
    return " ".join((minute, hour, _EVERY_FEW.sub(r"\g<1>1-31/", day), month, _EVERY_FEW.sub(r"\g<1>0-6/", weekday)))


def check(text: str) -> str | None:
    """What is wrong with a trigger, or None."""
    try:
        parse(text)
    except ValueError as error:
        return str(error)
    return None
