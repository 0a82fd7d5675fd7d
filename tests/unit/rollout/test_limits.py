from datetime import timedelta
from typing import Any

import pytest

from tickover.errors import ContractError
from tickover.rollout.limits import Limits, Tolerance


@pytest.mark.parametrize(
    "fields",
    [{"failure_rate": 1.5}, {"demotion_rate": -0.1}, {"parity": 100}, {"window": timedelta()}],
)
def test_limits_that_make_no_sense_are_refused(fields: dict[str, Any]) -> None:
    """Tried: shares beyond 0 and 1, and a window without length."""
    with pytest.raises(ContractError, match="limits: "):
        Limits(**fields)


def test_the_larger_of_two_tolerances_counts() -> None:
    """A share of what is much, and a few items of what is little."""
    assert (Tolerance(0.1, 10).of(1000), Tolerance(0.1, 10).of(5)) == (100, 10)
