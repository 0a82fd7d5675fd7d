"""May the bearer of this ID token fire a tick? Pure: the token's claims in, the reason for a refusal out.

Checked is what OpenID Connect asks of whoever is shown an ID token: who issued it, whom it is meant for, when it is
valid (https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation); and then whose it is.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

GOOGLE = "https://accounts.google.com"
"""The issuer whose tokens may name it without a scheme."""

LEEWAY = 30.0
"""Seconds by which the clocks of the issuer and of this host may differ."""

_LONGEST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a token must say.

    Args:
        issuer: who issued it, without a slash at the end.
        audience: whom it is meant for.
        subjects: whose it may be: subjects, or e-mail addresses that the issuer has verified.
    """

    issuer: str
    audience: str
    subjects: tuple[str, ...]

    @property
    def issuers(self) -> tuple[str, ...]:
        """All names under which the issuer counts as itself."""
        bare = (GOOGLE.removeprefix("https://"),) if self.issuer == GOOGLE else ()
        return (self.issuer, f"{self.issuer}/", *bare)


def refusal(claims: Mapping[str, Any], expected: Expectation, now: datetime) -> str | None:
    """Why the bearer of a token may not fire a tick, and what to do; None where it may.

    Args:
        claims: what the token says, its signature checked.
        expected: what it must say.
        now: the time.
    """
    return (
        wrong_issuer(claims, expected)
        or _wrong_audience(claims, expected)
        or _wrong_time(claims, now.timestamp())
        or _wrong_bearer(claims, expected)
    )


def wrong_issuer(claims: Mapping[str, Any], expected: Expectation) -> str | None:
    """Why the issuer that a token names is not the one that counts; None where it is."""
    if claims.get("iss") in expected.issuers:
        return None
    return (
        f"the token was issued by {_shown(claims, 'iss')}, and that is not the issuer that counts here: "
        "send one of that issuer, or set CRON_OIDC_ISSUER to the one that issues for the scheduler"
    )


def _wrong_audience(claims: Mapping[str, Any], expected: Expectation) -> str | None:
    audience = claims.get("aud")
    if expected.audience in (audience if isinstance(audience, list) else [audience]):
        return None
    return (
        f"the token is meant for {_shown(claims, 'aud')}: let the scheduler ask for one whose audience is "
        "CRON_OIDC_AUDIENCE, to the last slash"
    )


def _wrong_time(claims: Mapping[str, Any], now: float) -> str | None:
    times = {name: _seconds(claims[name]) for name in ("exp", "iat", "nbf") if name in claims}
    for name in ("exp", "iat", *times):
        if times.get(name) is None:
            return f"the token's {name} is missing or no time: take tokens from an issuer that says when they are valid"
    expires, *begins = (time for time in times.values() if time is not None)
    if now >= expires + LEEWAY:
        return f"the token expired {now - expires:.0f} s ago: send a fresh one with each call, and check both clocks"
    if max(begins) > now + LEEWAY:
        return f"the token is not valid before {max(begins) - now:.0f} s from now: check both clocks"
    return None


def _wrong_bearer(claims: Mapping[str, Any], expected: Expectation) -> str | None:
    if claims.get("sub") in expected.subjects:
        return None
    who = f"sub {_shown(claims, 'sub')}, email {_shown(claims, 'email')}"
    if claims.get("email") not in expected.subjects:
        return f"the token's bearer ({who}) is not named in CRON_OIDC_SUBJECT: name it there if it may fire ticks"
    if claims.get("email_verified") is not True:
        return f"the token's issuer has not verified the e-mail ({who}): name the sub in CRON_OIDC_SUBJECT instead"
    return None


def _seconds(value: Any) -> float | None:
    """A time as seconds since 1970; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) else None


def _shown(claims: Mapping[str, Any], name: str) -> str:
    """A claim as it may stand in a text: on one line, and not at any length."""
    if name not in claims:
        return "nothing"
    text = ascii(claims[name])
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
