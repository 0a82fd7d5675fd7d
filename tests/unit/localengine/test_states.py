"""The table of run states is complete, and only the moves in it exist."""

import itertools

import pytest

from tickover.localengine.states import MOVES, RunState

ALLOWED = {
    (RunState.QUEUED, RunState.RUNNING),
    (RunState.RUNNING, RunState.COMPLETED),
    (RunState.RUNNING, RunState.FAILED),
}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(RunState, repeat=2)))
def test_only_the_moves_written_down_are_allowed(before: RunState, after: RunState) -> None:
    """The table allows these three moves and no other."""
    assert (after in MOVES[before]) == ((before, after) in ALLOWED)


def test_every_state_has_its_moves() -> None:
    """No state is missing from the table."""
    assert set(MOVES) == set(RunState)
