from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.contract import Function, Responsibility, Route
from tickover.execution.run import Run, Summary
from tickover.rollout.cost import NOW, Cost, Habit, RouteCost, is_doubled, per_tick, rhythm
from tickover.rollout.stages import CANARIES, DURABLE, INLINE, SHADOW

MINUTE = timedelta(minutes=1)
PLAIN = (Habit("process"), Habit("maintain"))


async def body(_: Run) -> Summary:
    """What never runs here."""
    raise AssertionError


def route(every: timedelta | None = None) -> Route:
    """A route with one function."""
    function = Function("process", "a/process.requested", (Responsibility("drain", body),))
    return Route("jobs", "JOBS_USE_INNGEST", ("drain",), (function,), every=every)


def test_inline_costs_nothing_at_the_engine() -> None:
    """Nothing is sent, whatever the functions are like."""
    assert per_tick([INLINE, INLINE], [Habit("process", 3.0, 5.0), Habit("maintain")]) == Cost()


def test_a_durable_tick_is_one_send_an_event_and_a_run_for_each_function() -> None:
    """Two functions: one send and two calls, two events, two runs without steps."""
    assert per_tick([DURABLE, DURABLE], PLAIN) == Cost(requests=3, events=2, executions=2)


def test_a_shadow_costs_what_durable_costs_beside_the_inline_work() -> None:
    """And no more: it is neither retried nor continued."""
    habits = [Habit("process", 2.0, 4.0), Habit("maintain")]
    assert per_tick([SHADOW, SHADOW], habits) == Cost(3, 2, 2)
    assert is_doubled([INLINE, SHADOW])
    assert not is_doubled([INLINE, DURABLE, *CANARIES])


def test_what_is_shadowed_is_sent_by_itself() -> None:
    """One function is durable and another a shadow: two sends, two calls."""
    assert per_tick([DURABLE, SHADOW], PLAIN) == Cost(requests=4, events=2, executions=2)


def test_a_canary_costs_its_share() -> None:
    """Each function chooses its own ticks, so a send is needed where either does."""
    cost = per_tick([CANARIES[1], CANARIES[1]], PLAIN)
    assert (cost.events, cost.executions) == (0.5, 0.5)
    assert cost.requests == pytest.approx(0.5 + 1 - 0.75 * 0.75)


def test_attempts_and_continuations_are_counted() -> None:
    """Half of the runs are made twice, and each tick is continued twice: three runs of one and a half attempts."""
    cost = per_tick([DURABLE], [Habit("process", attempts=1.5, continuations=2.0)])
    assert cost == Cost(requests=1 + 4.5 + 2, events=3, executions=4.5)


def test_an_idle_tick_costs_nothing() -> None:
    """All of them idle: nothing; half of them: half."""
    assert per_tick([DURABLE, DURABLE], [Habit("process", idle=1.0), Habit("maintain", idle=1.0)]) == Cost()
    assert per_tick([DURABLE], [Habit("process", idle=0.5)]) == Cost(1, 0.5, 0.5)


@pytest.mark.parametrize(
    ("declared", "seen", "over", "asked", "a_day", "source"),
    [
        (MINUTE, 100, timedelta(hours=2), timedelta(seconds=10), 8640, "as asked"),
        (MINUTE, 100, timedelta(hours=2), None, 1440, "as declared"),
        (None, 61, timedelta(hours=1), None, 1440, "as the last 61 came"),
        (None, 7, timedelta(days=6), None, 1, "as the last 7 came"),
        (None, 5, timedelta(seconds=8), None, None, "is not known"),
        (None, 1, timedelta(), None, None, "is not known"),
        (None, 0, timedelta(), None, None, "is not known"),
    ],
)
def test_the_rhythm_is_asked_declared_or_seen(
    declared: timedelta | None, seen: int, over: timedelta, asked: timedelta | None, a_day: float | None, source: str
) -> None:
    """In that order; where nobody knows, that is said and not guessed."""
    found = rhythm(route(declared), seen, over, asked)
    assert found.a_day == (None if a_day is None else pytest.approx(a_day))
    assert source in found.source


def test_a_minutely_tick_of_two_functions_fills_a_plan() -> None:
    """86,400 executions a month; at 5 %, 4,320; where it fires is not known, nothing is reckoned."""
    found = RouteCost("jobs", rhythm(route(MINUTE), 0, timedelta()), PLAIN, [DURABLE, INLINE])
    durable, canary, now = (found.a_month(row) for row in (str(DURABLE), str(CANARIES[0]), NOW))
    assert durable is not None
    assert canary is not None
    assert now is not None
    assert (durable.executions, round(canary.executions), now.executions) == (86_400, 4_320, 43_200)
    unknown = RouteCost("jobs", rhythm(route(), 0, timedelta()), PLAIN, None)
    assert unknown.a_month(str(DURABLE)) is None
    assert NOW not in unknown.rows()
    assert unknown.as_json()["perMonth"][str(DURABLE)] is None


HABITS = st.builds(Habit, st.just("f"), st.floats(1, 5), st.floats(0, 20), st.floats(0, 1))


@given(habits=st.lists(HABITS, min_size=1, max_size=6))
def test_each_step_forward_costs_at_least_as_much(habits: list[Habit]) -> None:
    """And no function is cheaper for having others beside it than its own events and runs."""
    rows = [per_tick([step] * len(habits), habits) for step in (INLINE, *CANARIES, DURABLE)]
    for smaller, larger in pairwise(rows):
        assert smaller.executions <= larger.executions + 1e-9
        assert smaller.requests <= larger.requests + 1e-9
    alone = sum((per_tick([DURABLE], [habit]) for habit in habits), Cost())
    assert rows[-1].events == pytest.approx(alone.events)
    assert rows[-1].requests <= alone.requests + 1e-9
