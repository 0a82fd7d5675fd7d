from tickover.localengine.states import MOVES, RunState


def test_every_state_has_its_moves() -> None:
    """The table is whole."""
    assert set(MOVES) == set(RunState)


def test_every_run_can_end_and_stays_ended() -> None:
    """Queued, running, and then one of two ends without a move."""
    ends = {state for state, nexts in MOVES.items() if not nexts}
    assert ends == {RunState.COMPLETED, RunState.FAILED}
    assert MOVES[RunState.QUEUED] == {RunState.RUNNING}
    assert MOVES[RunState.RUNNING] == ends
