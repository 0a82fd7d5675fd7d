from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tickover.ledger.facts import Refusal
from tickover.ledger.states import ENDED, State
from tickover.rollout.stages import DURABLE, INLINE, SHADOW, Control, Stage, Step, Switches, is_chosen
from tickover.ticks.continuation import next_key
from tickover.ticks.decision import Decision, Mode, decide, decide_again, force_inline_name
from tickover.ticks.trouble import cause

FLAG = "BACKGROUND_JOBS_USE_INNGEST"
ON = Switches(FLAG, True, "BACKGROUND_JOBS_FORCE_INLINE", False)  # noqa: FBT003 - as the class names them


def control(function: str, step: Step) -> Control:
    """What somebody has set."""
    return Control(function, step.stage, step.percent, 1, "ada", "a reason")


@pytest.mark.parametrize(
    ("flag_on", "force_inline", "mode", "reason"),
    [
        (False, False, Mode.INLINE, f"{FLAG} is off"),
        (True, False, Mode.DISPATCH, f"{FLAG} is on"),
        (True, True, Mode.INLINE, "BACKGROUND_JOBS_FORCE_INLINE is on"),
        (False, True, Mode.INLINE, "BACKGROUND_JOBS_FORCE_INLINE is on"),
    ],
)
def test_i7_the_next_tick_follows_the_switches(flag_on: bool, force_inline: bool, mode: Mode, reason: str) -> None:
    """Only the flag, and nothing that forces inline, hands a tick over; the reason names the variable."""
    switches = Switches(FLAG, flag_on, "BACKGROUND_JOBS_FORCE_INLINE", force_inline)
    plan = decide("k", switches, {"process": Control("process"), "maintain": Control("maintain")})
    assert (plan.mode, plan.reason) == (mode, reason)


@pytest.mark.parametrize(
    ("step", "mode", "is_shadowed"),
    [(INLINE, Mode.INLINE, False), (SHADOW, Mode.INLINE, True), (DURABLE, Mode.DISPATCH, False)],
)
def test_i7_each_function_follows_what_is_set_for_it(step: Step, mode: Mode, is_shadowed: bool) -> None:
    """One is moved and the other is not: each goes its own way, and the tick's reason names both."""
    plan = decide("k", ON, {"process": control("process", step), "maintain": Control("maintain")})
    assert (plan.hands_over("process"), plan.shadows("process")) == (mode is Mode.DISPATCH, is_shadowed)
    assert plan.hands_over("maintain")
    assert plan.mode is Mode.DISPATCH
    assert plan.reason == f"process: set by ada: a reason; maintain: {FLAG} is on"


def test_i7_a_canary_hands_over_the_ticks_that_it_chose() -> None:
    """Of many ticks some go each way, by the tick alone, and the reason says which."""
    plans = {n: decide(f"k{n}", ON, {"process": control("process", Step(Stage.CANARY, 25))}) for n in range(200)}
    for n, plan in plans.items():
        assert plan.hands_over("process") == is_chosen(25, f"k{n}", "process")
        assert plan.reason.startswith("one of the 25 %" if plan.mode is Mode.DISPATCH else "not one of the 25 %")
    assert {plan.mode for plan in plans.values()} == {Mode.DISPATCH, Mode.INLINE}


def test_every_canary_takes_a_tick_that_is_fired_to_prove_the_durable_way() -> None:
    """`tickover verify` proves it at every share; what stands further back is not handed over for its sake."""
    controls = {"process": control("process", Step(Stage.CANARY, 1)), "maintain": control("maintain", SHADOW)}
    plans = [decide(f"k{n}", ON, controls, is_verifying=True) for n in range(50)]
    assert all(plan.hands_over("process") and not plan.hands_over("maintain") for plan in plans)


def test_the_circuit_turns_only_what_was_to_be_handed_over() -> None:
    """An open circuit has no say about what is done inline anyway."""
    plan = decide("k", ON, {"process": control("process", SHADOW), "maintain": Control("maintain")})
    turned = plan.settled(Decision(Mode.INLINE, "the circuit is open"))
    assert turned.mode is Mode.INLINE
    assert turned.shadows("process")
    assert turned.reason == "process: set by ada: a reason; maintain: the circuit is open"
    assert plan.settled(None) is plan


def test_each_route_has_its_own_rollback_switch() -> None:
    """The variable is made from the flag's name."""
    assert force_inline_name("REPORTS_USE_INNGEST") == "REPORTS_FORCE_INLINE"


@pytest.mark.parametrize("state", State)
def test_i11_only_what_came_to_nothing_is_taken_up_anew(state: State) -> None:
    """A failed obligation is, and an owed one whose dispatch went silent; everything else is alive or done."""
    assert (decide_again(state, stranded=False).mode is Mode.INLINE) == (state is State.FAILED)
    assert decide_again(State.OWED, stranded=True).mode is Mode.INLINE


def test_a_continuation_is_numbered_and_bounded() -> None:
    """Keys count up, and end at the bound."""
    assert next_key("r:v1:60:t", 2) == "r:v1:60:t+1"
    assert next_key("r:v1:60:t+1", 2) == "r:v1:60:t+2"
    assert next_key("r:v1:60:t+2", 2) is None
    assert next_key("r:v1:60:t", 0) is None


@pytest.mark.parametrize("state", sorted(set(State) - ENDED))
def test_every_way_of_being_late_has_a_cause_of_its_own(state: State) -> None:
    """What the watchdog can find has a text that helps, and tells a retrying, an interrupted and a dead one apart."""
    assert cause(state, ())
    assert cause(state, ()) not in {cause(other, ()) for other in set(State) - ENDED - {state}}


def test_f02_refused_calls_are_the_cause_of_what_never_starts() -> None:
    """With calls of the engine being answered 401, the cause names the variable to check, and what was seen."""
    at = datetime(2026, 11, 24, tzinfo=UTC)
    refusal = Refusal("engine", "signature", "calls signed with another key are answered 401", 12, at, at)
    why = cause(State.ACCEPTED, [refusal])
    assert "INNGEST_SIGNING_KEY" in why
    assert "12 requests refused" in why
    assert cause(State.OWED, [refusal]) == cause(State.OWED, ())
    assert cause(State.ACCEPTED, [replace(refusal, endpoint="cron", cause="cron-secret")]) == cause(State.ACCEPTED, ())
