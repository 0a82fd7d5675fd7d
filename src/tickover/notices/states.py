"""The states of a notice and of a delivery, and every move that is allowed. Pure.

`docs/notices.md` explains them.
"""

from collections.abc import Mapping
from enum import StrEnum


class NoticeState(StrEnum):
    """Where a notice stands."""

    SUSPECTED = "suspected"
    OPEN = "open"
    FADING = "fading"
    CLOSED = "closed"
    DISMISSED = "dismissed"


MOVES: Mapping[NoticeState, frozenset[NoticeState]] = {
    # it stood for its confirmation time · it was a blip
    NoticeState.SUSPECTED: frozenset({NoticeState.OPEN, NoticeState.DISMISSED}),
    # it is not seen any more
    NoticeState.OPEN: frozenset({NoticeState.FADING}),
    # it came back · it has been away for long enough
    NoticeState.FADING: frozenset({NoticeState.OPEN, NoticeState.CLOSED}),
    NoticeState.CLOSED: frozenset(),
    NoticeState.DISMISSED: frozenset(),
}

LIVE = frozenset(state for state, nexts in MOVES.items() if nexts)
"""There is one notice of a cause at most in one of these."""

TOLD = frozenset({NoticeState.OPEN, NoticeState.FADING})
"""Somebody was told of a notice in one of these, or is to be."""


class Kind(StrEnum):
    """What a delivery says of its notice."""

    OPENED = "opened"
    CLOSED = "closed"


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    DUE = "due"
    SENT = "sent"
    ABANDONED = "abandoned"


DELIVERY_MOVES: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    # the destination took it · it refused it for a day
    DeliveryState.DUE: frozenset({DeliveryState.SENT, DeliveryState.ABANDONED}),
    # whoever had claimed it was slow: somebody else gave it up meanwhile
    DeliveryState.ABANDONED: frozenset({DeliveryState.SENT}),
    DeliveryState.SENT: frozenset(),
}


class Severity(StrEnum):
    """Whether somebody has to get up."""

    PAGE = "page"
    WARN = "warn"
