"""What is counted in a function's evidence, for the gates and for the way back alike. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from tickover.rollout.facts import Facts, Fate, HandedOver, Shadowed
from tickover.rollout.limits import Limits

NAMED = 3
"""Dispatch keys, or differences, that a text names."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a function is judged by.

    Args:
        limits: those of its stage.
        start_by: how long after acceptance its run may begin.
        deadline: how long after its start it may take.
    """

    limits: Limits
    start_by: timedelta
    deadline: timedelta

    @property
    def start_p95(self) -> timedelta:
        """The limit of the time from acceptance to start."""
        return self.limits.start_p95 or self.start_by

    @property
    def duration_p95(self) -> timedelta:
        """The limit of the time from start to end."""
        return self.limits.duration_p95 or self.deadline


def percentile_95(values: Sequence[float]) -> float:
    """The 95th percentile by nearest rank: the smallest value that at least 95 % of them do not exceed.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("no values have no percentile")
    return sorted(values)[math.ceil(len(values) * 0.95) - 1]


def known(facts: Facts) -> list[HandedOver]:
    """The accepted events whose fate is known."""
    return [run for run in facts.handed_over if run.fate != Fate.WAITING]


def ended(runs: Sequence[HandedOver]) -> list[HandedOver]:
    """Those that the engine ran, and that have ended."""
    return [run for run in runs if run.fate == Fate.RAN and run.finished_at is not None]


def failure_rate(runs: Sequence[HandedOver]) -> float:
    """The share of runs that failed for good, 0 to 1; of at least one."""
    return sum(run.failed for run in runs) / len(runs)


def start_delays(runs: Sequence[HandedOver]) -> list[float]:
    """Seconds from acceptance to start; a run may begin before its acceptance is recorded."""
    begun = [run for run in runs if run.fate == Fate.RAN]
    return [max(0.0, (r.started_at - r.accepted_at).total_seconds()) for r in begun if r.started_at is not None]


def durations(runs: Sequence[HandedOver]) -> list[float]:
    """Seconds from start to end."""
    return [
        (run.finished_at - run.started_at).total_seconds()
        for run in ended(runs)
        if run.started_at is not None and run.finished_at is not None
    ]


def disagreeing(shadowed: Sequence[Shadowed]) -> list[Shadowed]:
    """Those that differ from what inline did."""
    return [one for one in shadowed if one.faults]


def compared(facts: Facts) -> list[Shadowed]:
    """The shadowed ticks whose comparison is known."""
    return [one for one in facts.shadowed if not one.waiting]


def differences(bad: Sequence[Shadowed]) -> str:
    """In what the newest of those that differ differs; of at least one."""
    newest = max(bad, key=lambda one: one.requested_at)
    return f"{newest.dispatch_key}: {'; '.join(newest.faults[:NAMED])}"
