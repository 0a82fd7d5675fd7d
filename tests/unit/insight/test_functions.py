"""What is said of a function's day."""

from datetime import UTC, datetime, timedelta

import pytest

from tickover.insight.functions import BUCKETS, Carried, Percentiles, buckets, health, percentiles
from tickover.ledger.states import State

SINCE = datetime(2026, 11, 26, 12, tzinfo=UTC)
DAY, QUARTER = timedelta(days=1), timedelta(minutes=15)
UNTIL = SINCE + DAY


def carried(
    after: timedelta = timedelta(),
    state: State = State.SUCCEEDED,
    *,
    path: str | None = "durable",
    took_s: float | None = 1.0,
    error: str | None = None,
    late: bool = False,
) -> Carried:
    """An obligation that was owed so long after the day began, accepted at once, and begun two seconds later."""
    owed = SINCE + after
    started = owed + timedelta(seconds=2)
    finished = None if took_s is None else started + timedelta(seconds=took_s)
    return Carried("t", owed, owed, started, finished, state, path, error, late)


@pytest.mark.parametrize(
    ("figures", "p50", "p95"),
    [
        ([], None, None),
        ([7.0], 7, 7),
        ([2.0, 1.0], 1, 2),
        ([3.0, 1.0, 2.0], 2, 3),
        ([float(n) for n in range(1, 11)], 5, 10),
        ([float(n) for n in range(1, 20)], 10, 19),
        ([float(n) for n in range(1, 21)], 10, 19),
        ([float(n) for n in range(1, 101)], 50, 95),
        ([5.0, 5.0, 5.0, 900.0], 5, 900),
    ],
)
def test_percentiles_are_of_figures_that_were_seen(figures: list[float], p50: float | None, p95: float | None) -> None:
    """The nearest rank: none is made up between two."""
    assert percentiles(figures) == Percentiles(len(figures), p50, p95)


def test_a_day_has_a_bucket_for_each_quarter_of_an_hour() -> None:
    """Also those in which nothing happened."""
    found = buckets([], SINCE, UNTIL)
    assert len(found) == BUCKETS
    assert [bucket.at for bucket in found[:2]] == [SINCE, SINCE + QUARTER]
    assert {(tuple(bucket.outcomes), bucket.took.count) for bucket in found} == {((), 0)}


@pytest.mark.parametrize(
    ("after", "number"),
    [
        (timedelta(), 0),
        (QUARTER - timedelta(microseconds=1), 0),
        (QUARTER, 1),
        (95 * QUARTER, 95),
        (DAY - timedelta(microseconds=1), 95),
        (DAY, None),
        (timedelta(microseconds=-1), None),
        (-QUARTER, None),
    ],
)
def test_an_obligation_is_in_the_bucket_in_which_it_was_owed(after: timedelta, number: int | None) -> None:
    """At its beginning, not at its end; what is not of the day is in none."""
    found = [n for n, bucket in enumerate(buckets([carried(after)], SINCE, UNTIL)) if bucket.outcomes]
    assert found == ([] if number is None else [number])


@pytest.mark.parametrize(
    ("state", "path", "outcome"),
    [
        (State.SUCCEEDED, "durable", "durable"),
        (State.SUCCEEDED, "fallback", "fallback"),
        (State.FAILED, "durable", "failed"),
        (State.COVERED, "inline", "covered"),
        (State.COVERED, None, "covered"),
        (State.OWED, None, "open"),
        (State.RETRYING, "durable", "open"),
        (State.RUNNING, "inline", "open"),
    ],
)
def test_an_outcome_is_the_path_only_of_what_succeeded(state: State, path: str | None, outcome: str) -> None:
    """What is under way has none yet, and what another run did is nobody's own."""
    (bucket,) = buckets([carried(state=state, path=path)], SINCE, UNTIL, 1)
    assert bucket.outcomes == {outcome: 1}


def test_a_bucket_counts_outcomes_and_tells_how_long_they_took() -> None:
    """What another run covered took no time of its own, nor what has not ended."""
    found = [
        carried(took_s=1),
        carried(took_s=3),
        carried(state=State.COVERED, took_s=99),
        carried(state=State.RUNNING, took_s=None),
    ]
    (bucket,) = buckets(found, SINCE, UNTIL, 1)
    assert bucket.outcomes == {"durable": 2, "covered": 1, "open": 1}
    assert bucket.took == Percentiles(2, 1, 3)


def test_times_are_never_below_nothing() -> None:
    """Clocks of two machines may differ, and an inline run begins before the engine has answered."""
    early = Carried("t", SINCE, SINCE + QUARTER, SINCE, SINCE - QUARTER, State.SUCCEEDED, "inline", None)
    assert (early.took_s, early.waited_s) == (0.0, 0.0)
    assert (carried().took_s, carried().waited_s) == (1.0, 2.0)


def test_without_acceptance_or_start_nothing_was_waited_for() -> None:
    """None, not zero: a zero would count."""
    assert Carried("t", SINCE, None, SINCE, SINCE, State.SUCCEEDED, "inline", None).waited_s is None
    assert Carried("t", SINCE, SINCE, None, None, State.ACCEPTED, None, None).waited_s is None
    assert Carried("t", SINCE, SINCE, None, None, State.ACCEPTED, None, None).took_s is None


OPEN = carried(state=State.ACCEPTED, path=None, took_s=None)
LATE = carried(state=State.ACCEPTED, path=None, took_s=None, late=True)
FAILED = carried(state=State.FAILED, error="prune: RuntimeError: no disk")
WELL = carried()


@pytest.mark.parametrize(
    ("newest", "word", "reason"),
    [
        ([], "unknown", "nothing of it has ended yet"),
        ([OPEN], "unknown", "nothing of it has ended yet"),
        ([WELL], "well", "its newest work is done"),
        ([OPEN, WELL, FAILED], "well", "its newest work is done"),
        ([carried(state=State.COVERED)], "well", "its newest work is done"),
        ([FAILED], "failing", "the last 1 failed: prune: RuntimeError: no disk"),
        ([OPEN, FAILED, FAILED, WELL], "failing", "the last 2 failed: prune: RuntimeError: no disk"),
        ([FAILED, WELL, FAILED], "failing", "the last 1 failed: prune: RuntimeError: no disk"),
        ([carried(state=State.FAILED)], "failing", "the last 1 failed: no error was recorded"),
        ([LATE, FAILED, LATE], "late", "2 beyond their time; the next tick carries them out"),
        ([WELL, LATE], "late", "1 beyond their time; the next tick carries them out"),
    ],
)
def test_health_is_a_word_and_what_it_stands_on(newest: list[Carried], word: str, reason: str) -> None:
    """Late before failing, and the newest end counts."""
    found = health(newest)
    assert (found.word, found.reason) == (word, reason)
