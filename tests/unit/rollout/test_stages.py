import math
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.errors import ControlError
from tickover.rollout.stages import (
    CANARIES,
    DURABLE,
    INLINE,
    MOVES,
    SHADOW,
    Control,
    InForce,
    Stage,
    Step,
    Switches,
    in_force,
    is_chosen,
    next_step,
    require_move,
    switched_off,
)

STEPS = (None, INLINE, SHADOW, *CANARIES, DURABLE)


def control(step: Step | None, *, held: bool = False, rolled_back: bool = False) -> Control:
    """What somebody has set."""
    if step is None:
        return Control("process")
    return Control("process", step.stage, step.percent, 3, "ada", "a reason", held=held, rolled_back=rolled_back)


def switches(*, is_on: bool = True, is_forced: bool = False, withheld: str | None = None) -> Switches:
    """The route's variables."""
    return Switches("JOBS_USE_INNGEST", is_on, "JOBS_FORCE_INLINE", is_forced, withheld)


@pytest.mark.parametrize("step", STEPS)
def test_i7_the_switches_stand_above_whatever_is_set(step: Step | None) -> None:
    """Forced inline beats all, then the flag, then the environment; each says so."""
    for set_so, why in (
        (switches(is_forced=True, is_on=False), "JOBS_FORCE_INLINE is on"),
        (switches(is_forced=True, withheld="a preview"), "JOBS_FORCE_INLINE is on"),
        (switches(is_on=False, withheld="a preview"), "JOBS_USE_INNGEST is off"),
        (switches(withheld="a preview"), "nothing is sent: a preview"),
    ):
        off = switched_off(set_so)
        assert in_force("JOBS_USE_INNGEST", off, control(step)) == InForce(INLINE, why)
    assert switched_off(switches()) is None


def test_what_was_set_counts_below_the_flag_and_says_by_whom() -> None:
    """Nothing set is durable; a function that is held says so."""
    assert in_force("JOBS_USE_INNGEST", None, control(None)).step == DURABLE
    assert in_force("JOBS_USE_INNGEST", None, control(CANARIES[0])).step == CANARIES[0]
    assert in_force("JOBS_USE_INNGEST", None, control(INLINE, held=True)).why == "set by ada, held: a reason"


@pytest.mark.parametrize(("before", "after"), list(product(STEPS, [step for step in STEPS if step])))
def test_every_move_that_is_not_in_the_table_is_refused(before: Step | None, after: Step) -> None:
    """The error says where the function may go instead."""
    stage = None if before is None else before.stage
    if after.stage in MOVES[stage]:
        require_move(control(before), after)
    else:
        with pytest.raises(ControlError, match="from where it may move to"):
            require_move(control(before), after)


def test_forward_is_one_step_at_a_time() -> None:
    """Inline, shadow, 5 %, 25 %, durable; and then nothing."""
    seen, step = [], INLINE
    while (following := next_step(control(step))) is not None:
        require_move(control(step), following)
        seen.append(str(following))
        step = following
    assert seen == ["shadow", "canary 5 %", "canary 25 %", "durable"]


def test_after_a_rollback_the_way_forward_begins_at_the_first_canary() -> None:
    """The shadow has been seen already."""
    assert next_step(control(INLINE, rolled_back=True)) == CANARIES[0]


def test_a_share_of_ones_own_goes_on_with_the_next_larger_one() -> None:
    """40 % is followed by all."""
    assert next_step(control(Step(Stage.CANARY, 10))) == CANARIES[1]
    assert next_step(control(Step(Stage.CANARY, 40))) == DURABLE


def test_what_nobody_moves_has_no_way_forward() -> None:
    """The error says how to begin."""
    with pytest.raises(ControlError, match="tickover rollout begin process"):
        next_step(control(None))


@pytest.mark.parametrize(
    ("stage", "percent"), [(Stage.CANARY, None), (Stage.INLINE, 5), (Stage.CANARY, 0), (Stage.CANARY, 100)]
)
def test_a_step_that_makes_no_sense_is_refused(stage: Stage, percent: int | None) -> None:
    """A canary without a share, a share of anything else, none, and all."""
    with pytest.raises(ControlError):
        Step(stage, percent)


@given(key=st.text(), function=st.text(), percent=st.integers(1, 99))
def test_i7_a_tick_that_was_chosen_stays_chosen_as_the_share_grows(key: str, function: str, percent: int) -> None:
    """The same answer each time, and never a tick that goes back when the share grows."""
    assert is_chosen(percent, key, function) == is_chosen(percent, key, function)
    assert not is_chosen(percent, key, function) or is_chosen(min(99, percent + 7), key, function)


@pytest.mark.parametrize("percent", [1, 5, 25, 50, 99])
@pytest.mark.parametrize("function", ["process-background-jobs", "background-maintenance"])
def test_a_share_is_exact_over_a_day_within_the_sampling_error(percent: int, function: str) -> None:
    """Of the 1,440 minutes of a day, for keys as the clock makes them, within four standard deviations."""
    day = datetime(2026, 11, 26, tzinfo=UTC)
    keys = [f"background-jobs:v1:60:{(day + timedelta(minutes=n)).isoformat()}" for n in range(1440)]
    share = percent / 100
    chosen = sum(is_chosen(percent, key, function) for key in keys)
    assert abs(chosen - 1440 * share) <= 4 * math.sqrt(1440 * share * (1 - share))


def test_each_function_has_ticks_of_its_own() -> None:
    """Two functions of one route do not go the durable way at the same ticks only."""
    keys = [f"k{n}" for n in range(1000)]
    one, other = ({key for key in keys if is_chosen(25, key, function)} for function in ("process", "maintain"))
    assert len(one & other) < min(len(one), len(other)) / 2
