from datetime import UTC, datetime, timedelta

import pytest

from tickover.localengine import crons

MONDAY = datetime(2026, 11, 23, 15, 0, 30, tzinfo=UTC)


def firings(text: str, after: datetime, count: int) -> list[str]:
    """The next firings, in UTC."""
    found = []
    for _ in range(count):
        after = crons.parse(text).after(after)
        found.append(after.strftime("%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("text", "next_at"),
    [
        ("* * * * *", "23 15:01"),
        ("*/5 * * * *", "23 15:05"),
        ("? 9 ? * MON-FRI", "24 09:00"),
        ("0 9 * * 1-5", "24 09:00"),
        ("TZ=Europe/Berlin 0 9 * * 1-5", "24 08:00"),
        ("CRON_TZ=America/New_York 30 10 * * *", "23 15:30"),
        ("TZ=Asia/Kolkata 0 21 * * *", "23 15:30"),
        ("0 0 * * 0", "29 00:00"),
        ("0 0 * * */7", "29 00:00"),
        ("0 0 */2 * 4", "25 00:00"),
        ("0 0 25 * */4", "25 00:00"),
        ("0 0 */1 * 4", "26 00:00"),
    ],
)
def test_a_trigger_fires_in_its_time_zone(text: str, next_at: str) -> None:
    """In UTC without one."""
    assert firings(text, MONDAY, 1) == [next_at]


def test_a_firing_is_after_the_moment_not_at_it() -> None:
    """So that one firing is not followed by itself."""
    at = datetime(2026, 11, 23, 15, tzinfo=UTC)
    assert crons.parse("0 * * * *").after(at) - at == timedelta(hours=1)


def test_where_clocks_are_put_forward_a_time_that_is_not_there_fires_after_the_gap() -> None:
    """Berlin, 28 March 2027: 2:00 is followed by 3:00, which is 1:00 UTC."""
    night = datetime(2027, 3, 27, 12, tzinfo=UTC)
    assert firings("TZ=Europe/Berlin 30 2 * * *", night, 2) == ["28 01:00", "29 00:30"]


def test_where_clocks_are_put_back_a_fixed_time_fires_once_and_a_step_in_both_hours() -> None:
    """Berlin, 31 October 2027: 2:00 to 3:00 comes twice, from 0:00 and from 1:00 UTC."""
    night = datetime(2027, 10, 30, 12, tzinfo=UTC)
    assert firings("TZ=Europe/Berlin 30 2 * * *", night, 2) == ["31 00:30", "01 01:30"]
    hours = firings("TZ=Europe/Berlin */30 * * * *", datetime(2027, 10, 30, 23, 59, tzinfo=UTC), 5)
    assert hours == ["31 00:00", "31 00:30", "31 01:00", "31 01:30", "31 02:00"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not minute, hour"),
        ("* * * *", "is not minute, hour"),
        ("*/5 * * * * *", "is not minute, hour"),
        ("@hourly", "is not minute, hour"),
        ("0 0 * * 1#2", "is not minute, hour"),
        ("61 * * * *", "cannot be read"),
        ("0 0 30 2 *", "cannot be read"),
        ("x * * * *", "cannot be read"),
        ("0 0 * * 7", "Sunday is 0"),
        ("0 0 * * 1-7", "Sunday is 0"),
        ("0 0 L * *", "no L"),
        ("0 0 * * 5L", "no L"),
        ("TZ=Mars/Olympus 0 9 * * *", "unknown time zone: Mars/Olympus"),
        ("TZ=../../etc/passwd 0 9 * * *", "unknown time zone"),
        ("TZ=Europe/Berlin", "is not minute, hour"),
        ("0 9 * * *\x00", "is not minute, hour"),
    ],
)
def test_what_the_real_engine_does_not_read_is_refused_in_words(text: str, reason: str) -> None:
    """Also where the library would read it."""
    assert reason in str(crons.check(text))


def test_what_can_be_read_has_nothing_wrong() -> None:
    """As a check says."""
    assert crons.check("TZ=Europe/Berlin */5 0-6 1,15 JAN-MAR *") is None
