"""What is said of a day's ticks."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tickover.insight.coverage import Cell, Coverage, End, Span, TickFate, band, cover, interval_of

SINCE = datetime(2026, 11, 26, 12, tzinfo=UTC)
DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)
NOW = SINCE + DAY


def at(minute: float) -> datetime:
    """So many minutes after the span began."""
    return SINCE + minute * MINUTE


def fate(minute: float, path: str | None = "durable", end: End = End.DONE, *, twice: bool = False) -> TickFate:
    """A tick of that minute."""
    return TickFate(f"t{minute:g}", at(minute), path, end, twice)


def span(*minutes: float, until: float, earlier: Sequence[float] = ()) -> Span:
    """Ticks of these minutes, all of them done."""
    return Span(SINCE, at(until), [fate(minute) for minute in minutes], [fate(minute) for minute in earlier])


def missing(every: timedelta | None, looked_at: Span) -> list[datetime]:
    """When ticks are said to be missing."""
    return [cell.at for cell in band(every, looked_at, 10_000) if cell.end is End.MISSING]


def test_a_whole_day_is_told_in_one_sentence() -> None:
    """The one of the docstring, from the ticks that it tells of."""
    paths = ["fallback"] * 3 + ["inline"] * 6 + ["durable"] * 1431
    ticks = [fate(n, path) for n, path in enumerate(paths)]
    ticks[700] = TickFate("late", ticks[700].at + SECOND, "durable", End.DONE)
    told = cover(MINUTE, Span(SINCE, NOW, ticks))
    expected = "1,440 ticks expected, 1,440 done: 1,431 durable, 6 inline, 3 fallback, 0 twice, longest gap 61 s"
    assert told.sentence == expected
    assert expected in (Coverage.sentence.__doc__ or "")
    assert told.is_whole
    assert (told.since, told.interval) == (SINCE, MINUTE)


def test_what_went_wrong_stands_at_the_end_of_the_sentence() -> None:
    """Missing, failed and under way; the recovered, the idle and the doubled are named too."""
    ticks = [
        fate(0, "recovery"),
        fate(1, None, End.IDLE),
        fate(2, "durable", End.FAILED),
        fate(4, "durable", twice=True),
        fate(5, None, End.OPEN),
    ]
    told = cover(MINUTE, Span(SINCE, at(6), ticks))
    assert told.sentence == (
        "6 ticks expected, 3 done: 1 durable, 0 inline, 0 fallback, 1 by recovery, 1 with nothing due, 1 twice, "
        "longest gap 120 s; 1 never came, 1 failed, 1 under way"
    )
    assert not told.is_whole


def test_what_failed_counts_for_no_path() -> None:
    """Only what was done was carried out."""
    assert cover(MINUTE, Span(SINCE, at(1), [fate(0, "durable", End.FAILED)])).paths == {}


def test_what_is_under_way_does_not_make_a_day_less_than_whole() -> None:
    """It may yet be done."""
    told = cover(MINUTE, Span(SINCE, at(1), [fate(0, None, End.OPEN)]))
    assert (told.is_whole, told.open, told.done) == (True, 1, 0)


@pytest.mark.parametrize("every", [None, MINUTE])
def test_where_no_tick_has_ever_come_none_is_missing(every: timedelta | None) -> None:
    """Nobody knows yet when the first is due."""
    told = cover(every, Span(SINCE, NOW, []))
    assert (told.sentence, told.expected, told.longest_gap, told.since) == ("no tick has come yet", 0, None, None)
    assert band(every, Span(SINCE, NOW, []), 10) == []


@pytest.mark.parametrize("last", [-90, -43_200])
def test_where_cron_has_been_dead_for_longer_than_a_day_the_whole_day_is_missing(last: int) -> None:
    """The last tick before the day tells so; a silence of a month is told of the day alone."""
    told = cover(MINUTE, span(until=1440, earlier=[last]))
    assert (told.expected, told.missing, told.done, told.is_whole) == (1439, 1439, 0, False)
    assert told.longest_gap == (1440 - last) * MINUTE


def test_where_too_few_came_to_know_a_rhythm_the_silence_is_told() -> None:
    """Not that none has come yet."""
    assert cover(None, span(until=1440, earlier=[-60])).sentence == "no tick has come for 90000 s"


def test_a_silence_that_began_before_the_day_is_missing_within_it_only() -> None:
    """Six minutes before and three within; what came before is counted for nothing else."""
    looked_at = span(4, 5, until=6, earlier=[-7, -6])
    assert missing(MINUTE, looked_at) == [at(1), at(2), at(3)]
    told = cover(MINUTE, looked_at)
    assert (told.expected, told.done, told.longest_gap) == (5, 2, 10 * MINUTE)


@pytest.mark.parametrize(
    ("minutes", "until", "expected"),
    [
        ([0, 1, 2], 3, []),
        ([0, 1.5], 2, []),  # late, not missing
        ([0, 1.51], 2, [1]),
        ([0, 2], 3, [1]),
        ([0, 4.2], 5, [1, 2, 3]),
        ([0], 2, []),  # the next may be on its way
        ([0], 2.01, [1]),
        ([0], 3.9, [1, 2]),
        ([0, 0.1, 0.2, 1], 2, []),  # too many is not too few
    ],
)
def test_a_tick_is_missing_after_one_interval_and_a_half(
    minutes: list[float], until: float, expected: list[float]
) -> None:
    """Between two ticks; after the newest there are two intervals for the next one."""
    assert missing(MINUTE, span(*minutes, until=until)) == [at(minute) for minute in expected]
    assert cover(MINUTE, span(*minutes, until=until)).missing == len(expected)


def test_two_ticks_of_one_moment_are_two_ticks() -> None:
    """Cron fired twice under two names: both are owed, and no interval of nothing is made of them."""
    told = cover(None, span(*[3.0] * 7, until=3))
    assert (told.expected, told.done, told.interval, told.longest_gap) == (7, 7, None, timedelta())


def test_the_usual_interval_is_taken_where_none_was_declared() -> None:
    """From six ticks on, those before the day among them; one that is missing does not change it."""
    assert interval_of(None, span(0, 1, 2, 3, 4, until=5)) is None
    assert interval_of(None, span(0, 1, 2, 3, 4, 5, until=6)) == MINUTE
    assert interval_of(None, span(0, until=6, earlier=[-25, -20, -15, -10, -5])) == 5 * MINUTE
    assert missing(None, span(0, 1, 2, 3, 5, 6, 7, until=8)) == [at(4)]
    assert interval_of(2 * MINUTE, span(0, 1, 2, 3, 4, 5, until=6)) == 2 * MINUTE


def test_one_tick_tells_no_rhythm() -> None:
    """Nothing is missing after it, however long ago it was."""
    told = cover(None, span(0, until=1440))
    assert (told.expected, told.missing, told.longest_gap) == (1, 0, DAY)


def test_the_band_has_a_cell_for_each_tick_and_for_each_that_is_missing() -> None:
    """In order of time; only one that came leads anywhere."""
    assert band(MINUTE, span(0, 2, until=3), 10) == [
        Cell(at(0), "durable", End.DONE, "t0"),
        Cell(at(1), None, End.MISSING, None),
        Cell(at(2), "durable", End.DONE, "t2"),
    ]


@pytest.mark.parametrize(
    ("ends", "shown"),
    [
        ([End.DONE, End.IDLE], End.DONE),
        ([End.DONE, End.OPEN], End.OPEN),
        ([End.OPEN, End.FAILED], End.FAILED),
        ([End.IDLE, End.IDLE], End.IDLE),
    ],
)
def test_of_several_ticks_in_a_cell_the_worst_is_shown(ends: list[End], shown: End) -> None:
    """And it is that one to which the cell leads; it stands where the first of them does."""
    ticks = [fate(n, "durable", end) for n, end in enumerate(ends)]
    (cell,) = band(MINUTE, Span(SINCE, at(2), ticks), 1)
    worst = next(tick for tick in ticks if tick.end is shown)
    assert (cell.at, cell.end, cell.dispatch_key, cell.ticks) == (at(0), shown, worst.dispatch_key, 2)


def test_one_that_is_missing_is_worse_than_one_that_failed() -> None:
    """Nobody was told of it."""
    ticks = [fate(0, "durable", End.FAILED), fate(2)]
    cells = band(MINUTE, Span(SINCE, at(3), ticks), 2)
    assert [(cell.end, cell.dispatch_key, cell.ticks) for cell in cells] == [
        (End.MISSING, None, 2),
        (End.DONE, "t2", 1),
    ]


@pytest.mark.parametrize("ticks", [0, 1, 9, 10, 11, 99, 100, 101, 1440])
def test_a_band_never_has_more_cells_than_asked_for_and_stands_for_every_tick(ticks: int) -> None:
    """The last cell may stand for fewer than the others."""
    cells = band(MINUTE, span(*range(ticks), until=ticks), 10)
    assert len(cells) <= 10
    assert sum(cell.ticks for cell in cells) == ticks
