"""The states of a draft, every move that is allowed, and the other closed lists of the schema. Pure."""

from collections.abc import Mapping
from enum import StrEnum


class DraftState(StrEnum):
    """Where a draft stands."""

    PENDING = "pending"
    APPROVED = "approved"
    SENDING = "sending"
    SENT = "sent"
    REJECTED = "rejected"


MOVES: Mapping[DraftState, frozenset[DraftState]] = {
    # a person, or a clear case, let it go · a person turned it down
    DraftState.PENDING: frozenset({DraftState.APPROVED, DraftState.REJECTED}),
    # a job took it up · withdrawn, or its lead has opted out
    DraftState.APPROVED: frozenset({DraftState.SENDING, DraftState.REJECTED}),
    # its message went out · recovered: stuck, and no message went out · its lead opted out at the last moment
    DraftState.SENDING: frozenset({DraftState.SENT, DraftState.APPROVED, DraftState.REJECTED}),
    DraftState.SENT: frozenset(),
    DraftState.REJECTED: frozenset(),
}


def sources(target: DraftState) -> list[str]:
    """The states from which a draft may move to `target`."""
    return [str(state) for state, nexts in MOVES.items() if target in nexts]


class Direction(StrEnum):
    """Who wrote a message: the lead, or we."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Channel(StrEnum):
    """How a message travels."""

    EMAIL = "email"
    SMS = "sms"


class Source(StrEnum):
    """Where a memory comes from: a person, the system, or a guess from what somebody wrote."""

    MANUAL = "manual"
    SYSTEM = "system"
    INFERENCE = "inference"


class Interest(StrEnum):
    """What a message says about the lead's interest."""

    INTERESTED = "interested"
    DECLINED = "declined"
    UNCLEAR = "unclear"
