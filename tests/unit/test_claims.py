from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.web.claims import GOOGLE, LEEWAY, Expectation, refusal, wrong_issuer

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
AT = NOW.timestamp()
BOT = "cron@project.iam.gserviceaccount.com"
ROBOT = "system:serviceaccount:jobs:cron"
EXPECTED = Expectation(GOOGLE, "https://app.example.com", (BOT, ROBOT))
CLAIMS = {
    "iss": GOOGLE, "aud": "https://app.example.com", "sub": "1029384756", "email": BOT, "email_verified": True,
    "iat": AT - 10, "exp": AT + 3590,
}  # fmt: skip


def judged(**changed: Any) -> str | None:
    """What is said of a good token after these changes; None takes a claim away."""
    claims = CLAIMS | changed
    return refusal({name: value for name, value in claims.items() if value is not None}, EXPECTED, NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"iss": "accounts.google.com"},
        {"iss": f"{GOOGLE}/"},
        {"aud": ["https://other.example.com", "https://app.example.com"]},
        {"sub": ROBOT, "email": None, "email_verified": None},
        {"sub": ROBOT, "email": "somebody@example.com", "email_verified": False},
        {"sub": None},
        {"exp": AT - LEEWAY + 1},
        {"iat": AT + LEEWAY},
        {"nbf": AT + LEEWAY},
        {"exp": int(AT) + 1, "iat": int(AT)},
    ],
    ids=str,
)
def test_a_token_that_says_what_is_expected_lets_its_bearer_in(changed: dict[str, Any]) -> None:
    """By a verified e-mail or by a sub, for one audience or several, with clocks that differ a little."""
    assert judged(**changed) is None


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"iss": None}, "issued by nothing"),
        ({"iss": "https://issuer.example.com"}, "issued by 'https://issuer.example.com'"),
        ({"iss": "http://accounts.google.com"}, "CRON_OIDC_ISSUER"),
        ({"iss": "accounts.google.com.example.com"}, "CRON_OIDC_ISSUER"),
        ({"iss": [GOOGLE]}, "CRON_OIDC_ISSUER"),
        ({"aud": None}, "meant for nothing"),
        ({"aud": "https://app.example.com/"}, "meant for 'https://app.example.com/'"),
        ({"aud": "app.example.com"}, "CRON_OIDC_AUDIENCE"),
        ({"aud": ["https://other.example.com"]}, "CRON_OIDC_AUDIENCE"),
        ({"aud": []}, "CRON_OIDC_AUDIENCE"),
        ({"aud": {"https://app.example.com": 1}}, "CRON_OIDC_AUDIENCE"),
        ({"exp": None}, "exp is missing or no time"),
        ({"exp": "tomorrow"}, "exp is missing or no time"),
        ({"exp": True}, "exp is missing or no time"),
        ({"exp": float("nan")}, "exp is missing or no time"),
        ({"exp": float("inf")}, "exp is missing or no time"),
        ({"exp": 10**400}, "exp is missing or no time"),
        ({"iat": None}, "iat is missing or no time"),
        ({"iat": str(AT)}, "iat is missing or no time"),
        ({"nbf": "now"}, "nbf is missing or no time"),
        ({"exp": AT - LEEWAY}, "expired 30 s ago"),
        ({"exp": AT - 3600}, "expired 3600 s ago"),
        ({"iat": AT + LEEWAY + 1}, "not valid before 31 s from now"),
        ({"nbf": AT + 600}, "not valid before 600 s from now"),
        ({"email_verified": False}, "not verified the e-mail"),
        ({"email_verified": "true"}, "not verified the e-mail"),
        ({"email_verified": None}, "not verified the e-mail"),
        ({"email": "other@project.iam.gserviceaccount.com"}, "CRON_OIDC_SUBJECT"),
        ({"email": BOT.upper()}, "CRON_OIDC_SUBJECT"),
        ({"email": [BOT]}, "CRON_OIDC_SUBJECT"),
        ({"email": None, "sub": f"{ROBOT}-2"}, "CRON_OIDC_SUBJECT"),
        ({"email": None, "sub": None}, "(sub nothing, email nothing)"),
        ({"email": None, "sub": [ROBOT]}, "CRON_OIDC_SUBJECT"),
    ],
    ids=str,
)
def test_a_token_that_says_anything_else_is_refused_with_what_to_do(changed: dict[str, Any], says: str) -> None:
    """One claim is missing, of another kind, or of another value."""
    assert says in (judged(**changed) or "")


def test_only_google_goes_by_a_name_without_a_scheme() -> None:
    """Another issuer's tokens have to name it as it was configured, a slash at the end apart."""
    other = Expectation("https://issuer.example.com", "a", ("s",))
    assert wrong_issuer({"iss": "https://issuer.example.com/"}, other) is None
    for name in ("issuer.example.com", "accounts.google.com", GOOGLE, "https://issuer.example.com//", None):
        assert wrong_issuer({"iss": name}, other) is not None


def test_what_is_said_stays_on_one_line_and_short() -> None:
    """Whoever wrote the claim cannot write lines of a log."""
    said = judged(iss="https://x\n2026-11-24 [error] hacked " + "x" * 10_000) or ""
    assert "\n" not in said
    assert len(said) < 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@given(st.sampled_from([*CLAIMS, "nbf"]), JSON)
def test_whatever_stands_in_a_claim_there_is_a_verdict(name: str, value: Any) -> None:
    """Nothing raises, and what is refused is refused with a text."""
    verdict = refusal(CLAIMS | {name: value}, EXPECTED, NOW)
    assert verdict is None or len(verdict) > 40
