"""Small charts: series of figures in, shapes of an SVG out. Pure; a page draws them, with the figures to hover on.

They are drawn on a field of fixed size that the page stretches to its width, so texts stand beside them and not within.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH, HEIGHT = 600.0, 90.0
"""The field that every chart is drawn on."""

_TOP = 4.0  # room above the highest point
_ROUND = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a column, as a rectangle on the field.

    Args:
        kind: what it stands for; the page colours it.
        x: its left edge.
        y: its upper edge.
        width: as wide as it is.
        height: as high as it is.
    """

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Spot:
    """A place to hover on, as high as the field, and what is said there.

    Args:
        x: its left edge.
        width: as wide as it is.
        at: which time it is about.
        words: the figures there.
    """

    x: float
    width: float
    at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart.

    Args:
        top: the figure at the upper edge.
        begins: the time at the left edge.
        ends: the time at the right edge.
        lines: paths, each with what it stands for; where figures are missing they have a gap.
        bars: parts of columns.
        spots: what is said where one points.
    """

    top: float
    begins: datetime
    ends: datetime
    lines: Sequence[tuple[str, str]]
    bars: Sequence[Bar]
    spots: Sequence[Spot]


def lines(
    times: Sequence[datetime], series: Mapping[str, Sequence[float | None]], words: Sequence[str], least: float = 1.0
) -> Chart | None:
    """One or several lines over the same times.

    Args:
        times: in order, one or more.
        series: the figures at those times, by what they stand for; None where there is none.
        words: what is said at each time.
        least: the smallest figure that the upper edge may stand for.

    Returns:
        None where there is not a single figure.
    """
    known = [value for values in series.values() for value in values if value is not None]
    if not known:
        return None
    top = nice(max(*known, least))
    step = WIDTH / max(len(times), 1)
    paths = [(kind, _path(values, step, top)) for kind, values in series.items()]
    return Chart(top, times[0], times[-1], paths, [], _spots(times, words, step))


def columns(
    times: Sequence[datetime], parts: Sequence[Mapping[str, float]], order: Sequence[str], words: Sequence[str]
) -> Chart | None:
    """Columns over times, each of several parts, one upon the other.

    Args:
        times: in order.
        parts: the figures at each time, by what they stand for.
        order: from the lowest part to the highest; others are left out.
        words: what is said at each time.

    Returns:
        None where every figure is nothing.
    """
    heights = [sum(each.get(kind, 0.0) for kind in order) for each in parts]
    if not any(heights):
        return None
    top, step = nice(max(heights)), WIDTH / len(times)
    bars = [bar for at, each in enumerate(parts) for bar in _column(at * step, step, each, order, top)]
    return Chart(top, times[0], times[-1], [], bars, _spots(times, words, step))


def nice(value: float) -> float:
    """A round figure that is not less: 1, 2 or 5, times a power of ten."""
    if value <= 0:
        return 1.0
    power = 1.0
    while power > value:
        power /= 10
    while power * 10 <= value:
        power *= 10
    return next(factor * power for factor in _ROUND if factor * power >= value)


def _height(value: float, top: float) -> float:
    return HEIGHT - (HEIGHT - _TOP) * min(1.0, max(0.0, value / top))


def _path(values: Sequence[float | None], step: float, top: float) -> str:
    drawn, is_down = [], False
    for at, value in enumerate(values):
        if value is not None:
            place = f"{(at + 0.5) * step:.1f} {_height(value, top):.1f}"
            # A single point between gaps is a line of no length, which its round ends make a dot.
            drawn.append(f"L{place}" if is_down else f"M{place}L{place}")
        is_down = value is not None
    return "".join(drawn)


def _column(x: float, step: float, part: Mapping[str, float], order: Sequence[str], top: float) -> list[Bar]:
    bars, floor = [], HEIGHT
    for kind in order:
        high = (HEIGHT - _TOP) * part.get(kind, 0.0) / top
        if high > 0:
            floor -= high
            bars.append(Bar(kind, round(x + step * 0.1, 2), round(floor, 2), round(step * 0.8, 2), round(high, 2)))
    return bars


def _spots(times: Sequence[datetime], words: Sequence[str], step: float) -> list[Spot]:
    return [Spot(round(at * step, 2), round(step, 2), time, words[at]) for at, time in enumerate(times)]
