from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.notices.making import MINUTE, NOW, TIMING, delivery
from tickover.notices.notice import Delivery
from tickover.notices.sending import Plan, plan
from tickover.notices.states import Kind, Severity
from tickover.notices.timing import parse_quiet_hours

NIGHT = replace(TIMING, quiet=parse_quiet_hours("10:00-14:00 UTC"))


def ids(messages: Sequence[Sequence[Delivery]]) -> list[list[int]]:
    """The deliveries of each message."""
    return [[one.id for one in message] for message in messages]


def test_one_code_is_one_message() -> None:
    """What opened is told apart from what closed, and first."""
    due = [
        delivery(1, kind=Kind.CLOSED),
        delivery(2, "did-nothing"),
        delivery(3, "ran-twice"),
        delivery(4, "did-nothing"),
    ]
    assert ids(plan(due, [], TIMING, NOW).messages) == [[2, 4], [3], [1]]


def test_quiet_hours_hold_what_does_not_break_through() -> None:
    """Until they end; outside of them all is sent."""
    due = [delivery(1, breaks=False), delivery(2, "ran-twice"), delivery(3, kind=Kind.CLOSED, breaks=False)]
    planned = plan(due, [], NIGHT, NOW)
    assert (ids(planned.messages), ids([planned.held])) == ([[2]], [[1, 3]])
    assert set(planned.until) == {NOW + timedelta(hours=2)}
    assert len(plan(due, [], NIGHT, NOW + timedelta(hours=2)).messages) == 3


def test_what_is_too_much_for_an_hour_is_one_message() -> None:
    """Twelve codes, none urgent, four an hour: two messages, one with all the rest, and one kept for what is urgent."""
    due = [delivery(number, f"code-{number:02}") for number in range(1, 13)]
    planned = plan(due, [], replace(TIMING, hourly=4), NOW)
    assert ids(planned.messages) == [[1], [2], list(range(3, 13))]
    assert not planned.held


def test_beyond_the_limit_deliveries_wait_until_the_hour_is_over() -> None:
    """The oldest message of the hour makes room."""
    sent = [NOW - 50 * MINUTE, NOW - 5 * MINUTE]
    planned = plan([delivery(1)], sent, replace(TIMING, hourly=2), NOW)
    assert (planned.messages, planned.until) == ([], [NOW + 10 * MINUTE])


def test_the_last_message_of_an_hour_is_for_what_is_urgent() -> None:
    """A page is sent where a warning waits; where the limit is one, whoever comes first has it."""
    sent = [NOW - 5 * MINUTE]
    page, warning = delivery(2, "function-failed", Severity.PAGE), delivery(1)
    limited = replace(TIMING, hourly=2)
    planned = plan([warning, page], sent, limited, NOW)
    assert (ids(planned.messages), ids([planned.held])) == ([[2]], [[1]])
    assert ids(plan([warning], [], replace(TIMING, hourly=1), NOW).messages) == [[1]]


DUE = st.lists(
    st.builds(
        delivery,
        st.integers(1, 10_000),
        st.sampled_from(["a", "b", "c", "d", "e"]),
        st.sampled_from(Severity),
        st.sampled_from(Kind),
        breaks=st.booleans(),
    ),
    unique_by=lambda one: one.id,
    max_size=40,
)


@given(DUE, st.lists(st.integers(0, 120), max_size=12), st.integers(1, 6), st.sampled_from([TIMING, NIGHT]))
def test_nothing_is_lost_and_no_limit_overrun(due: list[Delivery], ago: list[int], hourly: int, timing: object) -> None:
    """Each delivery is in one message or waits for a later time; an hour never sees more messages than it may."""
    assert timing in (TIMING, NIGHT)
    limited = replace(TIMING if timing == TIMING else NIGHT, hourly=hourly)
    sent = [NOW - minutes * MINUTE for minutes in ago]
    planned: Plan = plan(due, sent, limited, NOW)
    told = [one.id for message in planned.messages for one in message]
    assert sorted([*told, *(one.id for one in planned.held)]) == sorted(one.id for one in due)
    assert len(planned.held) == len(planned.until)
    assert all(until > NOW for until in planned.until)
    recent = [at for at in sent if NOW - at < timedelta(hours=1)]
    assert len(planned.messages) <= max(0, hourly - len(recent))
    if limited.quiet is not None:
        assert all(one.breaks for message in planned.messages for one in message)
