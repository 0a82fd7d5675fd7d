"""What the ready-made responsibilities refuse to be configured with."""

from datetime import timedelta
from typing import Any

import pytest

from tickover.maintenance.recovery import Evidence, StaleRecovery
from tickover.maintenance.retention import Retention


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"limit": 0}, {"limit": -1}, {"keep": timedelta(seconds=-1)}])
def test_retention_refuses_limits_that_make_no_sense(wrong: dict[str, Any]) -> None:
    """At the start, by the table's name."""
    with pytest.raises(ValueError, match=r"shop\.parcel"):
        Retention("shop.parcel", since="created_at", **wrong)


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"limit": 0}, {"after": timedelta(seconds=-1)}])
def test_recovery_refuses_limits_that_make_no_sense(wrong: dict[str, Any]) -> None:
    """At the start, by the table's name."""
    whole: dict[str, Any] = {"stuck": "a", "after": timedelta(), "done": "b", "undone": "c"}
    with pytest.raises(ValueError, match=r"shop\.parcel"):
        StaleRecovery("shop.parcel", evidence=Evidence("shop.receipt", "parcel_id"), **(whole | wrong))
