"""The table of job states is complete, and only the moves in it exist."""

import itertools

import pytest

from tickover.jobs.states import ENDED, LEADS_TO, MOVES, Ending, JobState

ALLOWED = {
    (JobState.SCHEDULED, JobState.QUEUED),
    (JobState.QUEUED, JobState.RUNNING),
    (JobState.RUNNING, JobState.SUCCEEDED),
    (JobState.RUNNING, JobState.QUEUED),
    (JobState.RUNNING, JobState.SCHEDULED),
    (JobState.RUNNING, JobState.DEAD),
    (JobState.DEAD, JobState.QUEUED),
    (JobState.QUEUED, JobState.QUEUED),
    (JobState.SCHEDULED, JobState.DISCARDED),
    (JobState.QUEUED, JobState.DISCARDED),
    (JobState.DEAD, JobState.DISCARDED),
}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(JobState, repeat=2)))
def test_i4_only_the_moves_written_down_are_allowed(before: JobState, after: JobState) -> None:
    """The table allows these eleven moves and no other."""
    assert (after in MOVES[before]) == ((before, after) in ALLOWED)


def test_every_state_has_its_moves() -> None:
    """No state is missing from the table."""
    assert set(MOVES) == set(JobState)


def test_i4_a_claimed_job_may_move_to_where_every_ending_leads() -> None:
    """Each ending leaves a job in a state that a running one may move to."""
    assert set(LEADS_TO) == set(Ending)
    assert set(LEADS_TO.values()) <= MOVES[JobState.RUNNING]


def test_i4_no_drain_takes_up_an_ended_job() -> None:
    """From an ended state no move leads to running."""
    assert all(JobState.RUNNING not in MOVES[state] for state in ENDED)
