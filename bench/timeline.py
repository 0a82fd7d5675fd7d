"""Updates beside batches, on one clock: which slow ones began with a batch, what they waited for, a picture. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from bench.charts import shown

NEAR_MS = 5.0  # so near to a batch's beginning an update counts as begun with it
SHOWN_S = 2.0  # of the run
LEAST_MS, MOST_MS = 0.1, 100.0

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 900, 408, 60, 884, 44, 304
_BANDS = ("#dbeafe", "#f1f5f9")
_WITH_A_BATCH, _SLOW, _FAST, _LINE, _INK, _GREY = "#dc2626", "#f59e0b", "#64748b", "#2563eb", "#0f172a", "#475569"


class Update(NamedTuple):
    """One update.

    Args:
        began: when, in seconds of the machine's monotonic clock.
        took_ms: until it was answered.
        waited_ms: how long it or its server process could have run and had no core; not a number if unknown.
    """

    began: float
    took_ms: float
    waited_ms: float


class Batch(NamedTuple):
    """One batch.

    Args:
        began: before its transaction did, in seconds of the same clock.
        ended: after its commit.
    """

    began: float
    ended: float


@dataclass(frozen=True)
class Timeline:
    """What ran beside each other.

    Args:
        updates: those that began while batches ran; at least one.
        batches: in order; at least one.
        limit_ms: an update that takes longer is slow.
    """

    updates: Sequence[Update]
    batches: Sequence[Batch]
    limit_ms: float


@dataclass(frozen=True)
class Shares:
    """Where the slow updates began and what they waited for. Shares of nothing are not numbers.

    Args:
        updates: all.
        slow: those of them that were slow.
        after: the share of the slow ones that began within `NEAR_MS` after a batch did.
        before: the share of the slow ones that began within `NEAR_MS` before a batch did.
        all_after: the same of all updates, which is what chance would make it.
        all_before: likewise.
        waited: the share of the slow ones' time that client or server process waited for a core.
        all_waited: the same of all updates' time.
    """

    updates: int
    slow: int
    after: float
    before: float
    all_after: float
    all_before: float
    waited: float
    all_waited: float

    @classmethod
    def of(cls, timeline: Timeline) -> "Shares":
        """Count."""
        slow = [update for update in timeline.updates if update.took_ms > timeline.limit_ms]
        near, all_near = _near(slow, timeline.batches), _near(timeline.updates, timeline.batches)
        return cls(len(timeline.updates), len(slow), *near, *all_near, _waited(slow), _waited(timeline.updates))

    def lines(self) -> list[str]:
        """In words, a sentence a line."""
        told = [f"{self.slow:,} of {self.updates:,} updates were slow."]
        if self.slow:
            told[0] += (
                f" {self.after:.0%} of these began in the first {NEAR_MS:g} ms of a batch, {self.before:.0%} in the"
                f" {NEAR_MS:g} ms before one; of all updates, {self.all_after:.0%} and {self.all_before:.0%}."
            )
        if not math.isnan(self.all_waited):
            of_slow = f"; of the slow ones, {self.waited:.0%}" if self.slow else ""
            told.append(
                f"Waiting for a core, client and server process: {self.all_waited:.0%} of the time all took{of_slow}."
            )
        return told


def since_nearest_ms(began: float, batches: Sequence[Batch]) -> float:
    """Milliseconds since the nearest beginning of a batch; below zero before it."""
    return 1000 * min((began - batch.began for batch in batches), key=abs)


def draw(title: str, timeline: Timeline) -> str:
    """The first seconds as SVG: batches are bands, updates are dots at their latency, by its logarithm.

    Args:
        title: what is shown.
        timeline: all of it; the words below the picture are about all of it too.
    """
    begin = timeline.batches[0].began
    batches = [batch for batch in timeline.batches if batch.ended <= begin + SHOWN_S] or [timeline.batches[0]]
    end = batches[-1].ended
    scale = (_RIGHT - _LEFT) / (end - begin)
    bands = "\n".join(_band(batch, begin, scale, _BANDS[place % 2]) for place, batch in enumerate(batches))
    dots = "\n".join(_dot(u, timeline, begin, scale) for u in timeline.updates if begin <= u.began <= end)
    axes = "\n".join([*_latencies(), *_seconds(end - begin, scale), _limit(timeline.limit_ms)])
    told = [*_legend(timeline.limit_ms, end - begin), *Shares.of(timeline).lines()]
    words = "\n".join(
        f'<text x="12" y="{_BOTTOM + 38 + 18 * place}" fill="{_GREY}">{line}</text>' for place, line in enumerate(told)
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}"
  viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}"
  font-family="system-ui, sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="12" y="26" font-size="15" font-weight="600" fill="{_INK}">{escape(title)}</text>
{bands}
{axes}
{dots}
{words}
</svg>
"""


def _near(updates: Sequence[Update], batches: Sequence[Batch]) -> tuple[float, float]:
    """The shares that began just after a batch did, and just before."""
    if not updates:
        return math.nan, math.nan
    distances = [since_nearest_ms(update.began, batches) for update in updates]
    after = sum(0 <= distance <= NEAR_MS for distance in distances)
    before = sum(-NEAR_MS <= distance < 0 for distance in distances)
    return after / len(updates), before / len(updates)


def _waited(updates: Sequence[Update]) -> float:
    took_ms = sum(update.took_ms for update in updates)
    return sum(update.waited_ms for update in updates) / took_ms if updates else math.nan


def _height(took_ms: float) -> float:
    """Where a latency stands; what lies beyond the axis stands at its end."""
    share = math.log(min(MOST_MS, max(LEAST_MS, took_ms)) / LEAST_MS) / math.log(MOST_MS / LEAST_MS)
    return round(_BOTTOM - share * (_BOTTOM - _TOP), 1)


def _band(batch: Batch, begin: float, scale: float, colour: str) -> str:
    x, width = round(_LEFT + (batch.began - begin) * scale, 1), round((batch.ended - batch.began) * scale, 1)
    place = f'x="{x}" y="{_TOP}" width="{width}" height="{_BOTTOM - _TOP}"'
    return f'<rect class="batch" {place} fill="{colour}"/>'


def _dot(update: Update, timeline: Timeline, begin: float, scale: float) -> str:
    colour, radius = _FAST, 1.6
    if update.took_ms > timeline.limit_ms:
        is_near = abs(since_nearest_ms(update.began, timeline.batches)) <= NEAR_MS
        colour, radius = _WITH_A_BATCH if is_near else _SLOW, 2.6
    x = round(_LEFT + (update.began - begin) * scale, 1)
    return f'<circle class="update" cx="{x}" cy="{_height(update.took_ms)}" r="{radius}" fill="{colour}"/>'


def _latencies() -> list[str]:
    """The axis upwards."""
    lines = []
    for took_ms in (0.1, 1, 10, 100):
        y = _height(took_ms)
        lines.append(f'<path d="M{_LEFT} {y}H{_RIGHT}" stroke="#cbd5e1" stroke-width="0.7"/>')
        lines.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end" fill="{_INK}">{took_ms:g} ms</text>')
    return lines


def _seconds(length: float, scale: float) -> list[str]:
    """The axis to the right, a word each quarter of a second."""
    return [
        f'<text x="{_LEFT + quarter / 4 * scale:.1f}" y="{_BOTTOM + 16}" text-anchor="middle" fill="{_INK}">'
        f"{quarter / 4:g} s</text>"
        for quarter in range(int(4 * length) + 1)
    ]


def _limit(limit_ms: float) -> str:
    y = _height(limit_ms)
    return f'<path class="limit" d="M{_LEFT} {y}H{_RIGHT}" stroke="{_LINE}" stroke-dasharray="5 4"/>'


def _legend(limit_ms: float, length: float) -> list[str]:
    """What the marks mean, each the inside of a line of text."""
    dots = ((_WITH_A_BATCH, f"began within {NEAR_MS:g} ms of a batch's beginning"), (_SLOW, "did not"))
    marks = ", ".join(f'<tspan fill="{colour}">&#9679;</tspan> {text}' for colour, text in dots)
    line = f'longer than <tspan fill="{_LINE}">- -</tspan>, twice the undisturbed p99, {shown(limit_ms)} ms'
    return [
        f"The first {length:.1f} s: bands are batches, dots are updates. Slow is {line}.",
        f"Of the slow ones: {marks}.",
    ]
