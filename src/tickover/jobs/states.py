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
    DISCARDED = "discarded"


class Ending(StrEnum):
    """What became of a job that a drain had claimed."""

    SUCCEEDED = "succeeded"
    RETRIED = "retried"
    DEAD = "dead"
    HANDED_BACK = "handed_back"


MOVES: Mapping[JobState, frozenset[JobState]] = {
    # its time has come, or it was told to run now · discarded by hand
    JobState.SCHEDULED: frozenset({JobState.QUEUED, JobState.DISCARDED}),
    # a drain claimed it · told to run now, it goes before the others · discarded by hand
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.QUEUED, JobState.DISCARDED}),
    # done · failed, and attempted again later · handed back, or its lease expired · no attempt left, or no handler
    JobState.RUNNING: frozenset({JobState.SUCCEEDED, JobState.SCHEDULED, JobState.QUEUED, JobState.DEAD}),
    JobState.SUCCEEDED: frozenset(),
    # requeued by hand · discarded by hand
    JobState.DEAD: frozenset({JobState.QUEUED, JobState.DISCARDED}),
    JobState.DISCARDED: frozenset(),
}

LEADS_TO: Mapping[Ending, JobState] = {
    Ending.SUCCEEDED: JobState.SUCCEEDED,
    Ending.RETRIED: JobState.SCHEDULED,
    Ending.DEAD: JobState.DEAD,
    Ending.HANDED_BACK: JobState.QUEUED,
}
"""The state an ending leaves a job in."""

ENDED = frozenset({JobState.SUCCEEDED, JobState.DEAD, JobState.DISCARDED})
"""No drain claims a job in one of these."""


class Act(StrEnum):
    """What somebody may do to jobs by hand."""

    REQUEUE = "requeue"
    """Due again, with all its attempts."""
    DISCARD = "discard"
    """Never to be run; the row is kept as long as one that succeeded."""
    RUN_NOW = "run_now"
    """Due at once, and before the other jobs of its client."""


ACTS_ON: Mapping[Act, frozenset[JobState]] = {
    Act.REQUEUE: frozenset({JobState.DEAD}),
    Act.DISCARD: frozenset({JobState.SCHEDULED, JobState.QUEUED, JobState.DEAD}),
    Act.RUN_NOW: frozenset({JobState.SCHEDULED, JobState.QUEUED}),
}
"""The states in which a job can be acted on; in any other the act is refused."""

ACT_LEADS_TO: Mapping[Act, JobState] = {
    Act.REQUEUE: JobState.QUEUED,
    Act.DISCARD: JobState.DISCARDED,
    Act.RUN_NOW: JobState.QUEUED,
}
"""The state an act leaves a job in."""


def refusal(act: Act, state: JobState | None) -> str | None:
    """Why a job in some state cannot be acted on; None where it can.

    Args:
        act: what is to be done.
        state: the job's; None where there is no such job.
    """
    if state is None:
        return "there is no such job"
    if state in ACTS_ON[act]:
        return None
    possible = ", ".join(sorted(ACTS_ON[act]))
    return f"it is {state}; {act.replace('_', ' ')} is for jobs that are {possible}"
