"""What is to be done about a tick? Pure: values in, a decision with its reason out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from tickover.contract import Route
from tickover.ledger.states import State
from tickover.rollout.stages import Control, InForce, Stage, Switches, in_force, is_chosen, switched_off


class Mode(StrEnum):
    """How a tick is answered."""

    DISPATCH = "dispatch"
    INLINE = "inline"
    FALLBACK = "fallback"
    DUPLICATE = "duplicate"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and why.

    Args:
        mode: `dispatch` or `inline` for a new tick; `duplicate` or `inline` for one that is recorded already.
        reason: shown in the answer, and kept in the ledger.
        is_shadowed: the engine is to do it dry as well.
    """

    mode: Mode
    reason: str
    is_shadowed: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do about a new tick, function by function.

    Args:
        decisions: one for each function that it owes.
        switched_off: why all is inline whatever is set; None where what is set counts.
        idle: the functions for which nothing is due, so that nothing is owed.
    """

    decisions: Mapping[str, Decision]
    switched_off: str | None = None
    idle: tuple[str, ...] = ()

    @property
    def mode(self) -> Mode:
        """`dispatch` where anything is handed over, `idle` where nothing is owed."""
        if not self.decisions:
            return Mode.IDLE
        return Mode.DISPATCH if self._handed_over else Mode.INLINE

    @property
    def reason(self) -> str:
        """Why; where the functions' reasons differ, each with its own."""
        if not self.decisions:
            return "nothing is due"
        reasons = {decision.reason for decision in self.decisions.values()}
        if len(reasons) == 1:
            return reasons.pop()
        return "; ".join(f"{function}: {decision.reason}" for function, decision in self.decisions.items())

    def hands_over(self, function: str) -> bool:
        """Whether a function that is owed is handed to the engine."""
        return self.decisions[function].mode is Mode.DISPATCH

    def shadows(self, function: str) -> bool:
        """Whether the engine is to do a function's work dry, beside what is done here."""
        return self.decisions[function].is_shadowed

    def settled(self, circuit: Decision | None) -> Self:
        """The same with the circuit's word on what was to be handed over."""
        if circuit is None:
            return self
        return replace(self, decisions={**self.decisions, **dict.fromkeys(self._handed_over, circuit)})

    @property
    def _handed_over(self) -> list[str]:
        return [function for function in self.decisions if self.hands_over(function)]


def switches_of(route: Route, flags: Mapping[str, bool], withheld: str | None) -> Switches:
    """What stands above every control of a route.

    Args:
        route: whose.
        flags: the value of every route's flag and of the variable that beats it.
        withheld: why nothing may be sent from this environment; None where it may.
    """
    force = force_inline_name(route.flag)
    return Switches(route.flag, flags[route.flag], force, flags[force], withheld)


def decide(
    dispatch_key: str,
    switches: Switches,
    controls: Mapping[str, Control],
    *,
    idle: Collection[str] = (),
    is_verifying: bool = False,
) -> Plan:
    """What a new tick's work is to be handed to.

    Args:
        dispatch_key: the tick.
        switches: of its route.
        controls: what is set for each of its functions.
        idle: those for which nothing is due.
        is_verifying: it is fired to prove the durable way, so every canary takes it, and nothing is idle.
    """
    off = switched_off(switches)
    skipped = () if is_verifying else tuple(function for function in controls if function in idle)
    decisions = {
        function: _decide(in_force(switches.flag, off, control), dispatch_key, function, is_verifying=is_verifying)
        for function, control in controls.items()
        if function not in skipped
    }
    return Plan(decisions, off, skipped)


def _decide(counts: InForce, dispatch_key: str, function: str, *, is_verifying: bool) -> Decision:
    step, why = counts.step, counts.why
    if step.percent is not None:
        if is_verifying:
            return Decision(Mode.DISPATCH, f"a tick that proves the durable way, {why}")
        if is_chosen(step.percent, dispatch_key, function):
            return Decision(Mode.DISPATCH, f"one of the {step.percent} % of ticks that are durable, {why}")
        return Decision(Mode.INLINE, f"not one of the {step.percent} % of ticks that are durable, {why}")
    if step.stage is Stage.DURABLE:
        return Decision(Mode.DISPATCH, why)
    return Decision(Mode.INLINE, why, is_shadowed=step.stage is Stage.SHADOW)


def decide_again(state: State, *, stranded: bool) -> Decision:
    """What to do about an obligation of a tick that cron delivers again (invariant 11).

    Args:
        state: where it stands.
        stranded: it is owed, and the process that was to hand it over has not been heard of since.
    """
    if state == State.FAILED:
        return Decision(Mode.INLINE, "the tick came to nothing: it failed")
    if stranded:
        return Decision(Mode.INLINE, "the tick came to nothing: it was recorded and never handed over")
    return Decision(Mode.DUPLICATE, f"the tick is recorded already: {state}")


def force_inline_name(flag: str) -> str:
    """The variable that beats a route's flag: `BACKGROUND_JOBS_FORCE_INLINE` for `BACKGROUND_JOBS_USE_INNGEST`."""
    return f"{flag.removesuffix('_USE_INNGEST')}_FORCE_INLINE"
