from itertools import product

import pytest

from tickover.outreach.states import MOVES, DraftState, sources

ALLOWED = {
    ("pending", "approved"),
    ("pending", "rejected"),
    ("approved", "sending"),
    ("approved", "rejected"),
    ("sending", "sent"),
    ("sending", "approved"),
    ("sending", "rejected"),
}


@pytest.mark.parametrize(("state", "target"), list(product(DraftState, DraftState)))
def test_every_pair_left_out_of_the_table_is_refused(state: DraftState, target: DraftState) -> None:
    """A draft moves along the seven allowed pairs and no other; to stand still is no move."""
    assert (state in sources(target)) is ((str(state), str(target)) in ALLOWED)


def test_every_state_stands_in_the_table() -> None:
    """A state that is added must say where it leads."""
    assert set(MOVES) == set(DraftState)
