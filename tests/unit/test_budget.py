import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clocks import SetClock
from tickover.execution.budget import Budget


def test_i10_a_part_that_uses_all_its_time_leaves_the_others_theirs() -> None:
    """Of 240 s for two, the first gets 120; when it has used them, the second gets 120 as well."""
    clock = SetClock()
    budget = Budget.of(240, clock)
    first = budget.share(2)
    assert first.left() == 120
    clock.seconds += 120
    assert first.left() == 0
    assert budget.share(1).left() == 120


def test_what_a_part_leaves_the_next_one_has() -> None:
    """The first of two ends after 10 of its 120 s: the second has 230."""
    clock = SetClock()
    budget = Budget.of(240, clock)
    clock.seconds += 10
    assert budget.share(1).left() == 230


def test_time_left_never_falls_below_zero() -> None:
    """An overrun is no debt."""
    clock = SetClock()
    budget = Budget.of(1, clock)
    clock.seconds += 5
    assert (budget.left(), budget.share(3).left(), budget.within(9).left()) == (0, 0, 0)


@given(st.floats(0, 1e4), st.integers(1, 50), st.floats(0, 1e4))
def test_i10_no_share_reaches_beyond_its_whole(seconds: float, parts: int, cut: float) -> None:
    """Whatever is shared or cut, nothing ends after the budget it came from."""
    clock = SetClock()
    budget = Budget.of(seconds, clock)
    assert budget.share(parts).ends <= budget.ends + 1e-6
    assert budget.within(cut).ends <= budget.ends


def test_a_budget_has_at_least_one_part() -> None:
    """Sharing among nobody is a mistake of the caller."""
    with pytest.raises(ValueError, match="at least one part"):
        Budget.of(1).share(0)
