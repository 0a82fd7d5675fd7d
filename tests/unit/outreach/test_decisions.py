"""Scores, answers, what a sending job does, what a payload must hold."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.outreach.handlers.payload import PayloadError, subject_of
from tickover.outreach.handlers.sending import Verdict, decide
from tickover.outreach.reading.replies import compose_reply, reply_subject
from tickover.outreach.reading.scoring import LeadFacts, score
from tickover.outreach.states import DraftState, Interest

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
SMALL = st.integers(0, 50)


def facts(*, inbound: int = 1, interested: int = 0, declined: int = 0, days: int = 10, out: bool = False) -> LeadFacts:
    """A lead that wrote last so many days ago."""
    return LeadFacts(out, inbound, interested, declined, NOW - timedelta(days=days))


@given(inbound=SMALL, interested=SMALL, declined=SMALL, days=st.integers(-5, 500), out=st.booleans())
def test_a_score_lies_between_0_and_100(inbound: int, interested: int, declined: int, days: int, *, out: bool) -> None:
    """Whatever is known about a lead."""
    known = facts(inbound=inbound, interested=interested, declined=declined, days=days, out=out)
    assert 0 <= score(known, NOW) <= 100


@given(inbound=SMALL, interested=SMALL, declined=SMALL)
def test_interest_raises_and_refusal_lowers_a_score(inbound: int, interested: int, declined: int) -> None:
    """More interest never lowers a score, more refusals never raise it."""
    base = score(facts(inbound=inbound, interested=interested, declined=declined), NOW)
    assert score(facts(inbound=inbound, interested=interested + 1, declined=declined), NOW) >= base
    assert score(facts(inbound=inbound, interested=interested, declined=declined + 1), NOW) <= base


def test_scores_of_known_leads() -> None:
    """The figures of a fresh, a quiet, an opted-out and a silent lead."""
    assert score(facts(interested=1, days=1), NOW) == 60
    assert score(facts(days=40), NOW) == 10
    assert score(facts(interested=5, days=0, out=True), NOW) == 0
    assert score(LeadFacts(False, 0, 0, 0, None), NOW) == 0  # noqa: FBT003 - the fields stand in order


@pytest.mark.parametrize("interest", Interest)
def test_a_reply_greets_by_first_name(interest: Interest) -> None:
    """Every answer names the lead, and braces in a name do no harm."""
    assert compose_reply("Ada Novak", interest).startswith("Hi Ada,")
    assert compose_reply("{x} y", interest).startswith("Hi {x},")
    assert compose_reply("  ", interest).startswith("Hi there,")


@pytest.mark.parametrize(
    ("subject", "answer"),
    [("Hello", "Re: Hello"), ("Re: RE: AW: Hello", "Re: Hello"), ("", "Your message"), ("Re:", "Your message")],
)
def test_a_reply_has_one_re(subject: str, answer: str) -> None:
    """However many answers came before."""
    assert reply_subject(subject) == answer


@pytest.mark.parametrize(("state", "late", "opted_out"), list(product(DraftState, (True, False), (True, False))))
def test_a_draft_is_sent_only_when_approved_and_due_to_a_lead_that_listens(
    state: DraftState, *, late: bool, opted_out: bool
) -> None:
    """Of all twenty cases, three send: approved and due, and marked by an attempt that died."""
    send_at = NOW - timedelta(seconds=1) if late else NOW + timedelta(seconds=1)
    verdict = decide(state, send_at, opted_out=opted_out, now=NOW)
    if state not in {DraftState.APPROVED, DraftState.SENDING}:
        assert verdict is Verdict.NOTHING
    elif opted_out:
        assert verdict is Verdict.WITHDRAW
    else:
        assert verdict is (Verdict.SEND if late or state is DraftState.SENDING else Verdict.WAIT)


@pytest.mark.parametrize(
    ("client_id", "payload"),
    [
        (None, {"lead_id": 1}),
        ("acme", None),
        ("acme", []),
        ("acme", {}),
        ("acme", {"lead_id": "1"}),
        ("acme", {"lead_id": True}),
        ("acme", {"lead_id": 0}),
        ("acme", {"lead_id": 2**63}),
        ("acme", {"lead_id": "x" * 10_000}),
    ],
)
def test_a_malformed_payload_says_what_is_missing(client_id: str | None, payload: Any) -> None:
    """It fails at once, in a short text."""
    with pytest.raises(PayloadError) as raised:
        subject_of(client_id, payload, "lead_id")
    assert "client_id" in str(raised.value) or "lead_id" in str(raised.value)
    assert len(str(raised.value)) < 300


def test_a_whole_payload_names_its_row() -> None:
    """The client and the id."""
    assert subject_of("acme", {"lead_id": 7, "more": 1}, "lead_id") == ("acme", 7)
