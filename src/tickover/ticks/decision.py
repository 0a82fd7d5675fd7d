"""What is to be done about a tick? Pure: values in, a decision with its reason out."""

from dataclasses import dataclass
from enum import StrEnum

from tickover.ledger.states import State


class Mode(StrEnum):
    """How a tick is answered."""

    DISPATCH = "dispatch"
    INLINE = "inline"
    FALLBACK = "fallback"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and why.

    Args:
        mode: `dispatch` or `inline` for a new tick; `duplicate` or `inline` for one that is recorded already.
        reason: shown in the answer, and kept in the ledger.
    """

    mode: Mode
    reason: str


def decide(flag: str, *, flag_on: bool, force_inline: bool, withheld: str | None = None) -> Decision:
    """What a new tick's work is to be handed to.

    Args:
        flag: the name of the route's flag.
        flag_on: whether it is on.
        force_inline: whether the route's switch for rolling back at once is on; it beats the flag.
        withheld: why nothing may be sent from this environment; None where it may.
    """
    if force_inline:
        return Decision(Mode.INLINE, f"{force_inline_name(flag)} is on")
    if not flag_on:
        return Decision(Mode.INLINE, f"{flag} is off")
    if withheld is not None:
        return Decision(Mode.INLINE, f"nothing is sent: {withheld}")
    return Decision(Mode.DISPATCH, f"{flag} is on")


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
