"""What a function did over a day."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tickover.insight.functions import Carried, Percentiles, buckets, health, percentiles

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
DONE = Carried("t1", NOW, NOW, NOW + timedelta(seconds=1), NOW + timedelta(seconds=3), "succeeded", "durable", None)


@pytest.mark.parametrize(
    ("figures", "p50", "p95"),
    [
        ([], None, None),
        ([7.0], 7, 7),
        ([2.0, 1.0], 1, 2),
        ([float(n) for n in range(1, 101)], 50, 95),
        ([1.0] * 19 + [9.0], 1, 1),
    ],
)
def test_percentiles_are_figures_that_were_seen(figures: list[float], p50: float | None, p95: float | None) -> None:
    """By the nearest rank; of nothing there are none."""
    assert percentiles(figures) == Percentiles(len(figures), p50, p95)


def test_how_long_it_took_and_waited() -> None:
    """None where it is not known, or another run did the work; never less than nothing."""
    assert (DONE.took_s, DONE.waited_s) == (2.0, 1.0)
    assert replace(DONE, state="covered").took_s is None
    assert replace(DONE, finished_at=None).took_s is None
    assert replace(DONE, accepted_at=None).waited_s is None
    assert replace(DONE, accepted_at=NOW + timedelta(seconds=9)).waited_s == 0.0


@pytest.mark.parametrize(
    ("state", "path", "outcome"),
    [
        ("succeeded", "durable", "durable"), ("succeeded", "recovery", "recovery"), ("covered", None, "covered"),
        ("failed", "inline", "failed"), ("running", "durable", "open"), ("owed", None, "open"),
        ("retrying", "durable", "open"),
    ],
)  # fmt: skip
def test_each_ends_in_one_way(state: str, path: str | None, outcome: str) -> None:
    """By its state first, then by who carried it out."""
    assert replace(DONE, state=state, path=path).outcome == outcome


def test_a_day_is_cut_into_parts_at_their_borders() -> None:
    """What lies at the beginning is within, what lies at the end is not; empty parts are there too."""
    hour = timedelta(hours=1)
    at = [NOW, NOW + hour - timedelta(microseconds=1), NOW + hour, NOW + 3 * hour, NOW - timedelta(seconds=1)]
    found = buckets([replace(DONE, created_at=each) for each in at], NOW, NOW + 3 * hour, 3)
    assert [bucket.at for bucket in found] == [NOW, NOW + hour, NOW + 2 * hour]
    assert [sum(bucket.outcomes.values()) for bucket in found] == [2, 1, 0]
    assert [bucket.took.count for bucket in found] == [2, 1, 0]


def test_health_is_said_by_what_came_last() -> None:
    """Late before failing before well; a failure counts from the newest on."""
    failed, running = replace(DONE, state="failed", error="no answer"), replace(DONE, state="running", finished_at=None)
    assert health([]).word == "unknown"
    assert health([running]).word == "unknown"
    assert health([running, DONE, failed]).word == "well"
    assert health([running, failed, failed, DONE]) == health([failed, failed, DONE])
    assert health([failed, failed, DONE]).reason == "the last 2 failed: no answer"
    assert health([replace(running, late=True), DONE]).word == "late"
