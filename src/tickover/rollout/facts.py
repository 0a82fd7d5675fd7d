"""What is read from the ledger to judge a function's stage: values only. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Fate(StrEnum):
    """What became of an accepted event."""

    RAN = "ran"
    MISSED = "missed"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class HandedOver:
    """An obligation whose event the engine accepted.

    Args:
        dispatch_key: the tick.
        requested_at: when the tick came.
        accepted_at: when the engine took the event.
        started_at: when a run of it began, if one did.
        finished_at: when it ended, if it did.
        fate: what became of it.
        failed: it was run by the engine, and failed for good.
        twice: two executors were at it.
    """

    dispatch_key: str
    requested_at: datetime
    accepted_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    fate: Fate
    failed: bool
    twice: bool


@dataclass(frozen=True, slots=True)
class Shadowed:
    """A tick that was carried out inline and shadowed, as far as the comparison is known.

    Args:
        dispatch_key: the tick.
        requested_at: when it came.
        known_at: when it was known how the comparison ends, or would have to be.
        waiting: the comparison cannot be made yet: the shadow, or the inline work, may still end in time.
        faults: where the two differ, in words; none where they agree.
    """

    dispatch_key: str
    requested_at: datetime
    known_at: datetime
    waiting: bool
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueLook:
    """What a queue health responsibility said: when, and whether its alarm was on."""

    at: datetime
    stale: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a function's stage is judged by: what came since it stands there, the newest where there is much.

    Args:
        since: when it came to stand there.
        now: until when the ledger was read.
        ticks: when each tick of its route came.
        handed_over: its obligations that the engine accepted.
        shadowed: its ticks that were shadowed.
        queue: looks at the queue that it drains; None where it drains none.
        unreadable: why the ledger could not be read; None where it could. Nothing else counts then.
    """

    since: datetime
    now: datetime
    ticks: Sequence[datetime] = ()
    handed_over: Sequence[HandedOver] = ()
    shadowed: Sequence[Shadowed] = ()
    queue: Sequence[QueueLook] | None = None
    unreadable: str | None = None
