from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.notices.making import NOW, TIMING
from tickover.notices.timing import Timing, parse_quiet_hours, retry_at

NIGHT = parse_quiet_hours("22:00-07:00 Europe/Berlin")


@pytest.mark.parametrize(
    ("at", "ends"),
    [
        ("2026-11-24T21:30Z", "2026-11-25T06:00Z"),  # 22:30 in Berlin
        ("2026-11-25T05:59Z", "2026-11-25T06:00Z"),
        ("2026-11-25T06:00Z", None),
        ("2026-11-24T20:59Z", None),
        ("2026-07-01T20:00Z", "2026-07-02T05:00Z"),  # in summer
        ("2026-10-24T22:00Z", "2026-10-25T06:00Z"),  # the night in which clocks are set back
        ("2026-03-28T22:00Z", "2026-03-29T05:00Z"),  # and forward
    ],
)
def test_quiet_hours_are_those_of_the_zone(at: str, ends: str | None) -> None:
    """Over midnight, in winter and summer, and in the nights between."""
    expected = None if ends is None else datetime.fromisoformat(ends)
    assert NIGHT.ends(datetime.fromisoformat(at)) == expected


def test_quiet_hours_may_lie_within_a_day() -> None:
    """A pause at noon."""
    noon = parse_quiet_hours("12:00 - 13:30 UTC")
    assert noon.ends(NOW) == NOW + timedelta(minutes=90)
    assert noon.ends(NOW + timedelta(minutes=90)) is None


@given(st.integers(0, 366 * 24 * 60))
def test_quiet_hours_always_end(minute: int) -> None:
    """Later than now, within half a day, and nobody is told to wait for a time that is quiet itself."""
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    ends = NIGHT.ends(at)
    if ends is not None:
        assert at < ends <= at + timedelta(hours=11)
        assert NIGHT.ends(ends) is None


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("22:00-07:00", "write the hours and the time zone"),
        ("22-7 Europe/Berlin", "write the hours and the time zone"),
        ("25:00-07:00 Europe/Berlin", "no such time of day"),
        ("22:00-07:61 UTC", "no such time of day"),
        ("22:00-22:00 UTC", "end where they begin"),
        ("22:00-07:00 Europe/Atlantis", "no time zone 'Europe/Atlantis'"),
        ("22:00-07:00 ../../etc/passwd", "no time zone"),
    ],
)
def test_other_forms_are_refused(said: str, what: str) -> None:
    """No zone, no minutes, hours that are none, no length, an unknown zone, a path instead of one."""
    with pytest.raises(ValueError, match=what):
        parse_quiet_hours(said)


def test_patience_doubles_up_to_eight_times() -> None:
    """And so does the time between attempts, up to a quarter of an hour."""
    assert [TIMING.away_for(n) / TIMING.away for n in (0, 1, 2, 3, 4, 99)] == [1, 2, 4, 8, 8, 8]
    waits = [(retry_at(n, NOW) - NOW).total_seconds() for n in (1, 2, 3, 5, 6, 500)]
    assert waits == [30, 60, 120, 480, 900, 900]


@pytest.mark.parametrize(("confirm_s", "every_s"), [(0, 1), (1, 1), (10, 10), (60, 60), (600, 60)])
def test_a_look_comes_at_least_once_a_minute_and_as_often_as_is_to_be_confirmed(confirm_s: int, every_s: int) -> None:
    """Never more than once a second."""
    assert Timing(timedelta(seconds=confirm_s), timedelta(), 10).looks_every_s == every_s
