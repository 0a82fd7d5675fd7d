"""Is every tick's work done, and by whom? Pure: the ticks of a day in, a sentence and a row of cells out."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import median

ENOUGH_TICKS = 6
"""Before an interval is taken from what was seen."""

_TOLERANCE = 1.5  # intervals of silence, beyond which a tick is missing
_LATEST = 2.0  # intervals the newest tick may be away: the next may be on its way


class End(StrEnum):
    """What became of a tick."""

    DONE = "done"
    FAILED = "failed"
    OPEN = "open"
    MISSING = "missing"
    IDLE = "idle"


def end_of(owed: int, failed: int, unended: int) -> End:
    """What became of a tick, from what became of what it owes.

    Args:
        owed: how many functions it owes.
        failed: how many of these failed.
        unended: how many have not ended.
    """
    if owed == 0:
        return End.IDLE
    if failed:
        return End.FAILED
    return End.OPEN if unended else End.DONE


_WORST = (End.MISSING, End.FAILED, End.OPEN, End.DONE, End.IDLE)


@dataclass(frozen=True, slots=True)
class TickFate:
    """A tick as cron fired it, and what became of all that it owes.

    Args:
        dispatch_key: its name.
        at: when it came.
        path: the most telling one of those that carried it out; None where none has.
        end: what became of it.
        twice: whether two executors were at the same work of it; one was fenced off.
    """

    dispatch_key: str
    at: datetime
    path: str | None
    end: End
    twice: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """The ticks that are looked at.

    Args:
        since: after when they came.
        until: the time until which another could have come.
        ticks: in the order in which they came.
        earlier: the newest few from before, in that order: a silence may have begun with the last of them.
    """

    since: datetime
    until: datetime
    ticks: Sequence[TickFate]
    earlier: Sequence[TickFate] = ()

    @property
    def moments(self) -> Sequence[datetime]:
        """When the ticks came, and the last one before them."""
        return [tick.at for tick in (*self.earlier[-1:], *self.ticks)]


@dataclass(frozen=True, slots=True)
class Cell:
    """A tick in the picture of a day, or several that are drawn as one.

    Args:
        at: when it came, or should have come.
        path: as of the tick; of several, of the one that ended worst.
        end: as of the tick; of several, the worst.
        dispatch_key: where it leads; None where no tick came.
        ticks: how many it stands for.
    """

    at: datetime
    path: str | None
    end: End
    dispatch_key: str | None
    ticks: int = 1


@dataclass(frozen=True, slots=True)
class Coverage:
    """What became of a route's ticks.

    Args:
        expected: ticks that came, and those that should have come.
        done: whose work was carried out; those that found nothing to do among them.
        paths: how many were carried out by each path.
        idle: how many of those that are done found nothing to do.
        failed: whose work came to nothing.
        open: whose work is under way, or waits.
        missing: that never came.
        twice: at which two executors were.
        longest_gap: between two ticks, or since the newest, the last one before the span among them; None where none
            has ever come.
        since: when the first of them came.
        interval: between ticks, declared or usual; None where too few have come.
    """

    expected: int
    done: int
    paths: Mapping[str, int]
    idle: int
    failed: int
    open: int
    missing: int
    twice: int
    longest_gap: timedelta | None
    since: datetime | None
    interval: timedelta | None

    @property
    def is_whole(self) -> bool:
        """Whether every tick came, and its work is done or under way."""
        return self.failed == 0 and self.missing == 0

    @property
    def sentence(self) -> str:
        """In words.

        *1,440 ticks expected, 1,440 done: 1,431 durable, 6 inline, 3 fallback, 0 twice, longest gap 61 s*
        """
        if self.expected == 0 and self.longest_gap is not None:
            return f"no tick has come for {self.longest_gap.total_seconds():.0f} s"
        if self.expected == 0:
            return "no tick has come yet"
        by = [f"{self.paths.get(path, 0):,} {path}" for path in ("durable", "inline", "fallback")]
        by += [f"{self.paths[path]:,} by {path}" for path in ("recovery",) if self.paths.get(path)]
        by += [f"{self.idle:,} with nothing due"] if self.idle else []
        rest = [f"{n:,} {word}" for n, word in self._rest() if n]
        gap = "" if self.longest_gap is None else f", longest gap {self.longest_gap.total_seconds():.0f} s"
        other = f"; {', '.join(rest)}" if rest else ""
        said = f"{self.expected:,} ticks expected, {self.done:,} done: {', '.join(by)}, {self.twice:,} twice{gap}"
        return said + other

    def _rest(self) -> Sequence[tuple[int, str]]:
        return (self.missing, "never came"), (self.failed, "failed"), (self.open, "under way")


def interval_of(every: timedelta | None, span: Span) -> timedelta | None:
    """How often a tick is due: as declared, or as is usual where enough have come.

    Args:
        every: as declared.
        span: what is usual.
    """
    if every is not None:
        return every
    came = [tick.at for tick in (*span.earlier, *span.ticks)]
    gaps = [(newer - older).total_seconds() for older, newer in pairwise(came)]
    usual = median(gaps) if len(came) >= ENOUGH_TICKS else 0.0
    return timedelta(seconds=usual) if usual > 0 else None


def cover(every: timedelta | None, span: Span) -> Coverage:
    """What became of ticks, taken together.

    Args:
        every: how often cron was declared to fire; None takes what is usual.
        span: the ticks.
    """
    interval = interval_of(every, span)
    ends = Counter(tick.end for tick in span.ticks)
    paths = Counter(tick.path for tick in span.ticks if tick.end is End.DONE and tick.path is not None)
    missing = sum(1 for _ in _missing(span, interval))
    gaps = [newer - older for older, newer in pairwise([*span.moments, span.until])]
    return Coverage(
        expected=len(span.ticks) + missing,
        done=ends[End.DONE] + ends[End.IDLE],
        paths=dict(paths),
        idle=ends[End.IDLE],
        failed=ends[End.FAILED],
        open=ends[End.OPEN],
        missing=missing,
        twice=sum(tick.twice for tick in span.ticks),
        longest_gap=max(gaps, default=None),
        since=span.ticks[0].at if span.ticks else None,
        interval=interval,
    )


def band(every: timedelta | None, span: Span, most: int) -> list[Cell]:
    """The picture of a day: a cell for each tick that came, and for each that should have come.

    Args:
        every: as for `cover`.
        span: the ticks.
        most: cells there may be; more ticks are drawn several to a cell, which shows the one that ended worst.
    """
    cells = [Cell(tick.at, tick.path, tick.end, tick.dispatch_key) for tick in span.ticks]
    cells += [Cell(at, None, End.MISSING, None) for at in _missing(span, interval_of(every, span))]
    cells.sort(key=lambda cell: cell.at)
    size = -(-len(cells) // most) or 1
    if size == 1:
        return cells
    return [_worst(cells[begin : begin + size]) for begin in range(0, len(cells), size)]


def _worst(cells: Sequence[Cell]) -> Cell:
    worst = min(cells, key=lambda cell: _WORST.index(cell.end))
    return Cell(cells[0].at, worst.path, worst.end, worst.dispatch_key, len(cells))


def _missing(span: Span, interval: timedelta | None) -> Iterator[datetime]:
    """When ticks should have come within the span that did not."""
    moments = span.moments
    if interval is None or not moments:
        return
    for older, newer in pairwise(moments):
        if newer - older > interval * _TOLERANCE:
            yield from _between(older, interval, round((newer - older) / interval), span.since)
    if span.until - moments[-1] > interval * _LATEST:
        yield from _between(moments[-1], interval, int((span.until - moments[-1]) / interval), span.since)


def _between(older: datetime, interval: timedelta, end: int, since: datetime) -> Iterator[datetime]:
    first = max(1, int((since - older) / interval) + 1)
    return (older + interval * n for n in range(first, end))
