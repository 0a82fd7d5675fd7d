from datetime import UTC, datetime, timedelta

import pytest

from tickover.localengine.retry import DEFAULT_RETRIES, LARGEST_JITTER, next_attempt

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


def delay(attempt: int, jitter: float, interval: float | None = None) -> float:
    """Seconds until the next attempt."""
    return (next_attempt(NOW, attempt, jitter, interval) - NOW).total_seconds()


def test_delays_are_those_of_the_real_engine() -> None:
    """15 s, 30 s, 1, 2, 5, 10, 20, 40 min, 1 h, 2 h, and 2 h from there on."""
    minutes = [delay(attempt, 0) / 60 for attempt in range(12)]
    assert minutes == [0.25, 0.5, 1, 2, 5, 10, 20, 40, 60, 120, 120, 120]


def test_jitter_is_added() -> None:
    """Up to 30 s."""
    assert delay(0, LARGEST_JITTER) == 45


@pytest.mark.parametrize("attempt", [0, 1, 19])
def test_an_interval_replaces_delay_and_jitter(attempt: int) -> None:
    """For tests that cannot wait."""
    assert delay(attempt, 17, 0.2) == 0.2
    assert delay(attempt, 17, 0) == 0


def test_a_function_that_asks_for_none_has_four_retries() -> None:
    """As with the real engine."""
    assert DEFAULT_RETRIES == 4


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (timedelta(seconds=2), timedelta(seconds=2)),
        (timedelta(hours=-1), timedelta(seconds=1)),
        (timedelta(days=3), timedelta(days=1)),
    ],
)
def test_an_application_may_ask_for_a_time_between_a_second_and_a_day(asked: timedelta, given: timedelta) -> None:
    """Beyond these bounds it gets the bound, as from the real engine; no interval replaces what it asked for."""
    assert next_attempt(NOW, 0, 17, 0.2, NOW + asked) == NOW + given
