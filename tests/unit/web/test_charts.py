"""The shapes of small charts."""

from datetime import UTC, datetime, timedelta

import pytest

from tickover.web.dashboard.charts import HEIGHT, WIDTH, columns, lines, nice

TIMES = [datetime(2026, 11, 27, tzinfo=UTC) + timedelta(hours=n) for n in range(4)]
WORDS = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (-1, 1), (0.3, 0.5), (1, 1), (1.1, 2), (7, 10), (10, 10), (199, 200), (0.002, 0.002)]
)
def test_the_upper_edge_is_a_round_figure_that_is_not_less(value: float, top: float) -> None:
    """1, 2 or 5, times a power of ten."""
    assert nice(value) == pytest.approx(top)


def test_a_line_goes_through_its_figures_and_has_gaps_where_there_are_none() -> None:
    """The highest is at the edge, nothing at the floor; a figure between gaps is a dot."""
    chart = lines(TIMES, {"p95": [10, None, 0, 5]}, WORDS)
    assert chart is not None
    assert (chart.top, chart.begins, chart.ends) == (10, TIMES[0], TIMES[-1])
    ((kind, path),) = chart.lines
    assert kind == "p95"
    assert path == "M75.0 4.0L75.0 4.0M375.0 90.0L375.0 90.0L525.0 47.0"


def test_columns_stand_one_upon_the_other_and_fill_the_field() -> None:
    """From the floor, in their order; what is not in the order is left out."""
    chart = columns(
        TIMES, [{"inline": 2, "durable": 8, "x": 9}, {}, {"durable": 5}, {"inline": 10}], ["durable", "inline"], WORDS
    )
    assert chart is not None
    assert [bar.kind for bar in chart.bars] == ["durable", "inline", "durable", "inline"]
    lower, upper = chart.bars[:2]
    assert lower.y + lower.height == pytest.approx(HEIGHT)
    assert upper.y + upper.height == pytest.approx(lower.y)
    assert upper.y == pytest.approx(4)
    assert [spot.words for spot in chart.spots] == WORDS
    assert chart.spots[-1].x + chart.spots[-1].width == pytest.approx(WIDTH)


def test_nothing_to_draw_is_no_chart() -> None:
    """No figure at all, or nothing but noughts; the page says so in words."""
    assert lines(TIMES, {"a": [None] * 4}, WORDS) is None
    assert columns(TIMES, [{}, {"a": 0}, {}, {}], ["a"], WORDS) is None
