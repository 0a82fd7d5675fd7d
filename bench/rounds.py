"""Rounds in which the sides take turns, and how long they will still take."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.steps import ONCE, Figures, StepFailedError

Record = Mapping[str, Any]
"""The figures of one step, with its `bench`, `side` and `round`; or why it has none, in `failed`."""


@dataclass(frozen=True)
class Step:
    """One measurement.

    Args:
        number: of its round, from 0.
        bench: what is measured.
        side: of whom.
        act: measures.
    """

    number: int
    bench: str
    side: str
    act: Callable[[], list[Figures]]

    @property
    def kind(self) -> tuple[str, str]:
        """What takes about as long in every round."""
        return self.bench, self.side


def plan(benches: Mapping[str, Mapping[str, Callable[[], list[Figures]]]], rounds: int) -> list[Step]:
    """All steps in order: in each round every bench, its sides in turn, each round beginning with another side."""
    steps: list[Step] = []
    for number in range(rounds):
        for bench, sides in benches.items():
            if bench in ONCE and number > 0:
                continue
            names = list(sides)
            first = number % len(names) if names else 0
            steps.extend(Step(number, bench, name, sides[name]) for name in names[first:] + names[:first])
    return steps


def seconds_left(took: Mapping[tuple[str, str], Sequence[float]], ahead: Sequence[Step]) -> float | None:
    """How long the steps ahead will take, by what steps took so far; None before there is one.

    A kind that has not been seen yet counts as the mean of those that have.
    """
    if not took:
        return None
    typical = {kind: statistics.mean(seconds) for kind, seconds in took.items()}
    mean = statistics.mean(typical.values())
    return sum(typical.get(step.kind, mean) for step in ahead)


def carry_out(steps: Sequence[Step], rounds: int, say: Callable[[str], None]) -> Iterator[Record]:
    """Take the steps one by one, telling what is under way. A step that fails is recorded, and not tried again.

    Args:
        steps: in order.
        rounds: how many there are in all.
        say: shows a line of progress.
    """
    took: dict[tuple[str, str], list[float]] = {}
    broken: set[tuple[str, str]] = set()
    for place, step in enumerate(steps):
        if step.kind in broken:
            continue
        left = seconds_left(took, steps[place:])
        rest = "" if left is None else f", about {left / 60:.1f} min left"
        say(f"round {step.number + 1}/{rounds}, step {place + 1}/{len(steps)}{rest}: {step.bench}, {step.side}")
        begin = time.monotonic()
        about = {"bench": step.bench, "side": step.side, "round": step.number}
        try:
            for figures in step.act():
                yield {**about, **figures}
        except StepFailedError as error:
            broken.add(step.kind)
            say(f"  failed: {error}")
            yield {**about, "failed": str(error)}
        took.setdefault(step.kind, []).append(time.monotonic() - begin)
