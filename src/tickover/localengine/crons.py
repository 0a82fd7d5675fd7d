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
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cron:
    """When a trigger fires.

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
    if "7" in fields[-1] or "L" in fields[2].upper():
        raise ValueError(f"the cron trigger {text!r} asks for what Inngest does not read: Sunday is 0, and no L")
    try:
        cron = Cron(" ".join("*" if field == "?" else field for field in fields), zone)
        cron.after(_EPOCH)
    except CronSimError as error:
        raise ValueError(f"the cron trigger {text!r} cannot be read: {error}") from None
    except StopIteration:
        raise ValueError(f"the cron trigger {text!r} never fires") from None
    return cron


def check(text: str) -> str | None:
    """What is wrong with a trigger, or None."""
    try:
        parse(text)
    except ValueError as error:
        return str(error)
    return None
