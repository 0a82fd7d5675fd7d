"""Whether every tick's work is done, as a sentence and as a row of cells."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.insight.coverage import Cell, End, TickFate, band, cover, interval_of

BEGIN = datetime(2026, 11, 26, 0, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def fates(*minutes: float, path: str | None = "durable", end: End = End.DONE) -> list[TickFate]:
    """Ticks at these minutes."""
    return [TickFate(f"t{minute:g}", BEGIN + minute * MINUTE, path, end) for minute in minutes]


def a_day() -> list[TickFate]:
    """1,440 ticks, one of them a second late, some inline, some fallbacks."""
    day = fates(*range(1440))
    for n in range(100, 106):
        day[n] = TickFate(f"t{n}", day[n].at, "inline", End.DONE)
    for n in range(200, 203):
        day[n] = TickFate(f"t{n}", day[n].at, "fallback", End.DONE)
    day[700] = TickFate("t700", day[700].at + timedelta(seconds=1), "durable", End.DONE)
    return day


def test_a_day_in_a_sentence() -> None:
    """Word for word."""
    coverage = cover(MINUTE, a_day(), BEGIN + 1439.5 * MINUTE)
    assert coverage.sentence == (
        "1,440 ticks expected, 1,440 done: 1,431 durable, 6 inline, 3 fallback, 0 twice, longest gap 61 s"
    )
    assert coverage.is_whole


def test_what_is_missing_failed_or_under_way_is_named() -> None:
    """And what was recovered, found nothing to do, or had two executors."""
    ticks = [
        *fates(0, 1, path="recovery"), *fates(2, path=None, end=End.IDLE), *fates(5, end=End.FAILED),
        TickFate("t6", BEGIN + 6 * MINUTE, "inline", End.DONE, twice=True), *fates(7, path=None, end=End.OPEN),
    ]  # fmt: skip
    coverage = cover(MINUTE, ticks, BEGIN + 7 * MINUTE)
    assert coverage.sentence == (
        "8 ticks expected, 4 done: 0 durable, 1 inline, 0 fallback, 2 by recovery, 1 with nothing due, 1 twice, "
        "longest gap 180 s; 2 never came, 1 failed, 1 under way"
    )
    assert not coverage.is_whole


def test_no_tick_at_all_is_said() -> None:
    """Nothing is expected of a route that nobody has called yet."""
    coverage = cover(MINUTE, [], BEGIN)
    assert (coverage.sentence, coverage.expected, coverage.longest_gap) == ("no tick has come yet", 0, None)
    assert band(MINUTE, [], BEGIN, 10) == []


@pytest.mark.parametrize(
    ("minutes", "now", "missing"),
    [
        ((0, 1, 2), 2.9, []),
        ((0, 1, 2), 3.9, []),  # the next may be on its way
        ((0, 1, 2), 4.1, [3]),
        ((0, 1, 2), 10.0, [3, 4, 5, 6, 7, 8, 9]),
        ((0, 3), 3.0, [1, 2]),
        ((0, 1.4, 2), 2.0, []),  # late, and the next in time
        ((0, 1.9, 3), 3.0, [1]),
        ((5,), 5.0, []),
    ],
)
def test_a_tick_is_missing_when_its_time_is_well_over(minutes: Sequence[float], now: float, missing: list[int]) -> None:
    """Within the day, and at its end."""
    cells = band(MINUTE, fates(*minutes), BEGIN + now * MINUTE, 100)
    assert [(cell.at - BEGIN) / MINUTE for cell in cells if cell.end is End.MISSING] == missing
    assert cover(MINUTE, fates(*minutes), BEGIN + now * MINUTE).missing == len(missing)


def test_an_interval_is_taken_from_what_was_seen_where_enough_came() -> None:
    """The usual gap; what was declared counts before that."""
    assert interval_of(None, fates(0, 1, 2, 3)) is None
    assert interval_of(None, fates(0, 5, 10, 15, 20, 45)) == timedelta(minutes=5)
    assert interval_of(MINUTE, fates(0, 5, 10, 15, 20, 25)) == MINUTE
    assert interval_of(None, fates(1, 1, 1, 1, 1, 1)) is None
    assert cover(None, fates(0, 60), BEGIN + 300 * MINUTE).missing == 0


def test_many_ticks_are_drawn_several_to_a_cell_which_shows_the_worst() -> None:
    """None is lost, and a failure is not hidden by its neighbours."""
    ticks = fates(*range(10))
    ticks[7] = TickFate("bad", ticks[7].at, "inline", End.FAILED)
    assert band(MINUTE, ticks, BEGIN + 9 * MINUTE, 3) == [
        Cell(BEGIN, "durable", End.DONE, "t0", 4),
        Cell(BEGIN + 4 * MINUTE, "inline", End.FAILED, "bad", 4),
        Cell(BEGIN + 8 * MINUTE, "durable", End.DONE, "t8", 2),
    ]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3000), st.sampled_from(["durable", "inline", "fallback", "recovery"]), st.sampled_from(End)
        ),
        max_size=80,
    ),
    st.integers(0, 600),
)
def test_every_tick_is_counted_once(rows: list[tuple[int, str, End]], after: int) -> None:
    """Whatever came when: what is expected is what came and what did not, and the cells hold exactly that."""
    ticks = [
        TickFate(f"t{n}", BEGIN + timedelta(seconds=second), path, end)
        for n, (second, path, end) in enumerate(sorted(rows, key=lambda row: row[0]))
        if end is not End.MISSING
    ]
    now = (ticks[-1].at if ticks else BEGIN) + timedelta(seconds=after)
    coverage, cells = cover(MINUTE, ticks, now), band(MINUTE, ticks, now, 10_000)
    ends = Counter(tick.end for tick in ticks)
    assert coverage.expected == len(ticks) + coverage.missing == len(cells)
    assert coverage.done == ends[End.DONE] + ends[End.IDLE]
    assert sum(coverage.paths.values()) == ends[End.DONE]
    assert coverage.expected == coverage.done + coverage.failed + coverage.open + coverage.missing
    assert sum(cell.ticks for cell in band(MINUTE, ticks, now, 7)) == len(cells)
    assert [cell.at for cell in cells] == sorted(cell.at for cell in cells)
