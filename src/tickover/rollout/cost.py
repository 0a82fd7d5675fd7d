"""What the durable way costs at the engine: requests, events and executions, by stage. Pure.

An execution is a run or a step of one. A run of Tickover's takes no steps (`engine/functions.py`), so it is one
execution, and one more for each further attempt: plans differ in whether they count those, and the larger figure is
told. A tick that is handed over is one request, with an event for each function, and another for those that are
shadowed; the engine's calls are requests too.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Self

from tickover.contract import Route
from tickover.rollout.stages import CANARIES, DURABLE, INLINE, SHADOW, Stage, Step

STEPS = (INLINE, SHADOW, *CANARIES, DURABLE)
"""The steps that are compared."""

NOW = "now"
"""The row that says what it costs where functions stand now."""

DAYS = 30
"""Of a month."""

_DAY = timedelta(days=1)
_ENOUGH = 6  # ticks before a rhythm is taken from them


@dataclass(frozen=True, slots=True)
class Cost:
    """What something costs.

    Args:
        requests: sends of ours, and calls of the engine.
        events: that the engine takes.
        executions: runs and steps, further attempts included.
    """

    requests: float = 0.0
    events: float = 0.0
    executions: float = 0.0

    def __add__(self, other: Self) -> "Cost":
        return Cost(self.requests + other.requests, self.events + other.events, self.executions + other.executions)

    def times(self, count: float) -> "Cost":
        """So many of them."""
        return Cost(self.requests * count, self.events * count, self.executions * count)

    def as_json(self) -> dict[str, float]:
        """The figures, to the hundredth."""
        return {
            "requests": round(self.requests, 2),
            "events": round(self.events, 2),
            "executions": round(self.executions, 2),
        }


@dataclass(frozen=True, slots=True)
class Habit:
    """How a function behaves, as the ledger has it; without one, as the contract says.

    Args:
        function: its id.
        attempts: per run that the engine made, 1 at least.
        continuations: per tick that was handed over.
        idle: the share of ticks at which nothing was due for it, 0 to 1.
    """

    function: str
    attempts: float = 1.0
    continuations: float = 0.0
    idle: float = 0.0


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a route's ticks come.

    Args:
        a_day: ticks; None where nobody knows.
        source: who says so, in words.
    """

    a_day: float | None
    source: str


def rhythm(route: Route, seen: int, over: timedelta, asked: timedelta | None = None) -> Rhythm:
    """How many ticks a day a route has: as was asked for, as declared, or as seen.

    Args:
        route: whose.
        seen: ticks in the ledger; fewer than six tell nothing.
        over: the time from the first to the last of them.
        asked: the interval that is to be reckoned with, if any.
    """
    if asked is not None:
        return Rhythm(_DAY / asked, f"every {asked.total_seconds():g} s, as asked")
    if route.every is not None:
        return Rhythm(_DAY / route.every, f"every {route.every.total_seconds():g} s, as declared")
    if seen >= _ENOUGH and over > timedelta():
        gap = over / (seen - 1)
        return Rhythm(_DAY / gap, f"every {gap.total_seconds():.0f} s, as the last {seen} came")
    return Rhythm(None, "how often it fires is not known: declare Route(every=…), or say --every")


def per_tick(steps: Sequence[Step], habits: Sequence[Habit]) -> Cost:
    """What a tick of a route costs, on the average.

    Args:
        steps: where each function stands.
        habits: of the same functions.
    """
    shares = [_share(step) * (1 - habit.idle) for step, habit in zip(steps, habits, strict=True)]
    nothing_sent = {False: 1.0, True: 1.0}  # shadows are sent by themselves
    cost = Cost()
    for step, habit, share in zip(steps, habits, shares, strict=True):
        is_dry = step.stage is Stage.SHADOW
        nothing_sent[is_dry] *= 1 - share
        runs = 1.0 if is_dry else 1 + habit.continuations
        executions = runs if is_dry else runs * habit.attempts
        # A continuation is a tick of its own: one more send, one more event.
        cost += Cost(executions + (runs - 1), runs, executions).times(share)
    return cost + Cost(requests=len(nothing_sent) - sum(nothing_sent.values()))


def _share(step: Step) -> float:
    """Of how many ticks a function's event is sent, 0 to 1."""
    if step.stage is Stage.INLINE:
        return 0.0
    return 1.0 if step.percent is None else step.percent / 100


@dataclass(frozen=True, slots=True)
class RouteCost:
    """What one route costs.

    Args:
        route: its id.
        rhythm: how often its ticks come.
        habits: how its functions behave.
        now: where each function stands; None where that is not known.
    """

    route: str
    rhythm: Rhythm
    habits: Sequence[Habit]
    now: Sequence[Step] | None

    def rows(self) -> dict[str, Cost]:
        """What a tick costs with all functions at each step, and where they stand now."""
        rows = {str(step): per_tick([step] * len(self.habits), self.habits) for step in STEPS}
        return rows if self.now is None else rows | {NOW: per_tick(self.now, self.habits)}

    def a_month(self, row: str) -> Cost | None:
        """What a row is in a month; None where nobody knows how often it fires, or where it stands."""
        found = self.rows().get(row)
        return None if found is None or self.rhythm.a_day is None else found.times(self.rhythm.a_day * DAYS)

    def as_json(self) -> dict[str, Any]:
        """The figures as a JSON object."""
        months = {row: self.a_month(row) for row in self.rows()}
        return {
            "route": self.route,
            "ticksADay": self.rhythm.a_day,
            "rhythm": self.rhythm.source,
            "perTick": {row: cost.as_json() for row, cost in self.rows().items()},
            "perMonth": {row: None if month is None else month.as_json() for row, month in months.items()},
            "functions": [asdict(habit) for habit in self.habits],
        }


def is_doubled(steps: Sequence[Step]) -> bool:
    """Whether work is done twice, inline and dry beside it."""
    return any(step.stage is Stage.SHADOW for step in steps)
