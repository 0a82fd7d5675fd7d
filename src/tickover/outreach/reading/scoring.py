"""How promising a lead is. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

_BASE = 20
_PER_MESSAGE, _MOST_FOR_MESSAGES = 5, 25
_PER_INTEREST, _MOST_FOR_INTEREST = 20, 40
_PER_REFUSAL = 25
_RECENT, _STALE = timedelta(days=3), timedelta(days=30)
_FOR_RECENT, _FOR_STALE = 15, -15


@dataclass(frozen=True, slots=True)
class LeadFacts:
    """What is known about a lead.

    Args:
        opted_out: wants no further message.
        inbound: messages received from it.
        interested: how many of them showed interest.
        declined: how many of them turned us down.
        last_inbound_at: when the newest of them came, aware; None without one.
    """

    opted_out: bool
    inbound: int
    interested: int
    declined: int
    last_inbound_at: datetime | None


def score(facts: LeadFacts, now: datetime) -> int:
    """A lead's score, from 0 (leave alone) to 100 (call today)."""
    if facts.opted_out or facts.last_inbound_at is None:
        return 0
    quiet = now - facts.last_inbound_at
    points = (
        _BASE
        + min(_PER_MESSAGE * facts.inbound, _MOST_FOR_MESSAGES)
        + min(_PER_INTEREST * facts.interested, _MOST_FOR_INTEREST)
        - _PER_REFUSAL * facts.declined
        + (_FOR_RECENT if quiet <= _RECENT else _FOR_STALE if quiet >= _STALE else 0)
    )
    return max(0, min(100, points))
