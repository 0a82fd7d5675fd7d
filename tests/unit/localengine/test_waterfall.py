"""The picture of a run, from rows and a time."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tickover.localengine.pages.reader import Call, Pending, Run
from tickover.localengine.pages.waterfall import BarKind, Row, draw
from tickover.localengine.states import CallOutcome, RunState

BEGUN = datetime(2026, 11, 23, 12, tzinfo=UTC)
RUN = Run(
    "R",
    "app-f",
    "E",
    RunState.RUNNING,
    None,
    cut=False,
    created_at=BEGUN,
    started_at=BEGUN + timedelta(seconds=1),
    ended_at=None,
    event="a/b",
)


def at(seconds: float) -> datetime:
    """So many seconds after the run was queued."""
    return BEGUN + timedelta(seconds=seconds)


def ended(seconds: float) -> Run:
    """The run, which ended then."""
    return replace(RUN, state=RunState.COMPLETED, ended_at=at(seconds))


def call(outcome: CallOutcome, times: tuple[float, float, float], **more: Any) -> Call:
    """A call that was queued, began and ended at these seconds."""
    queued, started, end = (at(seconds) for seconds in times)
    facts: dict[str, Any] = {"step_id": "step", "attempt": 0, "name": None, "http_status": 206, "error": None} | more
    return Call(outcome=outcome, queued_at=queued, started_at=started, ended_at=end, **facts)


def item(queued: float, due: float | None, **more: Any) -> Pending:
    """A call to come; never, where it is due at None."""
    facts: dict[str, Any] = {"step_id": "step", "attempt": 0, "name": None, "called": False, "sleeps": False} | more
    return Pending(queued_at=at(queued), due_at=None if due is None else at(due), **facts)


def rows(run: Run, calls: Sequence[Call], items: Sequence[Pending] = (), now: float = 10) -> Sequence[Row]:
    """The rows of the picture."""
    return draw(run, calls, items, at(now)).rows


def test_a_call_waits_and_then_works_at_fractions_of_the_span() -> None:
    """Of a run of 10 s, a second in the queue is a tenth."""
    (row,) = rows(ended(10), [call(CallOutcome.RETURNED, (0, 1, 10))])
    assert [(bar.kind, bar.left, round(bar.width, 6), bar.open) for bar in row.bars] == [
        (BarKind.WAIT, 0.0, 0.1, False),
        (BarKind.CALL, 0.1, 0.9, False),
    ]
    assert (row.label, row.detail) == ("function", "returned")


def test_each_step_has_a_row_with_its_name() -> None:
    """Though all are asked for as `step`."""
    calls = [call(CallOutcome.STEP, (n, n, n + 1), name=name) for n, name in enumerate(("load", "write"))]
    assert [row.label for row in rows(ended(2), calls)] == ["load", "write"]


@pytest.mark.parametrize("outcome", CallOutcome)
def test_what_failed_is_marked_and_nothing_else(outcome: CallOutcome) -> None:
    """Failed attempts, failed steps and failed runs."""
    failures = {CallOutcome.RETRIED, CallOutcome.STEP_FAILED, CallOutcome.FAILED}
    bars = [bar for row in rows(ended(1), [call(outcome, (0, 0, 1))]) for bar in row.bars]
    assert any(bar.bad for bar in bars) == (outcome in failures)


def test_a_later_attempt_says_which_it_is() -> None:
    """Counted from one, for people."""
    (row,) = rows(ended(6), [call(CallOutcome.STEP, (1, 5, 6), name="load", attempt=1)])
    assert row.detail == "attempt 2, step"


def test_a_sleep_stands_in_the_row_of_the_call_that_found_it() -> None:
    """From when it began to when it woke; of parallel sleeps, each in its own."""
    calls = [
        call(CallOutcome.SLEPT, (0, 0, 1), name="nap"),
        call(CallOutcome.SLEPT, (0, 0, 1), name="doze"),
        call(CallOutcome.WOKE, (1, 1, 5), name="doze", http_status=0),
        call(CallOutcome.WOKE, (1, 1, 9), name="nap", http_status=0),
        call(CallOutcome.RETURNED, (9, 9, 10)),
    ]
    slept = {row.label: [bar for bar in row.bars if bar.kind == BarKind.SLEEP] for row in rows(ended(10), calls)}
    assert {label: [(bar.left, bar.seconds) for bar in bars] for label, bars in slept.items()} == {
        "nap": [(0.1, 8.0)],
        "doze": [(0.1, 4.0)],
        "function": [],
    }


@pytest.mark.parametrize(
    ("waiting", "kind", "detail", "due"),
    [
        (item(0, 0), BarKind.WAIT, "waiting", at(0)),
        (item(4, 15, attempt=1), BarKind.WAIT, "attempt 2, waiting", at(15)),
        (item(0, None), BarKind.WAIT, "never called", None),
        (item(0, 0, called=True), BarKind.CALL, "being called", None),
        (item(0, 60, sleeps=True, name="nap"), BarKind.SLEEP, "asleep", at(60)),
    ],
    ids=["waits", "retry", "never", "called", "asleep"],
)
def test_what_has_not_ended_is_open_up_to_now(waiting: Pending, kind: BarKind, detail: str, due: datetime) -> None:
    """And says when it goes on, if it does."""
    (row,) = rows(RUN, [], [waiting], now=5)
    (bar,) = row.bars
    assert (bar.kind, bar.open, round(bar.left + bar.width, 6)) == (kind, True, 1.0)
    assert (row.detail, row.due_at) == (detail, due)


def test_nothing_leaves_the_picture_though_clocks_were_moved() -> None:
    """Times before the run's beginning or after the present are drawn at its edges."""
    calls = [call(CallOutcome.STEP, (-5, -4, 3)), call(CallOutcome.STEP, (3, 2, 20))]
    for row in (*rows(ended(10), calls), *rows(RUN, calls, [item(30, 0, called=True)], now=-3)):
        for bar in row.bars:
            assert 0 <= bar.left < bar.left + bar.width <= 1.000001


def test_a_run_that_took_no_time_can_be_drawn() -> None:
    """Its span is a millisecond, and its call can be seen."""
    picture = draw(ended(0), [call(CallOutcome.RETURNED, (0, 0, 0))], [], at(0))
    assert picture.seconds == 0.001
    assert all(bar.width > 0 for row in picture.rows for bar in row.bars)


@pytest.mark.parametrize(
    ("seconds", "places"),
    [(0.001, 2), (0.09, 5), (4, 5), (100, 4), (7200, 5), (200_000, 5), (10**9, 2)],
)
def test_the_axis_has_round_times(seconds: float, places: int) -> None:
    """A few, within the picture, the first at zero."""
    found = draw(ended(seconds), [], [], at(0)).ticks
    assert len(found) == places
    assert found[0] == (0.0, 0.0)
    assert all(0 <= place <= 1.000001 for place, _ in found)
