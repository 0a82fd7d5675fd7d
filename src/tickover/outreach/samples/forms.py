"""The forms in which the sample mails come: as mail programs write them, and as broken ones do. Pure.

Each form is a function from a letter to the bytes of a message; the forms are written out by hand, because a library
would refuse to write the broken ones.
"""

import base64
import quopri
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

_OURS = "Hello, we help teams to answer their leads in time. To unsubscribe from our mails, answer STOP."


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail is to say.

    Args:
        name: the writer's name.
        address: the writer's address.
        subject: the subject.
        text: the writer's own words.
        message_id: without angle brackets.
        sent_at: aware.
    """

    name: str
    address: str
    subject: str
    text: str
    message_id: str
    sent_at: datetime


Form = Callable[[Letter], bytes]


def _head(letter: Letter, *more: str, subject: str | None = None) -> str:
    name = Header(letter.name, "utf-8").encode()
    lines = [
        f"From: {name} <{letter.address}>",
        "To: Team <team@outreach.example>",
        f"Subject: {Header(letter.subject if subject is None else subject, 'utf-8').encode()}",
        f"Message-ID: <{letter.message_id}>",
        f"Date: {format_datetime(letter.sent_at)}",
        "MIME-Version: 1.0",
        *more,
    ]
    return "\r\n".join(lines) + "\r\n\r\n"


def _text(letter: Letter, body: str, charset: str = "utf-8") -> bytes:
    head = _head(letter, f"Content-Type: text/plain; charset={charset}", "Content-Transfer-Encoding: 8bit")
    return head.encode() + body.encode(charset, "replace")


def _html(letter: Letter, body: str) -> bytes:
    head = _head(letter, "Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: quoted-printable")
    return head.encode() + quopri.encodestring(body.encode())


def _parts(letter: Letter, kind: str, parts: Sequence[tuple[str, str]], *, closed: bool = True) -> bytes:
    mark = f"=_{letter.message_id[:20]}"
    lines = [_head(letter, f'Content-Type: multipart/{kind}; boundary="{mark}"')]
    lines += [f"--{mark}\r\n{headers}\r\n\r\n{body}\r\n" for headers, body in parts]
    return ("".join(lines) + (f"--{mark}--\r\n" if closed else "")).encode()


_PLAIN, _HTML = "Content-Type: text/plain; charset=utf-8", "Content-Type: text/html; charset=utf-8"


def plain(letter: Letter) -> bytes:
    """One text part with a signature."""
    return _text(letter, f"{letter.text}\r\n\r\n-- \r\n{letter.name}\r\nHead of something\r\n")


def alternative(letter: Letter) -> bytes:
    """Text and HTML, as most programs send."""
    return _parts(letter, "alternative", [(_PLAIN, letter.text), (_HTML, f"<p>{letter.text}</p>")])


def html_only(letter: Letter) -> bytes:
    """HTML with styles, entities and blocks."""
    head = "<html><head><style>p {color: red}</style></head>"
    return _html(letter, f"{head}<body><p>{letter.text}</p><p>Best&nbsp;wishes<br>{letter.name}</p>")


def html_with_empty_plain(letter: Letter) -> bytes:
    """An empty text part beside the HTML one that holds the text."""
    return _parts(letter, "alternative", [(_PLAIN, " "), (_HTML, f"<div>{letter.text}</div>")])


def gmail_reply(letter: Letter) -> bytes:
    """Gmail: an attribution, wrapped, and marked lines."""
    on = "On Mon, Nov 16, 2026 at 9:12 AM Outreach Team\r\n<team@outreach.example> wrote:"
    return _text(letter, f"{letter.text}\r\n\r\n{on}\r\n\r\n> {_OURS}\r\n> Interested?\r\n")


def gmail_html_reply(letter: Letter) -> bytes:
    """Gmail: HTML alone, the quoted part in a class of its own."""
    quote = (
        f'<div class="gmail_quote"><div class="gmail_attr">On Mon we wrote:</div><blockquote>{_OURS}</blockquote></div>'
    )
    return _html(letter, f'<div dir="ltr">{letter.text}</div>{quote}')


def outlook_reply(letter: Letter) -> bytes:
    """Outlook: a rule and a block of headers, nothing marked."""
    headers = "From: Outreach <team@outreach.example>\r\nSent: Monday, 16 November 2026\r\nTo: You\r\nSubject: Hello"
    return _text(letter, f"{letter.text}\r\n\r\n{'_' * 32}\r\n{headers}\r\n\r\n{_OURS}\r\n")


def outlook_html_reply(letter: Letter) -> bytes:
    """Outlook: HTML, where an id says that all the rest is quoted."""
    return _html(letter, f'<p>{letter.text}</p><div id="divRplyFwdMsg"><b>From:</b> Outreach</div><div>{_OURS}</div>')


def german_outlook_reply(letter: Letter) -> bytes:
    """Outlook in German."""
    headers = (
        "Von: Outreach <team@outreach.example>\r\nGesendet: Montag, 16. November 2026\r\nAn: Sie\r\nBetreff: Hallo"
    )
    return _text(letter, f"{letter.text}\r\n\r\n{headers}\r\n\r\n{_OURS}\r\n", "iso-8859-1")


def french_reply(letter: Letter) -> bytes:
    """Apple Mail in French, signed by a telephone."""
    on = "Le 16 nov. 2026 à 09:12, Outreach <team@outreach.example> a écrit :"
    return _text(letter, f"{letter.text}\r\n\r\nEnvoyé de mon iPhone\r\n\r\n{on}\r\n\r\n> {_OURS}\r\n")


def thunderbird_reply(letter: Letter) -> bytes:
    """Thunderbird: the answer stands below the quoted lines."""
    on = "Am 16.11.2026 um 09:12 schrieb Outreach:"
    return _text(letter, f"{on}\r\n> {_OURS}\r\n>\r\n> Interested?\r\n\r\n{letter.text}\r\n")


def original_message_reply(letter: Letter) -> bytes:
    """An old program: a dividing line."""
    return _text(letter, f"{letter.text}\r\n\r\n-----Original Message-----\r\nFrom: Outreach\r\n{_OURS}\r\n")


def interleaved_reply(letter: Letter) -> bytes:
    """Answers between the quoted lines."""
    return _text(letter, f"> Hello, we help teams.\r\n{letter.text}\r\n> To unsubscribe, answer STOP.\r\nNoted.\r\n")


def forwarded(letter: Letter) -> bytes:
    """Forwarded by Gmail, with the writer's words above."""
    headers = "From: Outreach <team@outreach.example>\r\nDate: Mon, Nov 16, 2026\r\nSubject: Hello\r\nTo: me"
    return _text(letter, f"{letter.text}\r\n\r\n---------- Forwarded message ---------\r\n{headers}\r\n\r\n{_OURS}\r\n")


def forwarded_as_attachment(letter: Letter) -> bytes:
    """Forwarded whole, as a message inside the message."""
    inner = f"From: team@outreach.example\r\nSubject: Hello\r\nContent-Type: text/plain\r\n\r\n{_OURS}"
    return _parts(letter, "mixed", [(_PLAIN, letter.text), ("Content-Type: message/rfc822", inner)])


def with_attachment(letter: Letter) -> bytes:
    """A text part and a file."""
    pdf = 'Content-Type: application/pdf; name="order.pdf"\r\nContent-Transfer-Encoding: base64'
    return _parts(letter, "mixed", [(_PLAIN, letter.text), (pdf, base64.b64encode(b"%PDF-1.7 nothing").decode())])


def attachment_only(letter: Letter) -> bytes:
    """A file and no text at all."""
    return _parts(letter, "mixed", [("Content-Type: image/png\r\nContent-Transfer-Encoding: base64", "iVBORw0KGgo=")])


def base64_text(letter: Letter) -> bytes:
    """Text in base64."""
    head = _head(letter, "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64")
    return head.encode() + base64.encodebytes(letter.text.encode())


def broken_base64(letter: Letter) -> bytes:
    """Base64 that was cut off and has a character that is none."""
    head = _head(letter, "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64")
    return head.encode() + base64.b64encode(letter.text.encode())[:-3] + b"*"


def unknown_charset(letter: Letter) -> bytes:
    """A charset that nobody knows."""
    return _text(letter, letter.text).replace(b"charset=utf-8", b'charset="x-secret-9"')


def wrong_charset(letter: Letter) -> bytes:
    """Windows-1252 that calls itself UTF-8."""
    return _head(letter, "Content-Type: text/plain; charset=utf-8").encode() + f"\u201c{letter.text}\u201d".encode(
        "windows-1252", "replace"
    )


def undeclared_latin(letter: Letter) -> bytes:
    """Eight-bit characters without a word about their charset."""
    return _head(letter).encode() + letter.text.encode("latin-1", "replace")


def japanese(letter: Letter) -> bytes:
    """ISO-2022-JP, with a few words in it."""
    return _text(letter, f"お世話になっております。\r\n{letter.text}", "iso-2022-jp")


def cyrillic(letter: Letter) -> bytes:
    """Windows-1251."""
    return _text(letter, f"Добрый день!\r\n{letter.text}", "windows-1251")


def utf16(letter: Letter) -> bytes:
    """UTF-16 in base64."""
    head = _head(letter, "Content-Type: text/plain; charset=utf-16", "Content-Transfer-Encoding: base64")
    return head.encode() + base64.encodebytes(letter.text.encode("utf-16"))


def broken_quoted_printable(letter: Letter) -> bytes:
    """Quoted-printable with escapes that are none."""
    head = _head(letter, "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable")
    return head.encode() + quopri.encodestring(letter.text.encode()) + b" =ZZ =\r\n=E9 end"


def broken_subject(letter: Letter) -> bytes:
    """A subject whose encoded word is damaged."""
    return _text(letter, letter.text).replace(b"Subject: ", b"Subject: =?utf-8?q?=E2=82?= =?x?b?!!?= ")


def unclosed_multipart(letter: Letter) -> bytes:
    """Cut off on the way: the closing boundary is missing."""
    return _parts(letter, "alternative", [(_PLAIN, letter.text), (_HTML, f"<p>{letter.text}")], closed=False)


def multipart_without_boundary(letter: Letter) -> bytes:
    """Says that it has parts, and not where."""
    return _head(letter, "Content-Type: multipart/mixed").encode() + letter.text.encode()


def headers_only(letter: Letter) -> bytes:
    """No body."""
    return _head(letter).encode()


def empty(_: Letter) -> bytes:
    """Nothing at all."""
    return b""


def no_headers(letter: Letter) -> bytes:
    """A body without headers."""
    return b"\r\n" + letter.text.encode()


def binary_noise(letter: Letter) -> bytes:
    """Bytes that are no mail, with a NUL among them."""
    return b"\x00\xff\xfe: \x80\r\nFrom: \xe9\x00<@@>\r\n\r\n" + letter.text.encode() + b"\x00\x00\xc3"


def bad_addresses(letter: Letter) -> bytes:
    """A From that no parser likes."""
    return _text(letter, letter.text).replace(b"From: ", b'From: <<@,;:[>,"open <', 1)


def out_of_office(letter: Letter) -> bytes:
    """A machine answers."""
    body = b"I am out of the office until Monday. For more information call me."
    return _head(letter, "Auto-Submitted: auto-replied", subject=f"Automatic reply: {letter.subject}").encode() + body


def bounce(letter: Letter) -> bytes:
    """A mail server reports that it could not deliver."""
    status = "Content-Type: message/delivery-status", "Reporting-MTA: dns; mx.example\r\n\r\nAction: failed\r\n"
    return _parts(letter, "report; report-type=delivery-status", [(_PLAIN, "It could not be delivered."), status])


def long_thread(letter: Letter) -> bytes:
    """Many levels of quotes."""
    quotes = "".join(f"{'>' * (1 + level % 9)} line {level} {_OURS}\r\n" for level in range(400))
    return _text(letter, f"{letter.text}\r\n\r\nOn Monday, Outreach wrote:\r\n{quotes}")


def bare_newlines(letter: Letter) -> bytes:
    """Lines that end as Unix ends them."""
    return plain(letter).replace(b"\r\n", b"\n")


FORMS: tuple[Form, ...] = (
    plain,
    gmail_reply,
    html_only,
    alternative,
    outlook_reply,
    empty,
    gmail_html_reply,
    undeclared_latin,
    forwarded,
    thunderbird_reply,
    base64_text,
    outlook_html_reply,
    unknown_charset,
    german_outlook_reply,
    out_of_office,
    html_with_empty_plain,
    french_reply,
    broken_base64,
    original_message_reply,
    japanese,
    with_attachment,
    wrong_charset,
    unclosed_multipart,
    interleaved_reply,
    cyrillic,
    binary_noise,
    forwarded_as_attachment,
    utf16,
    broken_quoted_printable,
    long_thread,
    bounce,
    multipart_without_boundary,
    broken_subject,
    headers_only,
    attachment_only,
    bad_addresses,
    no_headers,
    bare_newlines,
)
"""Every form, well-formed and broken ones mixed."""
