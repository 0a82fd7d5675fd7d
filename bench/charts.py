"""Bar charts as SVG text. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from bench.goals import Spread

_WIDTH, _LABELS, _FIGURES = 760, 190, 150
_ROW, _BAR, _TOP = 30, 18, 48
_OURS, _OTHERS = "#2563eb", "#94a3b8"


@dataclass(frozen=True)
class Bar:
    """One bar.

    Args:
        label: whose it is.
        spread: how long it is, with its whisker.
        ours: whether it is one of Tickover's, which are set off.
    """

    label: str
    spread: Spread
    ours: bool


def bar_chart(title: str, unit: str, bars: Sequence[Bar]) -> str:
    """Horizontal bars of medians, each with a whisker from the lowest to the highest round.

    Args:
        title: what is shown.
        unit: of the figures.
        bars: from top to bottom; at least one.
    """
    longest = max(bar.spread.most for bar in bars) or 1.0
    scale = (_WIDTH - _LABELS - _FIGURES) / longest
    height = _TOP + _ROW * len(bars) + 12
    rows = "\n".join(_row(bar, _TOP + _ROW * place, scale) for place, bar in enumerate(bars))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}"
  viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}"
  font-family="system-ui, sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="12" y="26" font-size="15" font-weight="600" fill="#0f172a">{escape(title)}</text>
<text x="{_WIDTH - 12}" y="26" text-anchor="end" fill="#475569">{escape(unit)}</text>
{rows}
</svg>
"""


def _row(bar: Bar, top: int, scale: float) -> str:
    middle = top + _BAR / 2
    length, least, most = (round(value * scale, 1) for value in (bar.spread.median, bar.spread.least, bar.spread.most))
    colour = _OURS if bar.ours else _OTHERS
    return f"""<text x="{_LABELS - 10}" y="{middle + 4}" text-anchor="end" fill="#0f172a">{escape(bar.label)}</text>
<rect x="{_LABELS}" y="{top}" width="{length}" height="{_BAR}" rx="2" fill="{colour}"/>
<path d="M{_LABELS + least} {middle}H{_LABELS + most}" stroke="#0f172a" stroke-width="1.5"/>
<text x="{_LABELS + most + 8}" y="{middle + 4}" fill="#0f172a">{shown(bar.spread.median)}</text>"""


def shown(value: float) -> str:
    """A figure with about three digits that count."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"
