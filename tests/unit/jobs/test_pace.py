"""How many jobs are held ready, and which are still started."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.jobs.pace import Pace


def pace(concurrency: int = 8, batch: int = 1000, whole_s: float = 60.0) -> Pace:
    """Nothing is known yet."""
    return Pace(concurrency, batch, whole_s)


def at_rate(rate: float, **settings: int) -> Pace:
    """So many jobs a second were measured."""
    known = pace(**settings)
    known.note_progress(0.0, 1, 1)
    known.note_progress(1.0, 1 + round(rate), 1)
    return known


def test_the_first_claims_are_small_and_grow() -> None:
    """So that the first job starts soon, and a fast queue is soon claimed by the thousand."""
    unknown = pace()
    assert [unknown.room(ready=0, running=0, left_s=60) for _ in range(4)] == [32, 512, 1000, 1000]


def test_a_quarter_of_a_second_is_held_ready() -> None:
    """At 400 jobs a second that is a hundred, and none more while half of them are left."""
    known = at_rate(400)
    assert known.room(ready=0, running=8, left_s=60) == 100
    assert known.room(ready=60, running=8, left_s=60) == 0


def test_slow_jobs_are_claimed_when_somebody_is_free() -> None:
    """With one job in ten seconds nothing is held ready that another replica could have."""
    known = at_rate(0)
    assert known.room(ready=0, running=8, left_s=60) == 0
    assert known.room(ready=0, running=6, left_s=60) == 2


def test_near_the_end_no_more_is_claimed_than_can_be_begun() -> None:
    """A tenth of a second at 400 a second is forty jobs."""
    assert at_rate(400).room(ready=0, running=8, left_s=0.1) == 40


@given(
    rate=st.floats(0, 1e6),
    ready=st.integers(0, 5000),
    running=st.integers(0, 50),
    left=st.floats(0, 3600),
    batch=st.integers(1, 2000),
)
def test_a_claim_is_bounded(rate: float, ready: int, running: int, left: float, batch: int) -> None:
    """Never below nothing, above a batch, or so that more than two batches are held ready."""
    room = at_rate(rate, batch=batch).room(ready=ready, running=running, left_s=left)
    assert 0 <= room <= batch
    assert room == 0 or ready + room <= 2 * batch


def test_nothing_is_measured_before_the_first_job_runs() -> None:
    """A first claim that took long is no slow handler."""
    unknown = pace()
    unknown.note_progress(0.0, 0, 0)
    unknown.note_progress(5.0, 0, 0)
    assert unknown.rate is None


def test_jobs_of_which_none_ends_are_known_as_slow_after_a_while() -> None:
    """Then those that were claimed beside them are given up, but for as many as there are workers."""
    unknown = pace()
    unknown.note_progress(0.0, 0, 8)
    assert unknown.surplus(ready=500, running=8, left_s=60) == 0
    unknown.note_progress(0.3, 0, 8)
    assert unknown.rate == 0.0
    assert unknown.surplus(ready=500, running=8, left_s=60) == 492
    assert unknown.room(ready=8, running=8, left_s=60) == 0


@given(rate=st.floats(0, 1e6), ready=st.integers(0, 5000), running=st.integers(0, 8), left=st.floats(0, 3600))
def test_what_is_claimed_is_not_given_up_at_once(rate: float, ready: int, running: int, left: float) -> None:
    """Nor is what was given up claimed again."""
    known = at_rate(rate)
    room = known.room(ready=ready, running=running, left_s=left)
    if room:
        assert known.surplus(ready=ready + room, running=running, left_s=left) == 0
    if surplus := known.surplus(ready=ready, running=running, left_s=left):
        assert known.room(ready=ready - surplus, running=running, left_s=left) == 0


@pytest.mark.parametrize(("left", "may"), [(60.0, True), (5.1, True), (4.9, False), (54.0, True), (0.0, False)])
def test_a_job_that_would_be_cut_off_is_not_started(left: float, may: bool) -> None:
    """The quickest of its kind took five seconds."""
    known = pace()
    known.note_job("slow", 5.0)
    assert known.may_start("slow", left) is may


def test_kinds_that_no_longer_fit_are_named() -> None:
    """So that they are left where they are."""
    known = pace()
    known.note_job("slow", 5.0)
    known.note_job("quick", 0.01)
    assert (known.too_slow(1.0), known.too_slow(30.0)) == (["slow"], [])


def test_an_unknown_kind_is_tried() -> None:
    """However little time is left."""
    assert pace().may_start("new", 0.001)


def test_a_kind_that_takes_longer_than_the_budget_is_tried_at_its_beginning() -> None:
    """Or it never would be."""
    known = pace(whole_s=10.0)
    known.note_job("endless", 60.0)
    assert (known.may_start("endless", 9.9), known.may_start("endless", 5.0)) == (True, False)


def test_what_was_quick_once_is_believed_less_and_less() -> None:
    """A kind that has become slow is known as slow after a while."""
    known = pace()
    known.note_job("any", 0.1)
    for _ in range(200):
        known.note_job("any", 3.0)
    assert known.quickest["any"] == 3.0
