import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.outreach.reading.quoting import strip_quoted

OURS = "To unsubscribe from our mails, answer STOP."
LOOKS_QUOTED = (
    "A list:\n- one\n- two",
    "From: here to there it is a long way.\nIt rains.",
    "I wrote:\nnothing",
    "On Friday I would like a call.",
    "On the one hand yes.\nWe never wrote: sorry",
)


@pytest.mark.parametrize(
    "rest",
    [
        f"> {OURS}",
        f"On Mon, Nov 16, 2026 at 9:12 AM Team <t@x.example> wrote:\n\n> {OURS}",
        f"On Mon, Nov 16, 2026 at 9:12 AM Outreach\n<team@x.example>\nwrote:\n> {OURS}",
        f"Am 16.11.2026 um 09:12 schrieb Outreach:\n{OURS}",
        f"Le 16 nov. 2026 à 09:12, Outreach a écrit\u00a0:\n> {OURS}",
        f"-----Original Message-----\nFrom: us\n{OURS}",
        f"________________________________\nFrom: us\nSent: Monday\n\n{OURS}",
        f"From: us\nSent: Monday\nTo: you\nSubject: Hello\n\n{OURS}",
        f"Von: uns\nGesendet: Montag\nAn: Sie\nBetreff: Hallo\n\n{OURS}",
        f"On Monday, Team wrote:\n\n{OURS}",
        f"El lun, 16 nov 2026, Team escribió:\n> {OURS}",
        f"Il giorno lun 16 nov 2026 Team ha scritto:\n> {OURS}",
        f"-----Ursprüngliche Nachricht-----\nVon: Team\n{OURS}",
        f"*From:* Team <t@x.example>\n*Date:* Monday\n*To:* You\n\n{OURS}",
        f"> {OURS}\n>> deeper",
        f"De : nous\nEnvoyé : lundi\nÀ : vous\nObjet : Bonjour\n\n{OURS}",
    ],
)
def test_what_others_wrote_is_stripped(rest: str) -> None:
    """In the ways of Gmail, Apple Mail, Thunderbird and Outlook, in several languages."""
    reply = strip_quoted(f"Let's talk.\n\n{rest}")
    assert (reply.text, reply.quoted, reply.forwarded) == ("Let's talk.", True, False)


@pytest.mark.parametrize(
    "mark", ["---------- Forwarded message ---------", "Begin forwarded message:", "-- Weitergeleitete Nachricht --"]
)
def test_a_forwarded_message_is_stripped_and_noted(mark: str) -> None:
    """What stands above it is the writer's."""
    reply = strip_quoted(f"See below.\n{mark}\nFrom: us\n{OURS}")
    assert (reply.text, reply.quoted, reply.forwarded) == ("See below.", True, True)


def test_answers_below_and_between_quoted_lines_are_kept() -> None:
    """As Thunderbird and careful people write."""
    text = f"On Monday, Outreach wrote:\n> {OURS}\n>\n> Interested?\n\nYes.\n> When?\nTomorrow."
    assert strip_quoted(text).text == "Yes.\nTomorrow."


@pytest.mark.parametrize(
    "signature", ["-- \nAda\nHead of all", "--\nAda", "Sent from my iPhone", "Envoyé de mon iPhone"]
)
def test_signatures_are_stripped(signature: str) -> None:
    """They are nobody's words, and nothing is quoted by them."""
    reply = strip_quoted(f"Yes.\n\n{signature}")
    assert (reply.text, reply.quoted) == ("Yes.", False)


@pytest.mark.parametrize(
    "text",
    [
        "On Monday we wrote a book.",
        "From: nowhere to somewhere",
        "a\n\nb",
        "1 > 0",
        "To: be or not to be",
        "",
        *LOOKS_QUOTED,
    ],
)
def test_ordinary_sentences_are_kept(text: str) -> None:
    """Words that also begin quoted parts are no reason to cut."""
    reply = strip_quoted(text)
    assert (reply.text, reply.quoted) == (text, False)


def test_a_mail_that_only_quotes_has_no_text() -> None:
    """So nothing of what we wrote ourselves is taken for its writer's wish."""
    assert strip_quoted(f"> {OURS}\n> {OURS}").text == ""


@given(st.lists(st.sampled_from(["Yes.", "", f"> {OURS}", "On Monday, Team wrote:", "From: us", "To: you", "-- "])))
def test_every_line_that_stays_was_written(lines: list[str]) -> None:
    """However the lines are mixed, none is invented, and none that is marked as quoted stays."""
    kept = strip_quoted("\n".join(lines)).text.split("\n")
    assert set(kept) <= {line.strip() for line in lines} | {""}
    assert not any(line.startswith(">") for line in kept)
