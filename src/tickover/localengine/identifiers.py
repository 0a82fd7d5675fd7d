"""ULIDs, as the engine names events and runs, and short names of queue jobs."""

import hashlib
import secrets

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


def ulid(millis: int, entropy: bytes) -> str:
    """A ULID.

    Args:
        millis: Unix time in milliseconds.
        entropy: ten bytes.
    """
    number = (millis << 80) | int.from_bytes(entropy, "big")
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


def fresh_ulid(millis: int) -> str:
    """A ULID that nobody has."""
    return ulid(millis, secrets.token_bytes(10))


def seeded_ulid(millis: int, entropy: bytes, index: int) -> str:
    """The id of the event at a place in a call, the same each time the call is tried again under one seed."""
    return ulid(millis, hashlib.sha256(entropy + index.to_bytes(4, "big")).digest()[:10])


def job_id() -> str:
    """A name for a call in the queue."""
    number = secrets.randbits(64)
    digits = []
    while number:
        number, digit = divmod(number, 36)
        digits.append(_BASE36[digit])
    return "".join(digits)
