from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.errors import RequestError
from tickover.ticks.identity import correlation_id, identify, parse_client_id

NOW = datetime(2026, 11, 23, 15, 0, 42, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_without_headers_the_clock_names_the_tick_floored_to_the_window() -> None:
    """The key is the one of the design page."""
    identity = identify("background-jobs", MINUTE, {}, None, NOW)
    assert (identity.dispatch_key, identity.source) == ("background-jobs:v1:60:2026-11-23T15:00:00Z", "clock")


@given(st.integers(0, 4_000_000_000).map(lambda s: datetime.fromtimestamp(s, tz=UTC)), st.integers(1, 86_400))
def test_f10_two_deliveries_within_a_window_are_one_tick(moment: datetime, seconds: int) -> None:
    """Whatever the window, a moment and the end of its window have one key, and the next window has another."""
    window = timedelta(seconds=seconds)
    begin = datetime.fromtimestamp(int(moment.timestamp()) // seconds * seconds, tz=UTC)

    def key(at: datetime) -> str:
        return identify("r", window, {}, None, at).dispatch_key

    assert key(begin) == key(moment) == key(begin + window - timedelta(microseconds=1))
    assert key(begin) != key(begin + window)


def test_an_execution_id_beats_a_scheduled_time_and_both_beat_the_clock() -> None:
    """A scheduler's own identity counts where it gives one."""
    both = {"idempotency-key": " e-1 ", "x-cloudscheduler-scheduletime": "2026-11-23T16:00:10+01:00"}
    assert identify("r", MINUTE, both, None, NOW).dispatch_key == "r:v1:id:e-1"
    del both["idempotency-key"]
    scheduled = identify("r", MINUTE, both, None, NOW)
    assert (scheduled.dispatch_key, scheduled.source) == ("r:v1:at:2026-11-23T15:00:10Z", "scheduled-time")


def test_a_client_is_part_of_the_identity() -> None:
    """Two clients' ticks of one window are two ticks."""
    assert identify("r", MINUTE, {}, "acme", NOW).dispatch_key.endswith(":client:acme")


@pytest.mark.parametrize(
    "value", ["", "noon", "2026-11-23T15:00:00", "2026-11-22T15:00:41Z", "2026-11-23T16:00:43Z", "9999-12-31T23:59:59Z"]
)
def test_a_scheduled_time_that_cannot_be_is_refused(value: str) -> None:
    """Tried: empty, no time, no zone, more than a day old, more than an hour ahead, the year 9999."""
    with pytest.raises(RequestError, match="x-tickover-scheduled-at"):
        identify("r", MINUTE, {"x-tickover-scheduled-at": value}, None, NOW)


@pytest.mark.parametrize("value", ["", "a b", "é", "x" * 129, "a\nb", "'; DROP TABLE tick"])
def test_an_execution_id_of_another_form_is_refused(value: str) -> None:
    """Tried: empty, a blank, an accent, too long, a newline, SQL."""
    with pytest.raises(RequestError, match="idempotency-key"):
        identify("r", MINUTE, {"idempotency-key": value}, None, NOW)


@pytest.mark.parametrize("value", ["", "a:b", "a b", "-a", "x" * 65, "global", 7, ["a"], "a\n"])
def test_a_malformed_client_id_is_refused(value: object) -> None:
    """Tried: empty, a colon, a blank, a leading dash, too long, the reserved word, no string, a newline."""
    with pytest.raises(RequestError, match="clientId"):
        parse_client_id(value)


def test_a_correlation_id_is_taken_over_if_it_is_well_formed() -> None:
    """The caller's id goes through the logs; a malformed one does not."""
    assert correlation_id({"x-request-id": "req-1"}, "own") == "req-1"
    assert correlation_id({"x-request-id": "a\nb"}, "own") == "own"
    assert correlation_id({}, "own") == "own"


def test_a_time_in_another_zone_is_the_same_tick() -> None:
    """The scheduled time is compared in UTC."""
    tokyo = NOW.astimezone(timezone(timedelta(hours=9))).isoformat(timespec="seconds")
    london = NOW.isoformat(timespec="seconds")
    keys = {identify("r", MINUTE, {"x-tickover-scheduled-at": at}, None, NOW).dispatch_key for at in (tokyo, london)}
    assert len(keys) == 1


def test_a_canary_has_an_identity_of_its_own_kind() -> None:
    """Whatever else the request names, so that it is never taken for a firing of cron."""
    headers = {"x-tickover-canary": "verify-ab12", "idempotency-key": "e1"}
    identity = identify("background-jobs", timedelta(seconds=60), headers, None, datetime(2026, 11, 25, tzinfo=UTC))
    assert (identity.dispatch_key, identity.source) == ("background-jobs:v1:canary:verify-ab12", "canary")
