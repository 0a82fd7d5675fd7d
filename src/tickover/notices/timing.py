"""When a notice opens, closes and is delivered: quiet hours, limits, back-off. Pure; `now` is passed in."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_QUIET = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s+(\S+)")
_FORM = "write the hours and the time zone: 22:00-07:00 Europe/Berlin"
_FIRST_RETRY = timedelta(seconds=30)
_LONGEST_RETRY = timedelta(minutes=15)
_MOST_DOUBLINGS = 3  # of the time away, for what keeps coming back

GIVES_UP_AFTER = timedelta(days=1)
"""How long a delivery is tried."""

KNOWN_FOR = timedelta(days=1)
"""A cause whose notice closed within this time is no new one."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Hours of each day in which only what is new, or urgent, is delivered.

    Args:
        start: by the clocks of the zone.
        end: likewise; before `start` where the hours go over midnight.
        zone: whose clocks count.
    """

    start: time
    end: time
    zone: ZoneInfo

    def ends(self, now: datetime) -> datetime | None:
        """When the quiet hours end that it is in; None where it is in none.

        Args:
            now: aware.
        """
        local = now.astimezone(self.zone)
        clock = local.time().replace(tzinfo=None)
        over_midnight = self.end <= self.start
        is_quiet = (clock >= self.start or clock < self.end) if over_midnight else self.start <= clock < self.end
        if not is_quiet:
            return None
        day = local.date() + timedelta(days=1 if over_midnight and clock >= self.start else 0)
        ends = datetime.combine(day, self.end, self.zone).astimezone(UTC)
        return max(ends, now + timedelta(seconds=1))  # where clocks are set back, an hour comes twice


def parse_quiet_hours(said: str) -> QuietHours:
    """Quiet hours as configured, `22:00-07:00 Europe/Berlin`.

    Raises:
        ValueError: it is of another form, or there is no such time or zone; says what to write.
    """
    found = _QUIET.fullmatch(said.strip())
    if found is None:
        raise ValueError(_FORM)
    from_hour, from_minute, to_hour, to_minute, zone = found.groups()
    try:
        start, end = time(int(from_hour), int(from_minute)), time(int(to_hour), int(to_minute))
    except ValueError:
        raise ValueError(f"there is no such time of day; {_FORM}") from None
    if start == end:
        raise ValueError(f"they end where they begin; {_FORM}")
    try:
        return QuietHours(start, end, ZoneInfo(zone))
    except (OSError, ValueError, ZoneInfoNotFoundError):
        raise ValueError(f"there is no time zone {zone!r}; {_FORM}") from None


@dataclass(frozen=True, slots=True)
class Timing:
    """How patient notices are.

    Args:
        confirm: how long a finding must have stood before its notice opens.
        away: how long it must have been away before its notice closes.
        hourly: messages an hour to one destination, at most.
        quiet: quiet hours, or None.
    """

    confirm: timedelta
    away: timedelta
    hourly: int
    quiet: QuietHours | None = None

    @property
    def looks_every_s(self) -> float:
        """Seconds between looks of one process at a route: a minute, or less where less is enough to confirm."""
        return min(60.0, max(1.0, self.confirm.total_seconds()))

    def away_for(self, flaps: int) -> timedelta:
        """How long what came back so often must have been away: twice as long each time, up to eight times as long."""
        return self.away * (1 << min(flaps, _MOST_DOUBLINGS))


def retry_at(attempts: int, now: datetime) -> datetime:
    """When a destination is tried again.

    Args:
        attempts: how many have failed, this one included.
        now: the time of the last of them.
    """
    return now + min(_FIRST_RETRY * (1 << min(attempts - 1, 10)), _LONGEST_RETRY)
