"""When a failed call is made again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.localengine.retry import DEFAULT_RETRIES, LARGEST_JITTER, delay

REAL = [15, 30, 60, 120, 300, 600, 1200, 2400, 3600, 7200]


@pytest.mark.parametrize(("attempt", "seconds"), [*enumerate(REAL), (10, 7200), (20, 7200)])
def test_the_delays_are_those_of_inngest(attempt: int, seconds: float) -> None:
    """15 s, 30 s, 1, 2, 5, 10, 20, 40 min, 1 h, 2 h, and 2 h from then on."""
    assert delay(attempt, 0) == seconds


@given(attempt=st.integers(0, 20), jitter=st.floats(0, LARGEST_JITTER))
def test_jitter_is_added(attempt: int, jitter: float) -> None:
    """The jitter comes on top of the delay, at most half a minute of it."""
    assert delay(attempt, jitter) == pytest.approx(delay(attempt, 0) + jitter)
    assert delay(attempt, jitter) <= delay(attempt, 0) + 30


@given(attempt=st.integers(0, 20), jitter=st.floats(0, LARGEST_JITTER), interval=st.floats(0, 60))
def test_an_interval_replaces_all_delays(attempt: int, jitter: float, interval: float) -> None:
    """With an interval every delay is just that, without jitter."""
    assert delay(attempt, jitter, interval) == interval


def test_a_function_that_names_none_has_four_retries() -> None:
    """The default is that of the recording: five attempts."""
    assert DEFAULT_RETRIES == 4
