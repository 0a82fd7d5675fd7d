"""The states of a run of the local engine, and every move that is allowed. Pure."""

from collections.abc import Mapping
from enum import StrEnum


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


MOVES: Mapping[RunState, frozenset[RunState]] = {
    # its first call is made
    RunState.QUEUED: frozenset({RunState.RUNNING}),
    # the function returned · it failed for good
    RunState.RUNNING: frozenset({RunState.COMPLETED, RunState.FAILED}),
    RunState.COMPLETED: frozenset(),
    RunState.FAILED: frozenset(),
}


class CallOutcome(StrEnum):
    """What became of one call, as its row in the history tells."""

    RETURNED = "returned"
    STEP = "step"
    STEP_FAILED = "step_failed"
    PLANNED = "planned"
    SLEPT = "slept"
    WOKE = "woke"
    RETRIED = "retried"
    FAILED = "failed"
