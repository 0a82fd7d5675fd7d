from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from tickover.outreach.handlers.sending import Verdict, decide
from tickover.outreach.states import DraftState

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
DUE, LATER = NOW, NOW + timedelta(seconds=1)


@pytest.mark.parametrize("state", [DraftState.PENDING, DraftState.SENT, DraftState.REJECTED])
@pytest.mark.parametrize(("send_at", "opted_out"), list(product((DUE, LATER), (True, False))))
def test_only_drafts_on_their_way_are_touched(state: DraftState, send_at: datetime, *, opted_out: bool) -> None:
    """What nobody approved, what went out and what was turned down stays as it is."""
    assert decide(state, send_at, opted_out=opted_out, now=NOW) is Verdict.NOTHING


@pytest.mark.parametrize("state", [DraftState.APPROVED, DraftState.SENDING])
@pytest.mark.parametrize("send_at", [DUE, LATER])
def test_nothing_goes_to_a_lead_that_opted_out(state: DraftState, send_at: datetime) -> None:
    """The draft is withdrawn at once, due or not, even half-way."""
    assert decide(state, send_at, opted_out=True, now=NOW) is Verdict.WITHDRAW


def test_an_approved_draft_waits_for_its_time() -> None:
    """A second too early it waits; at its time it is sent."""
    assert decide(DraftState.APPROVED, LATER, opted_out=False, now=NOW) is Verdict.WAIT
    assert decide(DraftState.APPROVED, DUE, opted_out=False, now=NOW) is Verdict.SEND


def test_a_half_sent_draft_is_sent() -> None:
    """An attempt marked it and died; the next one finishes, its message being unique."""
    assert decide(DraftState.SENDING, LATER, opted_out=False, now=NOW) is Verdict.SEND
