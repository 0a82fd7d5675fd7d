from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tickover.ledger.facts import Refusal
from tickover.ledger.states import ENDED, State
from tickover.ticks.continuation import next_key
from tickover.ticks.decision import Mode, decide, decide_again, force_inline_name
from tickover.ticks.watchdog import cause

FLAG = "BACKGROUND_JOBS_USE_INNGEST"


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
    decision = decide(FLAG, flag_on=flag_on, force_inline=force_inline)
    assert (decision.mode, decision.reason) == (mode, reason)


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
