"""One page: is every tick's work done, by whom, and if not, why?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from tickover import clock
from tickover.contract import Route
from tickover.insight.coverage import Cell, End
from tickover.insight.days import DAY, Day
from tickover.insight.function_days import FunctionNow
from tickover.insight.samples import QueueSample
from tickover.isolation.verdict import Verdict
from tickover.jobs.queue import QueueHealth
from tickover.ledger.evidence import Evidence
from tickover.look.words import clock as clock_time
from tickover.look.words import duration
from tickover.notices.notice import Notice
from tickover.rollout.stages import InForce
from tickover.ticks.circuit import Circuit
from tickover.ticks.findings import Finding
from tickover.ticks.housekeeping import examine
from tickover.web.dashboard.charts import Chart, lines
from tickover.web.served import Served

_HOUR = timedelta(hours=1)
_COUNTED_UP_TO = 1_000  # due jobs, each time that an open page asks
_POINTS = 240  # of a chart of a day
KINDS = {"well": "good", "late": "bad", "failing": "bad", "unknown": "quiet"}
"""How each word of health is shown."""


@dataclass(frozen=True, slots=True)
class RouteNow:
    """How a route is.

    Args:
        id: which.
        day: what became of its ticks.
        circuit: its way to the engine.
    """

    id: str
    day: Day
    circuit: Circuit

    @property
    def hours(self) -> Sequence["Hour"]:
        """Its cells, hour by hour."""
        rows: dict[datetime, list[Cell]] = {}
        for cell in self.day.cells:
            rows.setdefault(cell.at.replace(minute=0, second=0, microsecond=0), []).append(cell)
        usual = max((len(row) for row in rows.values()), default=0)
        return [_hour(at, row, usual) for at, row in rows.items()]


@dataclass(frozen=True, slots=True)
class Square:
    """A cell as it is drawn.

    Args:
        kind: what it looks like.
        key: of the tick that it leads to, as part of a path; empty where no tick came.
        words: what it says when pointed at.
    """

    kind: str
    key: str
    words: str


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of the picture of a day.

    Args:
        at: when it begins.
        before: cells there would be before the first one; the day begins within this hour.
        squares: those there are.
        after: cells there would be after the last one.
    """

    at: datetime
    before: int
    squares: Sequence["Square"]
    after: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that the page says.

    Args:
        routes: each with its day.
        functions: how each is, with where it stands.
        notices: what is wrong, and was confirmed.
        findings: what one look finds besides.
        samples: how the queue stood over the day, and stands now.
        due: how many jobs are due now, in words.
        verdict: on the environment.
    """

    routes: Sequence[RouteNow]
    functions: Sequence[tuple[FunctionNow, InForce]]
    notices: Sequence[Notice]
    findings: Sequence[Finding]
    samples: Sequence[QueueSample]
    due: str
    verdict: Verdict


async def look(served: Served) -> Overview:
    """Everything that the page says, as of now."""
    now = clock.now()
    routes = [await _route(served, route, now) for route in served.contract.routes]
    steps = await served.rollout.steps()
    functions = [(await served.insight.functions.now(f, now), steps[f.id]) for f in served.contract.functions]
    notices = await served.notices.open_now()
    known = {notice.code for notice in notices}
    findings = [finding for finding in await _findings(served, now) if finding.code not in known]
    health = await served.desk.queue.health(now, count_up_to=_COUNTED_UP_TO)
    samples = _with_now(await served.insight.samples.since(now - DAY), health, now)
    due = f"{health.due:,}{'+' if health.more else ''} due"
    return Overview(routes, functions, notices, findings, samples, due, await served.guard.verdict())


async def _findings(served: Served, now: datetime) -> list[Finding]:
    """What one look finds wrong."""
    findings = list(await served.rollout.held())
    for route in served.contract.routes:
        around = await served.notices.found_around(route)
        findings += [one for one in around if one not in findings]  # what the engine is refused is every route's
        findings += await examine(Evidence(served.database), route, now)
    return findings


async def _route(served: Served, route: Route, now: datetime) -> RouteNow:
    return RouteNow(route.id, await served.insight.days.day(route, now), (await served.breaker.look(route.id)).circuit)


def _with_now(samples: Sequence[QueueSample], health: QueueHealth, now: datetime) -> list[QueueSample]:
    """The samples, and how the queue stands now; where not all of it was counted, as many as the newest sample has."""
    age = 0.0 if health.oldest is None else max(0.0, (now - health.oldest.run_at).total_seconds())
    due = max(health.due, samples[-1].due) if health.more and samples else health.due
    return [*samples, QueueSample(now, due, age)]


def depth_chart(samples: Sequence[QueueSample]) -> Chart | None:
    """How many jobs were due over the day."""
    thinned = _thinned(samples)
    words = [f"{sample.due:,} due" for sample in thinned]
    return lines([sample.at for sample in thinned], {"first": [float(sample.due) for sample in thinned]}, words)


def age_chart(samples: Sequence[QueueSample]) -> Chart | None:
    """How long the oldest due job had waited over the day."""
    thinned = _thinned(samples)
    words = [f"the oldest had waited for {duration(sample.oldest_age_s)}" for sample in thinned]
    return lines([sample.at for sample in thinned], {"first": [sample.oldest_age_s for sample in thinned]}, words)


def _thinned(samples: Sequence[QueueSample]) -> list[QueueSample]:
    """At most so many samples: of several the one with the oldest job, so that no peak is lost."""
    size = -(-len(samples) // _POINTS) or 1
    return [
        max(samples[begin : begin + size], key=lambda sample: (sample.oldest_age_s, sample.due))
        for begin in range(0, len(samples), size)
    ]


def _hour(at: datetime, cells: Sequence[Cell], usual: int) -> Hour:
    """An hour, with room for the cells it lacks, so that the same minute stands in the same place in all of them."""
    room = usual - len(cells)
    before = min(room, int((cells[0].at - at) / _HOUR * usual))
    return Hour(at, before, [_square(cell) for cell in cells], room - before)


def _square(cell: Cell) -> Square:
    by = f", {cell.path}" if cell.path else ""
    more = f", the worst of {cell.ticks}" if cell.ticks > 1 else ""
    kind = (cell.path or "none") if cell.end is End.DONE else str(cell.end)
    return Square(kind, quote(cell.dispatch_key or ""), f"{clock_time(cell.at)} UTC: {cell.end}{by}{more}")
