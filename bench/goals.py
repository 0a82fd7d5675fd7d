"""Goals, and whether the figures meet them. Pure."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.rounds import Record


@dataclass(frozen=True)
class Spread:
    """The values of one figure over all rounds.

    Args:
        median: of them.
        least: the lowest.
        most: the highest.
    """

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        """The spread of some values, or None where there are none."""
        return cls(statistics.median(values), min(values), max(values)) if values else None


def by_round(records: Sequence[Record], bench: str, side: str, figure: str) -> dict[int, list[float]]:
    """The values of a figure, by round."""
    found: dict[int, list[float]] = {}
    for record in records:
        if (record["bench"], record["side"]) == (bench, side) and figure in record:
            found.setdefault(record["round"], []).append(float(record[figure]))
    return found


def values(records: Sequence[Record], bench: str, side: str, figure: str, over: str | None = None) -> list[float]:
    """The values of a figure in all rounds; with `over`, each round's median over that of another side in it."""
    mine = by_round(records, bench, side, figure)
    if over is None:
        return [value for number in mine for value in mine[number]]
    others = by_round(records, bench, over, figure)
    return [statistics.median(mine[number]) / statistics.median(others[number]) for number in mine if number in others]


def p95(of: Sequence[float]) -> float:
    """The value that 95 % of them do not exceed."""
    return sorted(of)[math.ceil(0.95 * len(of)) - 1]


def p05(of: Sequence[float]) -> float:
    """The value that 95 % of them reach."""
    return sorted(of)[len(of) - math.ceil(0.95 * len(of))]


_STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "median": statistics.median,
    "p95": p95,
    "p05": p05,
    "most": max,
}


@dataclass(frozen=True)
class Goal:
    """What a figure is to be.

    Args:
        text: in words.
        bench: where it is measured.
        side: of whom.
        figure: which one.
        over: the side it is divided by, round by round.
        at_least: its lower limit; or
        at_most: its upper limit.
        by: which statistic of its values counts.
    """

    text: str
    bench: str
    side: str
    figure: str
    over: str | None = None
    at_least: float = -math.inf
    at_most: float = math.inf
    by: str = "median"


@dataclass(frozen=True)
class Verdict:
    """How a goal stands.

    Args:
        goal: which one.
        seen: the statistic that counts, or None where nothing was measured.
        spread: of all values.
    """

    goal: Goal
    seen: float | None
    spread: Spread | None

    @property
    def missed(self) -> bool:
        """Whether it was measured and is not met."""
        return self.seen is not None and not self.goal.at_least <= self.seen <= self.goal.at_most


def judge(goals: Sequence[Goal], records: Sequence[Record]) -> list[Verdict]:
    """How each goal stands, in order."""
    verdicts = []
    for goal in goals:
        found = values(records, goal.bench, goal.side, goal.figure, goal.over)
        seen = _STATISTICS[goal.by](found) if found else None
        verdicts.append(Verdict(goal, seen, Spread.of(found)))
    return verdicts


def broken(records: Sequence[Record]) -> list[str]:
    """What failed of Tickover's own, or of the bare loop: then a goal that was not measured is not met either."""
    return [
        f"{record['bench']}, {record['side']}: {record['failed']}"
        for record in records
        if "failed" in record and str(record["side"]).startswith(("tickover", "bare"))
    ]


_FIFO, _FAIR = "tickover fifo", "tickover fair"
_50_MS, _MIXED = "tickover fair, 50 ms", "tickover fair, 1 ms to 3 s"

GOALS: tuple[Goal, ...] = (
    Goal("drain, FIFO, over the bare loop", "drain", _FIFO, "rate", "bare", at_least=0.8),
    Goal("drain, fair, over the bare loop", "drain", _FAIR, "rate", "bare", at_least=0.65),
    Goal("drain, FIFO, over pgqueuer", "drain", _FIFO, "rate", "pgqueuer", at_least=2),
    Goal("drain, fair, over pgqueuer", "drain", _FAIR, "rate", "pgqueuer", at_least=2),
    Goal("commits a job, FIFO", "drain", _FIFO, "commits", at_most=0.02),
    Goal("commits a job, fair", "drain", _FAIR, "commits", at_most=0.02),
    Goal("bytes of WAL a job, FIFO", "drain", _FIFO, "wal", at_most=900),
    Goal("bytes of WAL a job, fair", "drain", _FAIR, "wal", at_most=900),
    Goal("bulk enqueue over the bare one", "enqueue", "tickover", "rate", "bare", at_least=0.6),
    *(
        goal
        for side in (_50_MS, _MIXED)
        for goal in (
            Goal(
                f"budget, {side}: ms beyond one handler, p95", "slice", side, "beyond_handler_ms", at_most=20, by="p95"
            ),
            Goal(f"budget, {side}: left claimed, most", "slice", side, "claimed", at_most=0, by="most"),
            Goal(f"budget, {side}: ms to the first job, p95", "slice", side, "first_ms", at_most=30, by="p95"),
            Goal(f"budget, {side}: share used, p5", "slice", side, "used", at_least=0.95, by="p05"),
        )
    ),
    Goal("depth, FIFO, over the clean rate", "depth", _FIFO, "kept", at_least=0.9),
    Goal("depth, fair, over the clean rate", "depth", _FAIR, "kept", at_least=0.8),
    Goal("peak MiB of a long drain", "memory", "tickover", "mib", at_most=100, by="most"),
    Goal("small clients' jobs left after one slice, most", "fairness", "tickover", "small_left", at_most=0, by="most"),
    Goal("fair over FIFO beside one big client", "fairness", "tickover", "kept", at_least=0.8),
    Goal("cost of many clients over one", "fairness", "tickover", "times", at_most=2),
    Goal("prune over one big DELETE", "prune", "tickover", "rate_ratio", at_least=0.7),
    Goal("p99 beside a prune over undisturbed", "prune", "tickover", "p99_ratio", at_most=2),
    Goal("tick over a bare send", "tick", "tickover", "times", at_most=1.5),
)
