"""Sample messages, made from their number alone: the same number is always the same message. Pure."""

from dataclasses import dataclass
from datetime import datetime

from tickover.outreach.samples.forms import FORMS, Letter
from tickover.outreach.samples.phrases import CLIENTS, NAMES, PHRASES, SMS
from tickover.outreach.states import Channel

_EVERY_FIFTH_IS_SMS = 5


@dataclass(frozen=True, slots=True)
class SampleLead:
    """A lead of the sample data."""

    client_id: str
    name: str
    email: str
    phone: str


@dataclass(frozen=True, slots=True)
class SampleMessage:
    """A message that arrives. `raw` is an e-mail's bytes, `body` an SMS's text."""

    lead: SampleLead
    channel: Channel
    external_id: str
    raw: bytes | None
    body: str | None
    occurred_at: datetime


def sample_lead(number: int) -> SampleLead:
    """The lead of that number; neighbours belong to different clients."""
    client_id, person = CLIENTS[number % len(CLIENTS)], number // len(CLIENTS)
    name = NAMES[person % len(NAMES)]
    return SampleLead(
        client_id, name, f"lead-{number}@{client_id}-leads.example", f"+1555{number % 10_000_000:07d}{number % 10}"
    )


def sample_message(number: int, lead: SampleLead, occurred_at: datetime) -> SampleMessage:
    """The message of that number, from that lead."""
    external_id = f"sample-{number}"
    turn, place = divmod(number, _EVERY_FIFTH_IS_SMS)
    if place == _EVERY_FIFTH_IS_SMS - 1:
        return SampleMessage(lead, Channel.SMS, external_id, None, SMS[turn % len(SMS)], occurred_at)
    email_number = turn * (_EVERY_FIFTH_IS_SMS - 1) + place
    letter = Letter(
        name=lead.name,
        address=lead.email,
        subject=f"Re: Your leads, answered in time ({number})",
        text=PHRASES[email_number % len(PHRASES)],
        message_id=f"{external_id}@mail.example",
        sent_at=occurred_at,
    )
    raw = FORMS[email_number % len(FORMS)](letter)
    return SampleMessage(lead, Channel.EMAIL, external_id, raw, None, occurred_at)
