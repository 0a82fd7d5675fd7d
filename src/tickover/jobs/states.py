"""The states of a job, the ways an attempt may end, and every move that is allowed. Pure."""

from collections.abc import Mapping
from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    DEAD = "dead"


class Ending(StrEnum):
    """What became of a job that a drain had claimed."""

    SUCCEEDED = "succeeded"
    RETRIED = "retried"
    DEAD = "dead"
    HANDED_BACK = "handed_back"


MOVES: Mapping[JobState, frozenset[JobState]] = {
    # its time has come
    JobState.SCHEDULED: frozenset({JobState.QUEUED}),
    # a drain claimed it
    JobState.QUEUED: frozenset({JobState.RUNNING}),
    # done · failed, and attempted again later · handed back, or its lease expired · no attempt left, or no handler
    JobState.RUNNING: frozenset({JobState.SUCCEEDED, JobState.SCHEDULED, JobState.QUEUED, JobState.DEAD}),
    JobState.SUCCEEDED: frozenset(),
    # requeued by hand
    JobState.DEAD: frozenset({JobState.QUEUED}),
}

LEADS_TO: Mapping[Ending, JobState] = {
    Ending.SUCCEEDED: JobState.SUCCEEDED,
    Ending.RETRIED: JobState.SCHEDULED,
    Ending.DEAD: JobState.DEAD,
    Ending.HANDED_BACK: JobState.QUEUED,
}
"""The state an ending leaves a job in."""

ENDED = frozenset({JobState.SUCCEEDED, JobState.DEAD})
"""No drain claims a job in one of these."""
