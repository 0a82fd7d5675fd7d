"""Sessions, one-time links and the marks of forms: what is signed, and read again. Pure.

Each is signed with a key that is made from the token of its role. So a viewer's cookie can become no operator's, a new
token ends every session of its role in every replica, and nothing has to be kept.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import jwt
from pydantic import SecretStr

from tickover.web.access.people import LONGEST_NAME, Person, Role, Tokens

_ALGORITHM = "HS256"
_LONGEST = 1000  # characters; ours have 250


class Purpose(StrEnum):
    """What a signed text is good for; one that is meant for another purpose is none."""

    SESSION = "session"
    LINK = "link"
    FORM = "form"


@dataclass(frozen=True, slots=True)
class Pass:
    """What a signed text says.

    Args:
        person: who is let in.
        ends_at: until when.
        number: tells it from every other one.
    """

    person: Person
    ends_at: datetime
    number: str


def sign(purpose: Purpose, granted: Pass, tokens: Tokens) -> str:
    """The text that says so.

    Args:
        purpose: what it is good for.
        granted: what it says; its role has a token.
        tokens: of each role.
    """
    claims = {
        "aud": str(purpose),
        "sub": granted.person.name,
        "role": str(granted.person.role),
        "exp": int(granted.ends_at.timestamp()),
        "jti": granted.number,
    }
    return jwt.encode(claims, _key(purpose, tokens[granted.person.role]), _ALGORITHM)


def read(purpose: Purpose, text: str, tokens: Tokens, now: datetime) -> Pass | None:
    """What a text says; None where it is not signed by us for this purpose, or its time is over.

    Args:
        purpose: what it has to be good for.
        text: as it came.
        tokens: of each role.
        now: the time.
    """
    if len(text) > _LONGEST:
        return None
    for role, token in tokens.items():
        claims = _claims(purpose, text, token)
        if claims is not None and claims.get("role") == role:
            return _granted(claims, role, now)
    return None


def form_mark(granted: Pass, tokens: Tokens) -> str:
    """What every form of a session carries, and no other site can know."""
    key = _key(Purpose.FORM, tokens[granted.person.role])
    return hmac.new(key, f"{granted.number}\n{granted.person.name}".encode(), hashlib.sha256).hexdigest()


def _key(purpose: Purpose, token: SecretStr) -> bytes:
    return hmac.new(token.get_secret_value().encode(), f"tickover {purpose} v1".encode(), hashlib.sha256).digest()


def _claims(purpose: Purpose, text: str, token: SecretStr) -> Mapping[str, Any] | None:
    options: Any = {"verify_exp": False, "require": ["exp", "sub", "jti"]}  # by our own clock, below
    try:
        claims: Mapping[str, Any] = jwt.decode(
            text, _key(purpose, token), [_ALGORITHM], audience=str(purpose), options=options
        )
    except jwt.InvalidTokenError:
        return None
    return claims


def _granted(claims: Mapping[str, Any], role: Role, now: datetime) -> Pass | None:
    ends_at = datetime.fromtimestamp(claims["exp"], UTC)
    if now >= ends_at or len(claims["sub"]) > LONGEST_NAME:
        return None
    return Pass(Person(claims["sub"], role), ends_at, claims["jti"])
