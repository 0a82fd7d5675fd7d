"""Signatures of what is sent to an application's endpoint as the engine would send it. Pure; the time is passed in.

Rule: inngest-wire, Signatures: HMAC-SHA256 over the canonical JSON of the body (RFC 8785), followed by the digits of
the Unix time, keyed with the signing key without its prefix.
"""

import hashlib
import hmac
import json
import re
from datetime import datetime, timedelta
from urllib.parse import parse_qs

HEADER = "x-inngest-signature"
OLDEST = timedelta(minutes=5)
"""A signature that is further from now, either way, is refused."""

_PREFIX = re.compile(r"^signkey-\w+-")
_STAMP = re.compile(r"[0-9]{1,12}")


def bare(signing_key: str) -> str:
    """A signing key without its prefix."""
    return _PREFIX.sub("", signing_key)


def sign(signing_key: str, body: bytes, now: datetime) -> str:
    """The header's value.

    Args:
        signing_key: with or without its prefix.
        body: in canonical form, or empty.
        now: the time it is signed at.
    """
    stamp = str(int(now.timestamp()))
    mac = hmac.new(bare(signing_key).encode(), body + stamp.encode(), hashlib.sha256)
    return f"t={stamp}&s={mac.hexdigest()}"


def sync_body(url: str) -> bytes:
    """The body of a request to register, in canonical form: with one text in it, that is compact JSON."""
    return json.dumps({"url": url}, ensure_ascii=False, separators=(",", ":")).encode()


def is_fresh(header: str, now: datetime) -> bool:
    """Whether a signature was made within five minutes of now; one without a time was not.

    Args:
        header: its value.
        now: the time.
    """
    stamp = parse_qs(header).get("t", [""])[0]
    return _STAMP.fullmatch(stamp) is not None and abs(now.timestamp() - int(stamp)) <= OLDEST.total_seconds()
