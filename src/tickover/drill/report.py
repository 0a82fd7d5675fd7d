"""The report of a drill: one self-contained page, with a timeline of each case."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from tickover import clock
from tickover.drill.contract import RESPONSIBILITIES
from tickover.drill.evidence import Evidence
from tickover.drill.game import Result

_WIDTH, _LEFT, _ROW, _TOP = 960.0, 190.0, 24.0, 30.0
_LEAST = 2.5  # width of a mark at least, so that a run of a millisecond is seen
_TICKS_NAMED = 10  # marks on the axis


@dataclass(frozen=True, slots=True)
class Mark:
    """A run of a responsibility, in the picture's units."""

    x: float
    y: float
    width: float
    path: str
    title: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The picture of a case, in units of its own.

    Args:
        width: of the whole.
        height: of the whole.
        rows: responsibilities, each with the height of its line.
        marks: their runs.
        ticks: where cron fired, with how that was answered.
        axis: where seconds are named.
        faults: from where to where something was broken.
        kills: where a process was killed.
    """

    width: float
    height: float
    rows: Sequence[tuple[str, float]]
    marks: Sequence[Mark]
    ticks: Sequence[tuple[float, str, str]]
    axis: Sequence[tuple[float, str]]
    faults: Sequence[tuple[float, float]]
    kills: Sequence[float]


def write_report(file: Path, results: Sequence[Result]) -> None:
    """Write the page.

    Args:
        file: where.
        results: of every case, in order.
    """
    environment = Environment(
        loader=PackageLoader("tickover.drill"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    style = files("tickover.drill").joinpath("templates/report.css").read_text()
    pages = [(result, result.evidence and timeline(result.evidence)) for result in results]
    text = environment.get_template("report.html").render(
        pages=pages, style=style, at=f"{clock.now():%Y-%m-%d %H:%M} UTC", left=_LEFT
    )
    file.write_text(text)


def timeline(evidence: Evidence) -> Timeline:
    """The picture of what a case left behind."""
    span = max((evidence.ended - evidence.began).total_seconds(), 1.0)
    scale = (_WIDTH - _LEFT - 10) / span

    def x(moment: datetime) -> float:
        return round(_LEFT + max(0.0, (moment - evidence.began).total_seconds()) * scale, 1)

    height = _TOP + len(RESPONSIBILITIES) * _ROW + 26
    return Timeline(
        width=_WIDTH,
        height=height,
        rows=[(name, _TOP + index * _ROW) for index, name in enumerate(RESPONSIBILITIES)],
        marks=list(_marks(evidence, x_of=x, scale=scale)),
        ticks=[
            (x(a.slot), a.mode or "unanswered", f"{a.slot:%H:%M:%S} {a.status} {a.mode or ''}")
            for a in evidence.answers
        ],
        axis=_axis(span, scale),
        faults=[(x(since), max(_LEAST, x(until) - x(since))) for since, until in evidence.faults],
        kills=[x(at) for at in evidence.kills],
    )


def _marks(evidence: Evidence, x_of: Callable[[datetime], float], scale: float) -> Iterator[Mark]:
    for run in evidence.runs:
        if run.responsibility not in RESPONSIBILITIES:
            continue
        y = _TOP + RESPONSIBILITIES.index(run.responsibility) * _ROW
        title = f"{run.responsibility}: {run.path}, {run.duration_ms:.0f} ms, {run.changed} changed"
        path = "failed" if run.error else run.path
        yield Mark(x_of(run.started_at), y, max(_LEAST, round(run.duration_ms / 1000 * scale, 1)), path, title)


def _axis(span: float, scale: float) -> list[tuple[float, str]]:
    step = max(1, round(span / _TICKS_NAMED))
    return [(_LEFT + second * scale, str(timedelta(seconds=second))[2:]) for second in range(0, int(span) + 1, step)]
