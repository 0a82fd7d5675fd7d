"""A whole rollout under faults, again and again: ten thousand ticks, and two broken controllers that are noticed."""

from collections.abc import Sequence

import pytest

from tests.simulation.checks import BrokenInvariantError
from tests.simulation.moving import BAD, roll_out
from tickover.rollout import controller
from tickover.rollout.gates import Gate, Verdict, overall
from tickover.rollout.stages import CANARIES, DURABLE

SEEDS = (1, 2, 3)
FUNCTIONS = 4


@pytest.mark.timeout(600)
def test_i7_ten_thousand_ticks_of_rollouts_with_faults_at_every_stage() -> None:
    """Forward only on evidence that onlookers saw, back within two windows of bad evidence, nothing lost or doubled."""
    worlds = [roll_out(seed) for seed in SEEDS]
    assert sum(world.ticks for world in worlds) >= 10_000
    for world in worlds:
        back = [move for move in world.moves if move[2] == "inline" and move[1] != "None"]
        assert len(back) == len(world.went_back_after) == FUNCTIONS * sum(map(len, BAD.values()))
        assert {move[1] for move in back} == {"shadow", *map(str, CANARIES), "durable"}
        assert all(world.model.read_control(function.id).step == DURABLE for function in world.contract.functions)
        assert world.checks.by_path["durable"] > 1000


def test_a_controller_that_takes_silence_for_consent_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inconclusive gates count as passed: a function advances before anything is known."""

    def lenient(gates: Sequence[Gate]) -> Verdict:
        return Verdict.FAIL if overall(gates) is Verdict.FAIL else Verdict.PASS

    monkeypatch.setattr(controller, "overall", lenient)
    with pytest.raises(BrokenInvariantError, match=r"7: .* went from shadow to canary 5 % on|without evidence"):
        roll_out(1)


def test_a_controller_that_never_goes_back_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No evidence is ever bad enough."""
    monkeypatch.setattr(controller, "breach", lambda *_: None)
    with pytest.raises(BrokenInvariantError, match=r"7: .* stands at shadow after two windows of call-never"):
        roll_out(1)
