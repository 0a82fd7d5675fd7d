"""The states of an act on many jobs, its moves, and what is decided of it. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from tickover.errors import JobFilterError
from tickover.jobs.filters import JobFilter
from tickover.jobs.states import ACTS_ON, Act, JobState, refusal


class BulkState(StrEnum):
    """Where an act on many jobs stands."""

    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"


MOVES: Mapping[BulkState, frozenset[BulkState]] = {
    # told to stop, while somebody is at it · while nobody is · nothing left · the database refused it
    BulkState.RUNNING: frozenset({BulkState.STOPPING, BulkState.STOPPED, BulkState.DONE, BulkState.FAILED}),
    # whoever was at it has seen it, or is gone · the database refused it
    BulkState.STOPPING: frozenset({BulkState.STOPPED, BulkState.FAILED}),
    BulkState.STOPPED: frozenset(),
    BulkState.DONE: frozenset(),
    BulkState.FAILED: frozenset(),
}

UNENDED = frozenset({BulkState.RUNNING, BulkState.STOPPING})
"""Somebody has to go on with an act in one of these."""


def sources(act: Act, asked: JobFilter) -> frozenset[JobState]:
    """The states of the jobs that are acted on.

    Args:
        act: what is done.
        asked: to which jobs.

    Raises:
        JobFilterError: it names a state in which none can be acted on.
    """
    if asked.state is None:
        return ACTS_ON[act]
    if (why := refusal(act, asked.state)) is not None:
        raise JobFilterError(f"no job of that state can be acted on: {why}")
    return frozenset({asked.state})


def after_batch(state: BulkState, *, is_last: bool) -> BulkState:
    """Where an act stands after one more batch.

    Args:
        state: as it stood when the batch began.
        is_last: whether no job is left below its place.
    """
    if state is BulkState.STOPPING:
        return BulkState.STOPPED
    return BulkState.DONE if is_last else state


def share(from_id: int, position: int, lowest_id: int) -> float:
    """How much of what there was has been looked at, from 0 to 1.

    Args:
        from_id: where the act began; it walks down from there.
        position: how far it has come.
        lowest_id: where there is nothing below.
    """
    whole = from_id - lowest_id
    return 1.0 if whole <= 0 else min(max((from_id - position) / whole, 0.0), 1.0)
