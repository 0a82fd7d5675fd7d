"""Reading e-mails, whatever their bytes."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.outreach.reading.mime import LONGEST_TEXT, Mail, read_mail


def read(*lines: str, body: bytes = b"Hello") -> Mail:
    """A mail of these headers and that body."""
    return read_mail("\r\n".join([*lines, "", ""]).encode() + body)


@given(st.binary(max_size=2000))
def test_no_bytes_make_it_fail(raw: bytes) -> None:
    """Whatever arrives, something comes back, and PostgreSQL can store it."""
    mail = read_mail(raw)
    for text in (mail.sender, mail.subject, mail.text, *mail.notes):
        assert "\0" not in text
        text.encode()


@given(
    name=st.sampled_from(["From", "Subject", "Content-Type", "Content-Transfer-Encoding", "Precedence"]),
    value=st.text(max_size=80),
    body=st.binary(max_size=200),
)
def test_no_header_makes_it_fail(name: str, value: str, body: bytes) -> None:
    """A header with any text in it costs at most that header."""
    raw = f"{name}: ".encode() + value.encode("utf-8", "replace") + b"\r\n\r\n" + body
    assert isinstance(read_mail(raw), Mail)


def test_headers_are_decoded() -> None:
    """Encoded words become text, and the address stands alone, in lower case."""
    mail = read("From: =?utf-8?q?=C3=89lodie?= <Elodie@Example.COM>", "Subject: =?utf-8?b?w4l0w6k=?=")
    assert (mail.sender, mail.subject, mail.text) == ("elodie@example.com", "Été", "Hello")


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252", "utf-16", "koi8-r", "iso-2022-jp"])
def test_the_declared_charset_counts(charset: str) -> None:
    """Text is decoded by the charset its part declares."""
    text = {"koi8-r": "привет", "iso-2022-jp": "こんにちは"}.get(charset, "grüße")
    encoded = base64.b64encode(text.encode(charset))
    mail = read(f"Content-Type: text/plain; charset={charset}", "Content-Transfer-Encoding: base64", body=encoded)
    assert (mail.text, mail.notes) == (text, ())


@pytest.mark.parametrize("charset", ["x-nobody-knows-it", "utf-8", "us-ascii"])
def test_a_wrong_charset_is_noted_and_replaced(charset: str) -> None:
    """Where the declared charset cannot be right, Windows-1252 reads it, and a note says so."""
    mail = read(f"Content-Type: text/plain; charset={charset}", body="grüße".encode("windows-1252"))
    assert mail.text == "grüße"
    assert f"the text is not {charset}" in mail.notes


def test_the_plain_part_goes_first() -> None:
    """Of two alternatives the plain one is read."""
    parts = b"--b\r\nContent-Type: text/html\r\n\r\n<p>no\r\n--b\r\nContent-Type: text/plain\r\n\r\nyes\r\n--b--"
    assert read("Content-Type: multipart/alternative; boundary=b", body=parts).text == "yes"


def test_an_html_mail_becomes_text() -> None:
    """Where there is only HTML, it is read as text."""
    assert read("Content-Type: text/html", body=b"<p>Hello <b>you</b></p>").text == "Hello you"


def test_a_forwarded_message_inside_is_not_the_writers() -> None:
    """The text of an attached message is not taken for the mail's."""
    inner = b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nunsubscribe me\r\n--b--"
    outer = b"--b\r\nContent-Type: text/plain\r\n\r\nsee below\r\n" + inner
    assert read("Content-Type: multipart/mixed; boundary=b", body=outer).text == "see below"


@pytest.mark.parametrize("raw", [b"", b"   \r\n"])
def test_nothing_is_noted_as_nothing(raw: bytes) -> None:
    """An empty message has no text and one note."""
    assert read_mail(raw) == Mail("", "", "", automatic=False, notes=("the message is empty",))


def test_base64_that_was_cut_off_is_read_as_far_as_it_goes() -> None:
    """What can be decoded is, and a note says that it was damaged."""
    broken = base64.b64encode(b"Please call me tomorrow.")[:-3] + b"*"
    mail = read("Content-Type: text/plain", "Content-Transfer-Encoding: base64", body=broken)
    assert mail.text.startswith("Please call me tomor")
    assert mail.notes


def test_a_huge_text_is_cut_off() -> None:
    """A text is kept up to a bound, and a note says so."""
    mail = read("Content-Type: text/plain", body=b"x" * (LONGEST_TEXT + 1))
    assert len(mail.text) == LONGEST_TEXT
    assert any("cut off" in note for note in mail.notes)


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Precedence: bulk",
        "From: MAILER-DAEMON@mx.example",
        "From: No Reply <no-reply+17@shop.example>",
        "Content-Type: multipart/report; boundary=b",
    ],
)
def test_what_a_machine_wrote_is_recognised(header: str) -> None:
    """Automatic answers, bulk mail and bounces count as automatic (RFC 3834)."""
    assert read(header).automatic


@pytest.mark.parametrize("header", ["Auto-Submitted: no", "From: norbert@shop.example", "Precedence: first-class"])
def test_what_a_person_wrote_is_not_automatic(header: str) -> None:
    """None of the marks of a machine."""
    assert not read(header).automatic
