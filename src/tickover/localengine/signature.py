"""Signatures of the Inngest protocol, both ways. Pure; the time is passed in.

Rule: inngest-wire, Signatures. HMAC-SHA256 over the canonical JSON (RFC 8785) of a request, or over the bytes of an
answer, followed by the digits of the Unix time; keyed with the signing key without its prefix.
"""

import hashlib
import hmac
import re
from urllib.parse import parse_qs

import jcs

HEADER = "x-inngest-signature"
_PREFIX = re.compile(r"^signkey-[A-Za-z0-9_]+-")
_STAMP = re.compile(r"^[0-9]{1,12}$")
_OLDEST = 300  # seconds


def canonical(body: object) -> bytes:
    """A JSON value in its canonical form."""
    encoded: bytes = jcs.canonicalize(body)
    return encoded


def bare(key: str) -> str:
    """A signing key without its prefix."""
    return _PREFIX.sub("", key)


def bearer(key: str) -> str:
    """What an application shows when it registers: the hex SHA-256 of the bare key, whose hex digits are bytes."""
    plain = bare(key)
    try:
        raw = bytes.fromhex(plain)
    except ValueError:
        raw = plain.encode()
    return hashlib.sha256(raw).hexdigest()


def sign(body: bytes, key: str, unix_time: int) -> str:
    """The header's value for a body."""
    return f"t={unix_time}&s={_mac(body, key, str(unix_time))}"


def holds(body: bytes, key: str, header: str | None, unix_time: int) -> bool:
    """Whether a header signs this body under this key, not more than five minutes ago."""
    fields = parse_qs(header or "")
    stamp, shown = fields.get("t", [""])[0], fields.get("s", [""])[0]
    if not _STAMP.match(stamp) or abs(unix_time - int(stamp)) > _OLDEST:
        return False
    return hmac.compare_digest(shown.encode(), _mac(body, key, stamp).encode())


def _mac(body: bytes, key: str, stamp: str) -> str:
    return hmac.new(bare(key).encode(), body + stamp.encode(), hashlib.sha256).hexdigest()
