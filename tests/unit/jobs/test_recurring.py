"""When recurring jobs occur, and which occurrence is due."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickover import Contract, Function, Responsibility, Route, Run, Summary
from tickover.errors import ScheduleError
from tickover.jobs.recurring import (
    SKIPPED_COUNTED_UP_TO,
    Begin,
    Due,
    Kept,
    Recurring,
    decide,
    declared_in,
    require_distinct,
    zone_named,
)

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
# Around these the clocks of each zone are put forward, and back.
CHANGES = {
    BERLIN: (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)),
    NEW_YORK: (datetime(2026, 3, 8, 7, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC)),
}

numbers_of_minute = st.integers(0, 59).map(str)
minutes = st.one_of(
    numbers_of_minute,
    st.tuples(numbers_of_minute, numbers_of_minute).map(",".join),
    st.sampled_from(("*", "*/7", "*/20", "*/30", "5/25")),
)
hours = st.sampled_from(("*", "*/2", "*/6", "0", "1", "2", "3", "1,2", "2,3", "1-4", "0-23/3"))
expressions = st.builds("{} {} * * *".format, minutes, hours)


def schedule(cron: str, timezone: str = "UTC", **options: Any) -> Recurring:
    """A schedule of these times."""
    return Recurring("nightly", cron, "report", timezone=timezone, **options)


def local(cron: str, timezone: str, after: str, count: int) -> list[str]:
    """The next occurrences after a local time, as local times with their offsets."""
    zone, found = ZoneInfo(timezone), []
    moment = datetime.fromisoformat(after).replace(tzinfo=zone)
    for _ in range(count):
        moment = schedule(cron, timezone).after(moment)
        found.append(moment.astimezone(zone).strftime("%d %H:%M%z"))
    return found


def numbers(field: str, least: int, most: int) -> set[int]:
    """What a field of digits, lists, ranges and steps names; an independent reading."""
    if "," in field:
        return set().union(*(numbers(part, least, most) for part in field.split(",")))
    base, _, step = field.partition("/")
    first, _, last = (f"{least}-{most}" if base == "*" else base).partition("-")
    end = int(last) if last else (most if step else int(first))
    return set(range(int(first), end + 1, int(step or 1)))


def debian(cron: str, timezone: str, first: datetime, last: datetime) -> list[datetime]:
    """The occurrences after one moment and up to another, by Debian's rules, minute by minute."""
    zone, (minute, hour, *_) = ZoneInfo(timezone), cron.split()
    matching = (numbers(minute, 0, 59), numbers(hour, 0, 23))
    found: set[datetime] = set()
    moment, wall = first.replace(second=0, microsecond=0), (first - timedelta(days=2)).replace(tzinfo=None)
    if minute.startswith("*") or hour.startswith("*"):  # by real time
        while moment <= last:
            there = moment.astimezone(zone)
            if there.minute in matching[0] and there.hour in matching[1]:
                found.add(moment)
            moment += MINUTE
    else:  # by the wall's clock: once a day, right after the gap where it is not there, at the first where it is twice
        while wall <= last.replace(tzinfo=None) + timedelta(days=2):
            if wall.minute in matching[0] and wall.hour in matching[1]:
                there = wall.replace(second=0, microsecond=0)
                while there.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != there:
                    there += MINUTE
                found.add(there.replace(tzinfo=zone).astimezone(UTC))
            wall += MINUTE
    return sorted(occurrence for occurrence in found if first < occurrence <= last)


@settings(max_examples=300, deadline=None)
@given(
    expressions,
    st.sampled_from((BERLIN, NEW_YORK)),
    st.sampled_from((0, 1)),
    st.integers(-36 * 3600, 12 * 3600),
    st.integers(1, 36 * 3600),
)
def test_occurrences_are_those_of_debian_whenever_one_asks(
    cron: str, timezone: str, change: int, start: int, length: int
) -> None:
    """Around a change of the clocks, from any second on, none is missing, none comes twice, none is over."""
    first = CHANGES[timezone][change] + timedelta(seconds=start)
    last = first + timedelta(seconds=length)
    found, moment = [], first
    while (moment := schedule(cron, timezone).after(moment)) <= last:
        found.append(moment)
    assert found == debian(cron, timezone, first, last)


@pytest.mark.parametrize(
    ("cron", "timezone", "after", "expected"),
    [
        ("30 2 * * *", BERLIN, "2026-03-28T12:00", ["29 03:00+0200", "30 02:30+0200"]),
        ("15,45 2 * * *", BERLIN, "2026-03-28T12:00", ["29 03:00+0200", "30 02:15+0200"]),
        ("0 * * * *", BERLIN, "2026-03-29T00:30", ["29 01:00+0100", "29 03:00+0200", "29 04:00+0200"]),
        ("30 2 * * *", BERLIN, "2026-10-24T12:00", ["25 02:30+0200", "26 02:30+0100"]),
        ("0 * * * *", BERLIN, "2026-10-25T01:30", ["25 02:00+0200", "25 02:00+0100", "25 03:00+0100"]),
        ("30 2 * * *", NEW_YORK, "2026-03-07T12:00", ["08 03:00-0400", "09 02:30-0400"]),
        ("30 1 * * *", NEW_YORK, "2026-10-31T12:00", ["01 01:30-0400", "02 01:30-0500"]),
        ("*/30 * * * *", NEW_YORK, "2026-11-01T00:45", ["01 01:00-0400", "01 01:30-0400", "01 01:00-0500"]),
        ("0 12 29 2 *", "UTC", "2026-11-23T15:00", ["29 12:00+0000", "29 12:00+0000"]),
        ("0 0 31 * *", "UTC", "2026-03-31T00:00", ["31 00:00+0000", "31 00:00+0000"]),
        ("59 23 L * *", BERLIN, "2027-02-01T00:00", ["28 23:59+0100", "31 23:59+0200", "30 23:59+0200"]),
        ("0 9 * * MON-FRI", "Asia/Kolkata", "2026-11-27T09:00", ["30 09:00+0530", "01 09:00+0530"]),
        ("0 0 13 * 5", "UTC", "2026-11-01T00:00", ["06 00:00+0000", "13 00:00+0000", "20 00:00+0000"]),
    ],
)
def test_occurrences_follow_the_calendar_of_the_zone(
    cron: str, timezone: str, after: str, expected: Sequence[str]
) -> None:
    """Spring and autumn, 29 February, ends of months, days of the week."""
    assert local(cron, timezone, after, len(expected)) == expected


def test_the_29th_of_february_is_waited_for() -> None:
    """From 2026 it is that of 2028, then 2032; over 2100 it is eight years."""
    leap = schedule("0 12 29 2 *")
    assert [leap.after(NOW).year, leap.after(datetime(2028, 3, 1, tzinfo=UTC)).year] == [2028, 2032]
    assert leap.after(datetime(2096, 3, 1, tzinfo=UTC)).year == 2104


def test_in_the_second_of_two_equal_hours_the_first_is_over() -> None:
    """At 2:10, the second time, 2:30 of a fixed time has been: the next is tomorrow's."""
    second = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)
    assert schedule("30 2 * * *", BERLIN).after(second) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


@settings(deadline=None)
@given(
    expressions,
    st.sampled_from(("UTC", BERLIN, NEW_YORK)),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 - Hypothesis sets the zone
    st.lists(st.one_of(st.integers(0, 120), st.integers(0, 40_000)), max_size=8),
)
def test_no_occurrence_is_enqueued_twice_or_early(cron: str, timezone: str, start: datetime, gaps: list[int]) -> None:
    """However calls fall in time: each takes the newest occurrence since the call before, and counts the others."""
    declared = schedule(cron, timezone)
    since = now = start.replace(tzinfo=UTC)
    begun = decide(declared, None, now)
    assert isinstance(begun, Begin)
    assert begun.next_at == declared.after(now)
    next_at = begun.next_at
    for gap in gaps:
        now += timedelta(seconds=gap)
        missed, moment = [], since
        while (moment := declared.after(moment)) <= now:
            missed.append(moment)
        decided = decide(declared, Kept(cron, timezone, next_at), now)
        if not missed:
            assert decided is None
            continue
        skipped = min(len(missed) - 1, SKIPPED_COUNTED_UP_TO)
        assert decided == Due(missed[-1], skipped, declared.after(now))
        since, next_at = now, decided.next_at


def test_before_its_time_nothing_is_due_and_at_its_time_it_is() -> None:
    """To the microsecond."""
    kept = Kept("0 15 * * *", "UTC", NOW)
    assert decide(schedule("0 15 * * *"), kept, NOW - timedelta(microseconds=1)) is None
    assert decide(schedule("0 15 * * *"), kept, NOW) == Due(NOW, 0, NOW + timedelta(days=1))


@pytest.mark.parametrize(
    ("cron", "newest", "skipped"),
    [
        ("* * * * *", NOW, SKIPPED_COUNTED_UP_TO),
        ("0 3 * * *", NOW.replace(hour=3), SKIPPED_COUNTED_UP_TO),
        ("0 3 1 1 *", datetime(2026, 1, 1, 3, tzinfo=UTC), 25),
        ("0 3 29 2 *", datetime(2024, 2, 29, 3, tzinfo=UTC), 5),
    ],
)
def test_after_a_pause_of_decades_only_the_newest_is_due(cron: str, newest: datetime, skipped: int) -> None:
    """The others are counted, up to a bound."""
    declared = schedule(cron)
    kept = Kept(cron, "UTC", declared.after(datetime(2001, 1, 1, 0, 0, tzinfo=UTC) - MINUTE))
    decided = decide(declared, kept, NOW)
    assert isinstance(decided, Due)
    assert (decided.at, decided.skipped) == (newest, skipped)


@settings(deadline=None)
@given(
    expressions,
    st.sampled_from((BERLIN, NEW_YORK)),
    st.timedeltas(timedelta(days=-400), timedelta(days=400)),
)
def test_a_changed_expression_or_zone_counts_from_now_on(cron: str, timezone: str, kept_for: timedelta) -> None:
    """Whatever was to come, or was missed, by the old one."""
    declared = schedule(cron, timezone)
    for kept in (Kept("1 1 1 1 *", timezone, NOW + kept_for), Kept(cron, "UTC", NOW + kept_for)):
        decided = decide(declared, kept, NOW)
        assert decided == Begin(declared.after(NOW))
        assert declared.after(NOW) > NOW


def test_a_change_of_what_is_enqueued_changes_no_times() -> None:
    """Another kind or payload holds from the next occurrence on."""
    changed = Recurring("nightly", "0 15 * * *", "other", {"new": True})
    assert decide(changed, Kept("0 15 * * *", "UTC", NOW), NOW) == Due(NOW, 0, NOW + timedelta(days=1))


NO_ZONES: list[Any] = ["Mars/Olympus", "Europe", "", "../../etc/passwd", "a\0b", "\ud83d", None, 7, []]
NO_NAMES: list[Any] = ["", "Nightly", "a b", "é", "x" * 101, "a\n", None, 7]
BAD: list[tuple[str, dict[str, Any]]] = [
    *(("the name is not of the form", {"name": name}) for name in NO_NAMES),
    *(
        ("cron is not minute, hour", {"cron": cron})
        for cron in ("", "* * * *", "0 * * * * *", "@daily", "* " * 200, None, 5)
    ),
    *(
        ("cannot be read", {"cron": cron})
        for cron in ("60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *", "5-1 * * * *")
    ),
    *(("cannot be read", {"cron": cron}) for cron in ("a * * * *", "* * 30 2 *", "\x00 * * * *", "٣ * * * *")),
    ("never occurs", {"cron": "* * */20 * 1L"}),
    *(("is unknown here; write an IANA name", {"timezone": name}) for name in NO_ZONES),
    ("kind 'Report' is not of the form", {"kind": "Report"}),
    ("client_id 'a b' is not of the form", {"client_id": "a b"}),
    ("payload: it is no JSON", {"payload": {1, 2}}),
    ("priority 1001", {"priority": 1001}),
    ("max_attempts 0", {"max_attempts": 0}),
    ("timeout_s 0", {"timeout_s": 0}),
]


@pytest.mark.parametrize(("fault", "fields"), BAD)
def test_what_cannot_be_kept_is_refused_where_it_is_declared(fault: str, fields: dict[str, Any]) -> None:
    """With what is wrong, and with the schedule's name."""
    good: dict[str, Any] = {"name": "nightly", "cron": "0 3 * * *", "kind": "report"}
    with pytest.raises(ScheduleError, match=re.escape(fault)) as refused:
        Recurring(**good | fields)
    assert f"recurring job {(good | fields)['name']!r}" in str(refused.value)


def test_every_fault_of_a_declaration_is_named_at_once() -> None:
    """Name, zone, expression and kind."""
    with pytest.raises(ScheduleError) as refused:
        Recurring("A", "nonsense", "B", timezone="C")
    for fault in ("the name", "timezone 'C'", "cron is not", "kind 'B'"):
        assert fault in str(refused.value)


def test_names_must_differ() -> None:
    """Those given twice are listed."""
    require_distinct([])
    require_distinct([Recurring("a", "* * * * *", "k"), Recurring("b", "* * * * *", "k")])
    with pytest.raises(ScheduleError, match=r"more than once: a, c$"):
        require_distinct([Recurring(name, "* * * * *", "k") for name in "cabac"])


def test_a_job_is_made_as_declared() -> None:
    """It may run from its occurrence on, and holds the schedule's dedupe key."""
    job = Recurring("nightly", "0 3 * * *", "report", [1], BERLIN, "acme", 7, 2, 9.5).job(NOW)
    assert (job.kind, job.payload, job.client_id, job.run_at) == ("report", [1], "acme", NOW)
    assert (job.priority, job.max_attempts, job.timeout_s, job.dedupe_key) == (7, 2, 9.5, "recurring:nightly")


def test_utc_needs_no_zone_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on machines without one; for any other zone the remedy is named."""
    monkeypatch.setattr("tickover.jobs.recurring.ZoneInfo", ZoneInfo.no_cache)
    monkeypatch.setattr("zoneinfo._tzpath.TZPATH", ())
    assert zone_named("UTC") is UTC
    with pytest.raises(ScheduleError, match="install the package tzdata"):
        zone_named(BERLIN)


def test_a_contract_tells_its_schedules() -> None:
    """Those of every body that has some; others have none."""
    nightly = schedule("0 3 * * *")

    async def plain(_run: Run) -> Summary:
        return Summary()

    class Body:
        recurring = (nightly,)

        async def __call__(self, _run: Run) -> Summary:
            return Summary()

    responsibilities = (Responsibility("plain", plain), Responsibility("drain", Body()))
    function = Function("process", "background/process.requested", responsibilities)
    contract = Contract((Route("jobs", "FLAG", ("plain", "drain"), (function,)),))
    assert list(declared_in(contract)) == [nightly]
