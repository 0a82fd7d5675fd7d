from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.outreach.reading.scoring import LeadFacts, score

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
FACTS = LeadFacts(opted_out=False, inbound=1, interested=0, declined=0, last_inbound_at=NOW - timedelta(days=10))


@pytest.mark.parametrize(
    ("facts", "points"),
    [
        (FACTS, 25),
        (replace(FACTS, interested=1), 45),
        (replace(FACTS, last_inbound_at=NOW), 40),
        (replace(FACTS, last_inbound_at=NOW - timedelta(days=30)), 10),
        (replace(FACTS, declined=1), 0),
        (replace(FACTS, inbound=50, interested=50, last_inbound_at=NOW), 100),
        (replace(FACTS, interested=2, opted_out=True), 0),
        (replace(FACTS, inbound=0, last_inbound_at=None), 0),
    ],
)
def test_a_score_is_made_of_what_is_known(facts: LeadFacts, points: int) -> None:
    """Interest and nearness add, silence and refusals take away, an opt-out ends it."""
    assert score(facts, NOW) == points


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(-100, 10**5))
def test_a_score_stays_between_0_and_100(inbound: int, interested: int, declined: int, hours: int) -> None:
    """Whatever the figures, the column's bounds hold."""
    facts = LeadFacts(
        opted_out=False,
        inbound=inbound,
        interested=interested,
        declined=declined,
        last_inbound_at=NOW - timedelta(hours=hours),
    )
    assert 0 <= score(facts, NOW) <= 100


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_interest_never_lowers_and_a_refusal_never_raises_a_score(inbound: int, interested: int, declined: int) -> None:
    """One more of either, everything else the same."""
    facts = replace(FACTS, inbound=inbound, interested=interested, declined=declined)
    assert score(replace(facts, interested=interested + 1), NOW) >= score(facts, NOW)
    assert score(replace(facts, declined=declined + 1), NOW) <= score(facts, NOW)
