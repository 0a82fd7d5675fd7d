from hypothesis import given
from hypothesis import strategies as st

from tickover.maintenance.pace import MOST, next_size, pause_after, size_after_none

SIZES = st.integers(1, MOST)
TIMES = st.floats(0, 1000)
TARGETS = st.floats(0.001, 10)


@given(size=SIZES, took=TIMES, target=TARGETS, most=SIZES)
def test_a_size_lies_between_one_and_the_most(size: int, took: float, target: float, most: int) -> None:
    """Whatever a batch took."""
    assert 1 <= next_size(size, took, target, most) <= most


@given(size=SIZES, took=TIMES, target=TARGETS)
def test_a_batch_that_took_too_long_is_followed_by_a_smaller_one(size: int, took: float, target: float) -> None:
    """Smaller by as much as it took too long; and never larger than double after one that did not."""
    following = next_size(size, took, target)
    if took > target:
        assert following <= max(1, size * target / took)
    else:
        assert size <= following <= max(size + 1, 2 * size)


@given(per_row=st.floats(1e-5, 0.04), start=SIZES)
def test_batches_come_to_take_as_long_as_wanted(per_row: float, start: int) -> None:
    """With rows that take the same time each, twenty batches are enough from any beginning, and it stays there."""
    size = start
    for _ in range(20):
        size = next_size(size, size * per_row, 0.05)
    for _ in range(5):
        assert size * per_row <= 0.1
        assert size * per_row >= 0.05 / 3 or size == MOST
        size = next_size(size, size * per_row, 0.05)


def test_a_small_batch_grows_again() -> None:
    """Rounding does not keep it small for ever."""
    size = 1
    for _ in range(60):
        size = next_size(size, 0.04, 0.05)
    assert size > 10


@given(size=SIZES)
def test_after_one_that_was_broken_off_comes_a_quarter(size: int) -> None:
    """And at least one row."""
    assert size_after_none(size) == max(1, size // 4)


@given(took=TIMES, share=st.floats(0.01, 1), left=st.floats(-10, 100))
def test_a_pause_leaves_its_share_to_others(took: float, share: float, left: float) -> None:
    """In proportion to the batch, and within the time that is left."""
    pause = pause_after(took, share, left)
    assert 0 <= pause <= max(left, 0)
    if pause < left:
        assert abs(took - share * (took + pause)) < 1e-6 * (1 + took)
