"""Whether and when a failed job is attempted again."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.jobs.retry import LONGEST_PAUSE, LONGEST_WISH, GiveUp, RetryAt, after_failure

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
JITTERS = st.floats(0, 1)
ATTEMPTS = st.integers(1, 100)
ZONES = st.timezones() | st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))])


def retry_at(attempt: int, *, jitter: float = 0, asked: datetime | None = None) -> datetime:
    """When a job with attempts left is attempted again."""
    verdict = after_failure(attempt=attempt, max_attempts=attempt + 1, now=NOW, jitter=jitter, asked=asked)
    assert isinstance(verdict, RetryAt)
    return verdict.at


@given(max_attempts=ATTEMPTS, beyond=st.integers(0, 5), jitter=JITTERS, asked=st.none() | st.datetimes(timezones=ZONES))
def test_i4_the_last_attempt_is_the_last(max_attempts: int, beyond: int, jitter: float, asked: datetime | None) -> None:
    """Without an attempt left it gives up, whatever the handler asked for."""
    verdict = after_failure(
        attempt=max_attempts + beyond, max_attempts=max_attempts, now=NOW, jitter=jitter, asked=asked
    )
    assert verdict == GiveUp()


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 2), (2, 4), (3, 8), (4, 16), (9, 512)])
def test_the_pause_doubles(attempt: int, seconds: int) -> None:
    """Without jitter the n-th failure waits 2^n seconds."""
    assert retry_at(attempt) == NOW + timedelta(seconds=seconds)


@given(attempt=ATTEMPTS, jitter=JITTERS)
def test_the_pause_is_bounded(attempt: int, jitter: float) -> None:
    """It waits at least two seconds and at most 15 minutes, jitter included."""
    pause = retry_at(attempt, jitter=jitter) - NOW
    assert timedelta(seconds=2) <= pause <= LONGEST_PAUSE


@given(attempt=ATTEMPTS, jitter=st.floats(0.01, 1))
def test_jitter_spreads_every_pause(attempt: int, jitter: float) -> None:
    """Jobs that failed together do not come back together, at the cap either."""
    assert retry_at(attempt, jitter=jitter) > retry_at(attempt)


@given(ahead=st.timedeltas(timedelta(0), LONGEST_WISH), zone=ZONES, jitter=JITTERS)
def test_a_handler_names_its_own_time(ahead: timedelta, zone: timezone, jitter: float) -> None:
    """A time within 30 days is taken as it is, in whatever zone it was given."""
    assert retry_at(1, jitter=jitter, asked=(NOW + ahead).astimezone(zone)) == NOW + ahead


@given(asked=st.datetimes(timezones=ZONES))
def test_no_wish_is_taken_too_far(asked: datetime) -> None:
    """Whatever a handler asks for, the job comes back between now and 30 days from now."""
    assert NOW <= retry_at(1, asked=asked) <= NOW + LONGEST_WISH


@given(asked=st.datetimes())
def test_a_naive_time_is_no_time(asked: datetime) -> None:
    """Then the schedule decides."""
    assert retry_at(3, asked=asked) == NOW + timedelta(seconds=8)
