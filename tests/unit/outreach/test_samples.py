"""The sample messages: varied, the same each time, and read without a fault."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.outreach.handlers.inbound import read_email, read_sms
from tickover.outreach.reading.mime import Mail, read_mail
from tickover.outreach.samples.forms import FORMS, Form, Letter
from tickover.outreach.samples.load import LEADS, MESSAGES
from tickover.outreach.samples.messages import SampleMessage, sample_lead, sample_message
from tickover.outreach.states import Channel, Interest

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
TEXT = "Sounds good, please send me the details."
LETTER = Letter("Élodie Martin", "elodie@example.com", "Re: Hello", TEXT, "sample-1@mail.example", NOW)
WITHOUT_WORDS = {"empty", "headers_only", "attachment_only", "out_of_office", "bounce"}
BROKEN = {"broken_base64", "binary_noise"}


def samples() -> list[SampleMessage]:
    """All that `load_samples` loads."""
    return [sample_message(number, sample_lead(number % LEADS), NOW) for number in range(MESSAGES)]


def test_the_same_number_is_the_same_message() -> None:
    """Nothing of them is left to chance."""
    assert samples() == samples()


def test_they_are_varied() -> None:
    """200 messages of four clients on both channels, no two with the same id, in every form."""
    messages = samples()
    assert len({message.external_id for message in messages}) == MESSAGES
    assert len({message.lead.client_id for message in messages}) == 4
    channels = Counter(message.channel for message in messages)
    assert channels[Channel.SMS] == 40
    assert channels[Channel.EMAIL] > 4 * len(FORMS)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_every_form_is_understood(form: Form) -> None:
    """Whatever the form, the writer's words are found, and our own "unsubscribe" in the quote opts nobody out."""
    reading = read_email(form(LETTER))
    assert not reading.intent.opt_out
    if form.__name__ in WITHOUT_WORDS:
        assert reading.intent.interest is not Interest.INTERESTED or reading.reply.text == ""
    else:
        assert (TEXT[:30] if form.__name__ in BROKEN else TEXT) in reading.reply.text
        assert reading.intent.interest is Interest.INTERESTED


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_an_opt_out_is_understood_in_every_form(form: Form) -> None:
    """Whatever the mail program, who wants to be removed is heard."""
    letter = Letter("Ada", "a@example.com", "Re: Hello", "Please remove me from your list. Thanks.", "m@x", NOW)
    assert read_email(form(letter)).intent.opt_out is (form.__name__ not in WITHOUT_WORDS)


@given(
    form=st.sampled_from(FORMS), start=st.integers(0, 2000), length=st.integers(0, 300), noise=st.binary(max_size=20)
)
def test_damaged_mails_are_read(form: Form, start: int, length: int, noise: bytes) -> None:
    """A mail with a piece cut out or overwritten still gives something back."""
    raw = form(LETTER)
    assert isinstance(read_mail(raw[:start] + noise + raw[start + length :]), Mail)


def test_an_sms_is_read() -> None:
    """A keyword opts out, an empty one is noted."""
    assert read_sms("STOP").intent.opt_out
    assert read_sms(" ").notes == ("the message is empty",)
