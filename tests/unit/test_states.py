from itertools import product

import pytest

from tickover.ledger.states import CLAIMABLE, DONE, ENDED, MOVES, State


def test_every_state_has_its_moves() -> None:
    """The table is whole."""
    assert set(MOVES) == set(State)


def test_every_state_can_end() -> None:
    """From each state a path of moves leads to an end (invariant 2)."""
    reachable = {state: set(nexts) for state, nexts in MOVES.items()}
    for via, a in product(State, State):
        if via in reachable[a]:
            reachable[a] |= reachable[via]
    assert all(state in ENDED or reachable[state] & DONE for state in State)


@pytest.mark.parametrize("state", sorted(DONE))
def test_what_is_done_stays_done(state: State) -> None:
    """No move leads out of a success."""
    assert MOVES[state] == frozenset()


def test_a_claim_wins_what_may_run_and_is_not_running() -> None:
    """The claim's list is made from the table."""
    assert {State.OWED, State.ACCEPTED, State.RETRYING, State.INTERRUPTED, State.FAILED} == CLAIMABLE
