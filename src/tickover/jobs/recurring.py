"""Recurring jobs: cron expressions in time zones; which occurrence is due, and when the next. Pure.

Occurrences are those of Debian's cron. Where clocks are put forward, a fixed time that does not exist comes right after
the gap; where they are put back, a fixed time that comes twice occurs once. An expression whose minute or hour begins
with `*` goes by real time: it occurs in both of two equal hours, and not in one that does not exist.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import chain, islice, takewhile
from typing import Any, Protocol, runtime_checkable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from tickover.contract import Contract
from tickover.errors import ScheduleError
from tickover.jobs.new_job import NewJob, job_faults

SKIPPED_COUNTED_UP_TO = 1000
"""Occurrences missed during a pause are counted up to here, so that counting is quick after any pause."""

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,99}")
_FIELDS = 5
_LONGEST = 200
_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Recurring:
    """A schedule: a job that is enqueued again and again.

    An occurrence that comes while the job of an earlier one is unfinished makes none of its own.

    Args:
        name: what it is known by, unique; lower-case letters, digits, `_`, `.` and `-`, at most 100. A schedule that is
            renamed is a new one.
        cron: minute, hour, day of month, month and day of week, as in Debian's cron.
        kind: as of a `NewJob`; so are `payload`, `client_id`, `priority`, `max_attempts` and `timeout_s`.
        payload: the same for each occurrence.
        timezone: the zone the expression is meant in, by its IANA name.
        client_id: whose its jobs are, or None.
        priority: higher goes first.
        max_attempts: attempts before a job becomes a dead letter.
        timeout_s: seconds one attempt may take.

    Raises:
        ScheduleError: it cannot be kept; the text names every fault.
    """

    name: str
    cron: str
    kind: str
    payload: Any = None
    timezone: str = "UTC"
    client_id: str | None = None
    priority: int = 0
    max_attempts: int = 5
    timeout_s: float = 60

    def __post_init__(self) -> None:
        if faults := list(_faults(self)):
            raise ScheduleError(f"recurring job {self.name!r}: " + "; ".join(faults))

    def job(self, occurrence: datetime) -> NewJob:
        """What one occurrence enqueues.

        Args:
            occurrence: its time, aware.
        """
        return NewJob(
            kind=self.kind,
            payload=self.payload,
            client_id=self.client_id,
            run_at=occurrence,
            priority=self.priority,
            max_attempts=self.max_attempts,
            timeout_s=self.timeout_s,
            dedupe_key=f"recurring:{self.name}",
        )

    def after(self, moment: datetime) -> datetime:
        """The first occurrence after a moment, in UTC.

        Args:
            moment: aware.
        """
        return _first_after(self.cron, zone_named(self.timezone), moment)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the database keeps of a schedule.

    Args:
        cron: the expression that `next_at` follows from.
        timezone: the zone it follows from.
        next_at: the occurrence that is to be enqueued next.
    """

    cron: str
    timezone: str
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Begin:
    """The schedule is new, or its expression or zone has changed: it counts from now on.

    Args:
        next_at: its first occurrence.
    """

    next_at: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """An occurrence is to be enqueued.

    Args:
        at: which; after a pause the newest.
        skipped: how many older ones the pause cost, counted up to `SKIPPED_COUNTED_UP_TO`.
        next_at: the one after it.
    """

    at: datetime
    skipped: int
    next_at: datetime


@runtime_checkable
class Recurs(Protocol):
    """A responsibility's body that enqueues recurring jobs."""

    @property
    def recurring(self) -> Sequence[Recurring]:
        """The schedules it was given."""
        ...


def decide(schedule: Recurring, kept: Kept | None, now: datetime) -> Begin | Due | None:
    """What is to be done about a schedule; None where its time has not come.

    Args:
        schedule: as declared.
        kept: as the database knows it; None before it was first seen.
        now: the current time.
    """
    if kept is None or (kept.cron, kept.timezone) != (schedule.cron, schedule.timezone):
        return Begin(schedule.after(now))
    if kept.next_at > now:
        return None
    following = schedule.after(kept.next_at)
    if following > now:
        return Due(kept.next_at, 0, following)
    newest = _newest(schedule, following, now)
    return Due(newest, _count(schedule, kept.next_at, newest), schedule.after(now))


def require_distinct(schedules: Sequence[Recurring]) -> None:
    """Go on with schedules of different names.

    Raises:
        ScheduleError: a name is given to more than one; the text lists those.
    """
    twice = sorted(name for name, count in Counter(schedule.name for schedule in schedules).items() if count > 1)
    if twice:
        raise ScheduleError(f"recurring jobs must have different names; given more than once: {', '.join(twice)}")


def declared_in(contract: Contract) -> Sequence[Recurring]:
    """Every schedule that a responsibility of a contract was given."""
    bodies: Iterator[object] = (
        responsibility.run for function in contract.functions for responsibility in function.responsibilities
    )
    return [schedule for body in bodies if isinstance(body, Recurs) for schedule in body.recurring]


def zone_named(name: str) -> tzinfo:
    """A time zone by its IANA name. UTC needs no zone database.

    Raises:
        ScheduleError: there is none of that name here; says what to do.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, TypeError, ValueError, OSError):
        raise ScheduleError(
            f"timezone {name!r} is unknown here; write an IANA name such as Europe/Berlin, and where the machine has no"
            " zone database install the package tzdata"
        ) from None


def _occurrences(cron: str, zone: tzinfo, moment: datetime) -> Iterator[datetime]:
    """All after a moment, in UTC."""
    for occurrence in CronSim(cron, moment.astimezone(zone)):
        # In the second of two equal hours the library begins with times of the first, which are over.
        if (found := occurrence.astimezone(UTC)) > moment:
            yield found


def _first_after(cron: str, zone: tzinfo, moment: datetime) -> datetime:
    found = next(_occurrences(cron, zone, moment), None)
    if found is None:
        raise ScheduleError(f"cron {cron!r} never occurs; give a day that its months have")
    return found


def _newest(schedule: Recurring, known: datetime, now: datetime) -> datetime:
    """The newest occurrence up to now, found by halving: a pause of years costs no more than one of minutes.

    Args:
        schedule: whose.
        known: one that is not after now.
        now: the current time.
    """
    newest, none_after = known, now
    while none_after - newest >= _MINUTE:  # occurrences are a minute apart at least
        middle = newest + (none_after - newest) / 2
        following = schedule.after(middle)
        if following <= now:
            newest = following
        else:
            none_after = middle
    return newest


def _count(schedule: Recurring, first: datetime, end: datetime) -> int:
    """How many occurrences there are from the first, which is one, to before the end; up to the bound."""
    following = _occurrences(schedule.cron, zone_named(schedule.timezone), first)
    before = takewhile(lambda occurrence: occurrence < end, chain((first,), following))
    return sum(1 for _ in islice(before, SKIPPED_COUNTED_UP_TO))


def _faults(schedule: Recurring) -> Iterator[str]:
    if not _is_name(schedule.name):
        yield f"the name is not of the form {_NAME.pattern}"
    for check, value in ((zone_named, schedule.timezone), (_check_cron, schedule.cron)):
        try:
            check(value)
        except ScheduleError as error:
            yield str(error)
    # The dedupe key is made of the name, which has been judged.
    yield from job_faults(schedule.job(_EPOCH)._replace(dedupe_key=None), _EPOCH)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _check_cron(cron: object) -> None:
    """Go on with an expression that occurs at some time, to the minute.

    Raises:
        ScheduleError: it is none; says why.
    """
    if not isinstance(cron, str) or len(cron) > _LONGEST or len(cron.split()) != _FIELDS:
        raise ScheduleError("cron is not minute, hour, day of month, month and day of week, such as '30 2 * * 1-5'")
    try:
        _first_after(cron, UTC, _EPOCH)
    except CronSimError as error:
        raise ScheduleError(f"cron {cron!r} cannot be read: {error}") from None
