"""The picture of a run: what became of its calls over time. Pure: rows and the time now in, fractions out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from tickover.localengine.pages.reader import Call, Pending, Run
from tickover.localengine.states import CallOutcome

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
_TICKS = (
    *(factor * power for power in (0.001, 0.01, 0.1) for factor in (1, 2, 5)),
    *(1.0, 2.0, 5.0, 10.0, 15.0, 30.0),
    *(factor * _MINUTE for factor in (1, 2, 5, 10, 15, 30)),
    *(factor * _HOUR for factor in (1, 2, 6, 12)),
    *(factor * _DAY for factor in (1, 2, 7, 30)),
)
_MOST_TICKS = 6
_NARROWEST = 0.002  # of the picture: what takes no time is still to be seen
_SHORTEST = timedelta(milliseconds=1)
_BAD = frozenset({CallOutcome.RETRIED, CallOutcome.FAILED, CallOutcome.STEP_FAILED})


class BarKind(StrEnum):
    """What a bar stands for."""

    WAIT = "wait"
    CALL = "call"
    SLEEP = "sleep"


@dataclass(frozen=True, slots=True)
class Bar:
    """A span of time; `left` and `width` are fractions of the picture, `open` that it has not ended."""

    kind: BarKind
    left: float
    width: float
    seconds: float
    bad: bool = False
    open: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A call, and the sleep that it led to.

    Args:
        label: the step, or what the function did.
        detail: its attempt and its outcome, in words.
        bars: in order of time.
        due_at: when it goes on; None where it has ended, is under way, or never does.
    """

    label: str
    detail: str
    bars: Sequence[Bar]
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The picture.

    Args:
        rows: in order.
        ticks: of the axis: fraction, and seconds since the beginning.
        seconds: that it shows.
    """

    rows: Sequence[Row]
    ticks: Sequence[tuple[float, float]]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Scale:
    begin: datetime
    span: timedelta

    def at(self, moment: datetime) -> float:
        return min(1.0, max(0.0, (moment - self.begin) / self.span))

    def bar(self, kind: BarKind, start: datetime, end: datetime, *, bad: bool = False, still: bool = False) -> Bar:
        left = min(self.at(start), 1 - _NARROWEST)
        width = max(self.at(end) - left, _NARROWEST)
        return Bar(kind, left, width, (end - start).total_seconds(), bad, still)


@dataclass(slots=True)
class _Sleeps:
    """Sleeps that have ended, each to be taken by the call that found it."""

    left: list[Call] = field(default_factory=list)

    def take(self, name: str | None) -> Call | None:
        found = next((call for call in self.left if call.name == name), None)
        if found is not None:
            self.left.remove(found)
        return found


def draw(run: Run, calls: Sequence[Call], pending: Sequence[Pending], now: datetime) -> Waterfall:
    """Draw a run.

    Args:
        run: which.
        calls: what became of its calls, in order.
        pending: what it waits for.
        now: the engine's time, up to which what has not ended is drawn.
    """
    end = max([run.ended_at or now, *(call.ended_at for call in calls)])
    span = max(end - run.created_at, _SHORTEST)
    scale = _Scale(run.created_at, span)
    sleeps = _Sleeps([call for call in calls if call.outcome == CallOutcome.WOKE])
    rows = [_row(call, scale, sleeps) for call in calls if call.outcome != CallOutcome.WOKE]
    rows += [_waiting(item, scale, now) for item in pending]
    return Waterfall(rows, list(_ticks(span.total_seconds())), span.total_seconds())


def _row(call: Call, scale: _Scale, sleeps: _Sleeps) -> Row:
    bad = call.outcome in _BAD
    bars = [
        scale.bar(BarKind.WAIT, call.queued_at, call.started_at),
        scale.bar(BarKind.CALL, call.started_at, call.ended_at, bad=bad),
    ]
    if call.outcome == CallOutcome.SLEPT and (sleep := sleeps.take(call.name)) is not None:
        bars.append(scale.bar(BarKind.SLEEP, sleep.started_at, sleep.ended_at))
    return Row(_label(call), ", ".join(_details(call)), bars)


def _label(call: Call) -> str:
    if call.name is not None:
        return call.name
    return "parallel steps" if call.outcome == CallOutcome.PLANNED else "function"


def _details(call: Call) -> Iterator[str]:
    if call.attempt:
        yield f"attempt {call.attempt + 1}"
    yield call.outcome.replace("_", " ")


def _waiting(item: Pending, scale: _Scale, now: datetime) -> Row:
    label = item.name or ("function" if item.step_id == "step" else "parallel step")
    attempt = f"attempt {item.attempt + 1}, " if item.attempt else ""
    if item.sleeps:
        return Row(label, "asleep", [scale.bar(BarKind.SLEEP, item.queued_at, now, still=True)], item.due_at)
    if item.called:
        return Row(label, f"{attempt}being called", [scale.bar(BarKind.CALL, item.queued_at, now, still=True)])
    waits = [scale.bar(BarKind.WAIT, item.queued_at, now, still=True)]
    return Row(label, f"{attempt}{'waiting' if item.due_at else 'never called'}", waits, item.due_at)


def _ticks(seconds: float) -> Iterator[tuple[float, float]]:
    """Round times, not too many."""
    step = next((step for step in _TICKS if seconds / step <= _MOST_TICKS), seconds)
    # Without the pinch, the last one may be missing for a number's sake.
    return ((number * step / seconds, number * step) for number in range(int(seconds / step + 1e-9) + 1))
