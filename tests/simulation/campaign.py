"""Scenario after scenario: what one breaks, and the smallest that breaks the same."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from tests.simulation.checks import BrokenInvariantError
from tests.simulation.model import Model
from tests.simulation.scenario import Scenario, shrink
from tests.simulation.world import TICKS_AT_LEAST, play

_BATCH = 20  # scenarios that a worker plays before it tells


@dataclass
class Batch:
    """What became of a batch of scenarios."""

    ticks: int = 0
    by_path: Counter[str] = field(default_factory=Counter)
    failed: int | None = None


def quiet() -> None:
    """No logs: they would take most of the time."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)


def broken(scenario: Scenario, model: type[Model] = Model) -> str | None:
    """Which invariant a scenario breaks, in words; None where none."""
    try:
        play(scenario, model)
    except BrokenInvariantError as error:
        return str(error)
    return None


def smallest(seed: int, model: type[Model] = Model) -> tuple[Scenario, str]:
    """The smallest scenario that breaks the same invariant as that of a seed, and how."""
    first = broken(Scenario.of(seed), model) or ""

    def fails(scenario: Scenario) -> bool:
        return (broken(scenario, model) or "").partition(":")[0] == first.partition(":")[0]

    found = shrink(Scenario.of(seed), fails)
    return found, broken(found, model) or first


def play_batch(seeds: Sequence[int]) -> Batch:
    """Play the scenarios of these seeds; stops at the first that breaks something."""
    quiet()
    batch = Batch()
    for seed in seeds:
        try:
            played = play(Scenario.of(seed))
        except BrokenInvariantError:
            batch.failed = seed
            break
        batch.ticks += played.ticks
        batch.by_path.update(played.by_path)
    return batch


def batches(ticks: int, first: int) -> list[range]:
    """Seeds, in so many batches that at least so many ticks are played.

    Args:
        ticks: at least.
        first: the first seed.
    """
    count = -(-ticks // (TICKS_AT_LEAST * _BATCH))
    return [range(first + n * _BATCH, first + (n + 1) * _BATCH) for n in range(count)]
