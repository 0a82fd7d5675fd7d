"""The keys of an issuer of the test's own, found and fetched over real HTTP, whatever it publishes."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.clocks import SetClock
from tests.issuers import (
    AUDIENCE,
    BOT,
    DISCOVERY,
    KEYS,
    Answer,
    Issuer,
    answer,
    endless,
    make_issuer,
    never,
    public_jwk,
)
from tests.waiting import eventually
from tickover.errors import RequestError
from tickover.web.claims import Expectation
from tickover.web.oidc import Keys

ONE = {"keys": [public_jwk("one")]}
ELSEWHERE = "/elsewhere"


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """An issuer that is up."""
    issuer = make_issuer()
    async with issuer.up():
        yield issuer


def keys_of(issuer: Issuer, timeout: float = 10.0) -> Keys:
    """Its keys, none of which has been fetched; a test that waits so long has failed."""
    return Keys(Expectation(issuer.url, AUDIENCE, (BOT,)), SetClock(), timeout)


async def failure(keys: Keys) -> str:
    """Why a key cannot be had: what is answered, which is what is logged too."""
    with capture_logs() as logs, pytest.raises(RequestError) as caught:
        await keys.find("one")
    assert (caught.value.status, caught.value.code) == (HTTPStatus.SERVICE_UNAVAILABLE, "identity-unavailable")
    (log,) = logs
    assert log["event"] == "identity.unavailable"
    assert log["reason"] in caught.value.detail
    return str(log["reason"])


def redirect(to: str) -> Answer:
    """An answer that leads elsewhere."""
    return answer({}, 302, location=to)


def compressed(document: dict[str, Any]) -> Answer:
    """A compressed answer, though none was asked for: a small one can become a large one."""
    return answer(gzip.compress(json.dumps(document).encode()), content_encoding="gzip")


BAD: dict[str, tuple[dict[str, Answer], str]] = {
    "no discovery": ({DISCOVERY: answer({}, 404)}, "answers 404"),
    "a discovery that leads elsewhere": ({DISCOVERY: redirect(ELSEWHERE)}, "answers 302"),
    "a discovery without an end": ({DISCOVERY: endless}, "larger than 131072 bytes"),
    "no JSON": ({DISCOVERY: answer(b"<html>")}, "Expecting value"),
    "no text": ({DISCOVERY: answer(b"\xff\xfe\xfd")}, "decode"),
    "no object": ({DISCOVERY: answer([])}, "no JSON object"),
    "too deep": ({DISCOVERY: answer(b"[" * 100_000)}, "RecursionError"),
    "another issuer": ({DISCOVERY: answer({"issuer": "https://i.example.com", "jwks_uri": KEYS})}, "another issuer"),
    "no issuer": ({DISCOVERY: answer({"jwks_uri": KEYS})}, "another issuer"),
    "no keys": ({KEYS: answer({}, 404)}, "answers 404"),
    "keys that lead elsewhere": ({KEYS: redirect(ELSEWHERE)}, "answers 302"),
    "keys without an end": ({KEYS: endless}, "larger than 131072 bytes"),
    "a huge set of keys": ({KEYS: answer(ONE | {"more": "x" * 131_072})}, "larger than 131072 bytes"),
    "a compressed set of keys": ({KEYS: compressed(ONE)}, "decode"),
    "an empty set": ({KEYS: answer({"keys": []})}, "no key for RS256 or ES256"),
    "a set that is none": ({KEYS: answer({"keys": "one"})}, "no key for RS256 or ES256"),
}


@pytest.mark.parametrize(("answers", "reason"), BAD.values(), ids=BAD.keys())
async def test_what_an_issuer_should_not_publish_is_not_believed(
    issuer: Issuer, answers: dict[str, Answer], reason: str
) -> None:
    """It is a 503 that says what came instead; nothing else is raised, and nobody goes where he is led."""
    issuer.answers = {ELSEWHERE: answer(ONE)} | answers
    assert reason in await failure(keys_of(issuer))
    assert ELSEWHERE not in issuer.asked


USELESS: dict[str, object] = {
    "no object": "one",
    "an empty one": {},
    "a secret that is missing": {"kty": "oct", "kid": "one"},
    "a secret": {"kty": "oct", "kid": "one", "k": "c2VjcmV0"},
    "no numbers": {"kty": "RSA", "kid": "one"},
    "a list as its kind": {"kty": ["RSA"], "kid": "one"},
    "a list as its algorithm": {"kty": "RSA", "alg": ["x"], "kid": "one"},
    "for encryption": public_jwk("one", use="enc"),
    "another algorithm": public_jwk("one", alg="RS512"),
    "a secret's algorithm": public_jwk("one", alg="HS256"),
    "a number that is none": public_jwk("one", n="AQAB"),
    "another curve": public_jwk("ec-one", kid="one", crv="P-384"),
    "no point of the curve": public_jwk("ec-one", kid="one", x="AQAB"),
}


@pytest.mark.parametrize("entry", USELESS.values(), ids=USELESS.keys())
async def test_keys_that_are_not_for_us_are_left_out(issuer: Issuer, entry: object) -> None:
    """Of another kind, for another use, or broken: what stands beside them counts, and they alone are none at all."""
    issuer.answers = {KEYS: answer({"keys": [entry, public_jwk("two")]})}
    keys = keys_of(issuer)
    assert await keys.find("one") is None
    assert await keys.find("two") is not None
    issuer.answers = {KEYS: answer({"keys": [entry]})}
    assert "no key for RS256 or ES256" in await failure(keys_of(issuer))


@pytest.mark.parametrize("url", ["http://keys.example.com/keys", "ftp://127.0.0.1/keys", KEYS, "", None, 7])
async def test_keys_are_not_fetched_where_somebody_could_stand_in_between(issuer: Issuer, url: object) -> None:
    """The place that discovery names has to be https, or on the loopback interface."""
    issuer.answers = {DISCOVERY: answer({"issuer": issuer.url, "jwks_uri": url})}
    assert (await failure(keys_of(issuer))).startswith("its jwks_uri must ")


@pytest.mark.parametrize("answers", [{DISCOVERY: never}, {KEYS: never}], ids=["discovery", "keys"])
async def test_i10_an_issuer_that_does_not_answer_is_given_up(issuer: Issuer, answers: dict[str, Answer]) -> None:
    """After so many seconds in all; whoever waited meanwhile is told the same, and does not ask again."""
    issuer.answers = answers
    keys = keys_of(issuer, timeout=0.2)
    with capture_logs() as logs:
        async with asyncio.timeout(20):
            asking = (keys.find(kid) for kid in ("one", "one", "two"))
            outcomes = await asyncio.gather(*asking, return_exceptions=True)
    for outcome in outcomes:
        assert isinstance(outcome, RequestError)
        assert "no answer within 0.2 s" in outcome.detail
    assert [log["event"] for log in logs] == ["identity.unavailable"]


async def test_whoever_gives_up_leaves_the_fetch_to_the_next(issuer: Issuer) -> None:
    """A request that is cut off while it fetches is neither an answer nor a failure."""
    issuer.answers = {DISCOVERY: never}
    keys = keys_of(issuer)
    first = asyncio.ensure_future(keys.find("one"))
    second = asyncio.ensure_future(keys.find("one"))
    await eventually(issuer.was_asked)
    issuer.answers = {}
    first.cancel()
    found = await second
    assert found is not None
    assert found.key_id == "one"
