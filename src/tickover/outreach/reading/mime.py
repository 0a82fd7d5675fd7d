"""An e-mail as it came in, read without ever failing on its contents: what is wrong becomes a note. Pure."""

import base64
import email
import re
from dataclasses import dataclass
from email import policy
from email.errors import InvalidBase64LengthDefect
from email.message import EmailMessage, MIMEPart
from email.utils import parseaddr

from tickover.outreach.reading.html import html_to_text

LONGEST_TEXT = 100_000
"""Characters of a text that are kept."""

_LONGEST_HEADER = 500
_MOST_NOTES = 10
# What the standard library's parser raises on headers and bodies it cannot make sense of.
_UNREADABLE = (LookupError, ValueError, TypeError, AttributeError, AssertionError, RecursionError)
_AUTOMATIC_SENDERS = re.compile(
    r"^(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)([+.-].*)?@", re.IGNORECASE
)
_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Mail:
    """What an e-mail says.

    Args:
        sender: the address in its From, lower-case; empty where there is none.
        subject: on one line; empty where there is none.
        text: the body, from the plain part or else from the HTML one; empty where there is neither.
        automatic: a machine wrote it (out of office, bounce), so it gets no answer and means nothing.
        notes: what was wrong with it, and what was made of that.
    """

    sender: str
    subject: str
    text: str
    automatic: bool
    notes: tuple[str, ...]


def read_mail(raw: bytes) -> Mail:
    """Read an e-mail. Malformed ones come back with as much as could be read, and notes.

    Args:
        raw: the message as it was received (RFC 5322, MIME).
    """
    return _Reading(raw).mail()


class _Reading:
    """One message being read, and the notes made about it."""

    def __init__(self, raw: bytes) -> None:
        self._notes: list[str] = []
        self._raw = raw
        self._message = email.message_from_bytes(raw, EmailMessage, policy=policy.default)

    def mail(self) -> Mail:
        """All of it."""
        if not self._raw.strip():
            return Mail("", "", "", automatic=False, notes=("the message is empty",))
        sender = parseaddr(self._header("From"))[1].lower()
        subject = self._header("Subject")
        text = self._bounded(self._body())
        self._note_defects()
        return Mail(sender, subject, text, self._is_automatic(sender), tuple(dict.fromkeys(self._notes))[:_MOST_NOTES])

    def _header(self, name: str) -> str:
        try:
            value = str(self._message.get(name, ""))
        except _UNREADABLE as error:
            self._notes.append(f"header {name} cannot be read: {type(error).__name__}")
            return ""
        return " ".join(_clean(value).split())[:_LONGEST_HEADER]

    def _body(self) -> str:
        try:
            part = self._message.get_body(("plain", "html"))
        except _UNREADABLE as error:
            self._notes.append(f"the structure cannot be read: {type(error).__name__}")
            part = None
        if part is None:
            return self._leftover()
        text = self._decoded(part)
        if part.get_content_subtype() == "html":
            return html_to_text(text)
        if text.strip():
            return text
        return self._html_beside(part)

    def _html_beside(self, plain: MIMEPart) -> str:
        """Some programs send an empty plain part beside the HTML one that holds the text."""
        part = self._message.get_body(("html",))
        if part is None or part is plain:
            self._notes.append("the message has no text")
            return ""
        return html_to_text(self._decoded(part))

    def _leftover(self) -> str:
        """The text of a message whose structure names none: the first text part of any kind, or what stands there."""
        for part in self._message.walk():
            if part.get_content_maintype() == "text":
                text = self._decoded(part)
                return html_to_text(text) if part.get_content_subtype() == "html" else text
        payload = self._message.get_payload()
        if isinstance(payload, str) and payload.strip():
            self._notes.append("no text part; the body is taken as it stands")
            return _decode(payload.encode("utf-8", "surrogateescape"), None, self._notes)
        self._notes.append("the message has no text part")
        return ""

    def _decoded(self, part: MIMEPart) -> str:
        try:
            payload = part.get_payload(decode=True)
            charset = part.get_content_charset()
        except _UNREADABLE as error:
            self._notes.append(f"a part cannot be decoded: {type(error).__name__}")
            return ""
        raw = payload if isinstance(payload, bytes) else b""
        if any(isinstance(defect, InvalidBase64LengthDefect) for defect in part.defects):
            raw = _salvage_base64(raw)  # the library gives such a part back as it stands
        return _decode(raw, charset, self._notes)

    def _is_automatic(self, sender: str) -> bool:
        submitted = self._header("Auto-Submitted").lower()
        return (
            (submitted not in {"", "no"})
            or self._header("Precedence").lower() in {"bulk", "junk", "auto_reply"}
            or self._message.get_content_type() == "multipart/report"
            or _AUTOMATIC_SENDERS.match(sender) is not None
        )

    def _note_defects(self) -> None:
        for part in self._message.walk():
            self._notes.extend(f"defect: {type(defect).__name__}" for defect in part.defects)

    def _bounded(self, text: str) -> str:
        cleaned = _clean(text).replace("\r\n", "\n").replace("\r", "\n")
        if len(cleaned) > LONGEST_TEXT:
            self._notes.append(f"the text is cut off after {LONGEST_TEXT} characters")
        return cleaned[:LONGEST_TEXT].strip()


def _decode(payload: bytes, charset: str | None, notes: list[str]) -> str:
    """Bytes as text: by the declared charset, else UTF-8, else Windows-1252, which reads nearly everything."""
    for name in (charset, "utf-8", "windows-1252"):
        if name is None:
            continue
        try:
            text = payload.decode(name)
        except (LookupError, ValueError):
            notes.append(f"the text is not {name[:40]}")
        else:
            return text
    return payload.decode("latin-1")


def _salvage_base64(encoded: bytes) -> bytes:
    """What can be decoded of base64 that was cut off or has other characters in it."""
    digits = _NO_BASE64.sub(b"", encoded)
    return base64.b64decode(digits[: len(digits) // 4 * 4])


def _clean(text: str) -> str:
    """Text that PostgreSQL stores: no NUL, no half of a surrogate pair."""
    return _UNSTORABLE.sub("\ufffd", text)
