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
