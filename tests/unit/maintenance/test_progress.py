from datetime import UTC, datetime, timedelta

import pytest

from tickover.maintenance.progress import Place, Progress, to_go_on_with

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
KEPT = Progress(Place("shop.parcel", "2026-01-01 00:00:00+00", "7"), NOW, "parcels")


@pytest.mark.parametrize("hours", [0, 1, 23])
def test_a_walk_is_gone_on_with(hours: int) -> None:
    """At the place it had come to, for a day."""
    assert to_go_on_with(KEPT, "parcels", NOW + timedelta(hours=hours)) is KEPT


@pytest.mark.parametrize(("of", "hours"), [("parcels", 24), ("parcels", -1), ("parcels of kind x", 0)])
def test_a_walk_begins_anew(of: str, hours: int) -> None:
    """After a day, under a clock that went back, and where something else is walked."""
    assert to_go_on_with(KEPT, of, NOW + timedelta(hours=hours)) is None


def test_a_walk_that_was_never_begun_begins_anew() -> None:
    """There is nothing to go on with."""
    assert to_go_on_with(None, "parcels", NOW) is None
