"""What is decided of an act on many jobs."""

import itertools

import pytest

from tickover.errors import JobFilterError
from tickover.jobs.bulk_states import MOVES, UNENDED, BulkState, after_batch, share, sources
from tickover.jobs.filters import JobFilter
from tickover.jobs.states import ACT_LEADS_TO, ACTS_ON, Act, JobState, refusal
from tickover.jobs.states import MOVES as JOB_MOVES


def test_every_state_has_its_moves_and_those_that_ended_have_none() -> None:
    """What is unended can be ended."""
    assert set(MOVES) == set(BulkState)
    assert {state for state, nexts in MOVES.items() if nexts} == UNENDED
    assert all(MOVES[state] - UNENDED for state in UNENDED)


@pytest.mark.parametrize(("state", "is_last"), list(itertools.product(sorted(UNENDED), [False, True])))
def test_a_batch_leads_nowhere_but_where_the_table_allows(state: BulkState, is_last: bool) -> None:
    """To stay as it is is no move; a stop is seen whether or not there is more to do."""
    after = after_batch(state, is_last=is_last)
    assert after is state or after in MOVES[state]
    assert (after is BulkState.STOPPED) == (state is BulkState.STOPPING)
    assert (after is BulkState.DONE) == (state is BulkState.RUNNING and is_last)


@pytest.mark.parametrize(("act", "state"), list(itertools.product(Act, JobState)))
def test_acts_are_moves_of_the_table(act: Act, state: JobState) -> None:
    """From each state in which an act is possible the table leads to where it leads; from others it is refused."""
    if state in ACTS_ON[act]:
        assert ACT_LEADS_TO[act] in JOB_MOVES[state]
        assert refusal(act, state) is None
        assert sources(act, JobFilter(state=state)) == {state}
    else:
        assert f"it is {state}" in str(refusal(act, state))
        with pytest.raises(JobFilterError, match=f"it is {state}"):
            sources(act, JobFilter(state=state))


def test_without_a_state_an_act_is_on_all_it_can_be_on() -> None:
    """And a job that is not there is told so."""
    assert sources(Act.DISCARD, JobFilter(kind="a")) == {JobState.SCHEDULED, JobState.QUEUED, JobState.DEAD}
    assert refusal(Act.DISCARD, None) == "there is no such job"


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ((101, 101, 1), 0.0),
        ((101, 51, 1), 0.5),
        ((101, 1, 1), 1.0),
        ((1, 1, 0), 0.0),
        ((1, 0, 0), 1.0),
        ((5, 5, 5), 1.0),
    ],
)
def test_a_share_lies_between_nothing_and_all(place: tuple[int, int, int], expected: float) -> None:
    """By ids, from where it began down to the lowest there was."""
    assert share(*place) == expected
