"""ID tokens from an issuer of the test's own, over real HTTP, shown to the real endpoints."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from tests.integration.conftest import SECRET, Probe, Rows, Serve, Site
from tests.issuers import (
    AUDIENCE,
    BOT,
    DISCOVERY,
    KEYS,
    Issuer,
    answer,
    forged,
    make_issuer,
    public_pem,
)
from tickover import clock

FETCHED = [DISCOVERY, KEYS]


@dataclass
class Standing:
    """Time that stands still until it is moved."""

    passed: float = 0.0

    def now(self) -> datetime:
        """The time of day."""
        return datetime(2026, 11, 24, 12, tzinfo=UTC) + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        """The seconds that have passed, and some."""
        return 1000.0 + self.passed


@pytest.fixture
def time() -> Iterator[Standing]:
    """The time of the test and of everything in it."""
    standing = Standing()
    with clock.taken_from(standing):
        yield standing


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """An issuer that is up."""
    issuer = make_issuer()
    async with issuer.up():
        yield issuer


@dataclass
class Door:
    """A served application, asked with tokens; whatever it answers and logs is kept."""

    site: Site
    logs: list[Any] = field(default_factory=list)

    async def shown(self, token: str, path: str = "/api/jobs/status", method: str = "GET") -> httpx.Response:
        """What becomes of whoever shows a token. No part of it is in the answer, nor in what is logged."""
        with capture_logs() as logs:
            response = await self.site.client.request(method, path, headers={"authorization": f"Bearer {token}"})
        self.logs += logs
        for part in token.split("."):
            assert len(part) < 8 or part not in f"{response.text}{logs}"
        assert SECRET not in f"{response.text}{logs}"
        return response

    async def code(self, token: str) -> str:
        """The code of what is answered; `ok` where the bearer is let in."""
        response = await self.shown(token)
        if response.status_code == 200:
            return "ok"
        assert response.headers["content-type"] == "application/problem+json"
        assert response.status_code == (503 if "unavailable" in response.json()["type"] else 401)
        return str(response.json()["type"]).rpartition(":")[2]


Open = Callable[..., Awaitable[Door]]


@pytest.fixture
def open_door(serve: Serve, issuer: Issuer) -> Open:
    """Serve the probe application to the bot of the issuer."""

    async def begin(**environment: str) -> Door:
        identities = {"CRON_OIDC_AUDIENCE": AUDIENCE, "CRON_OIDC_SUBJECT": f"{BOT},robot"}
        return Door(await serve(**identities | {"CRON_OIDC_ISSUER": issuer.url} | environment))

    return begin


async def test_a_tick_is_fired_by_an_id_token(open_door: Open, issuer: Issuer, probe: Probe) -> None:
    """Signed by RSA or by an elliptic curve, of a verified e-mail or of a sub, where no secret is configured at all."""
    issuer.published = ["one", "ec-one"]
    door = await open_door(CRON_SECRET=" ")
    for number, token in enumerate((issuer.token(), issuer.token("ec-one", sub="robot", email=None))):
        headers = {"authorization": f"Bearer {token}", "idempotency-key": f"t{number}"}
        response = await door.site.client.post("/api/cron/background-jobs", headers=headers)
        assert (response.status_code, response.json()["mode"]) == (200, "inline")
    assert probe.ran() == ["queue-drain", "prune", "queue-health"] * 2
    assert await door.code(SECRET) == "wrong-secret"


async def test_a_real_token_for_something_else_is_refused(open_door: Open, issuer: Issuer, probe: Probe) -> None:
    """401, with what was wrong and the variable to look at."""
    door = await open_door()
    for changed, says in (
        ({"iss": "https://issuer.example.com"}, "CRON_OIDC_ISSUER"),
        ({"aud": f"{AUDIENCE}/"}, "CRON_OIDC_AUDIENCE"),
        ({"exp": 1}, "expired"),
        ({"iat": 4_000_000_000}, "not valid before"),
        ({"email": "other@project.iam.gserviceaccount.com"}, "CRON_OIDC_SUBJECT"),
        ({"email_verified": False}, "not verified"),
    ):
        token = issuer.token(**changed)
        assert await door.code(token) == "wrong-identity"
        response = await door.shown(token, "/api/cron/background-jobs", "POST")
        assert says in response.json()["detail"]
    assert probe.runs == []


def forgeries(issuer: Issuer) -> dict[str, str]:
    """Tokens that say all that is expected, none of which the issuer has signed."""
    good, claims = issuer.token(), issuer.claims()
    header, payload, signature = good.split(".")
    key = {"kid": "one", "typ": "JWT"}
    return {
        "not signed": forged({"alg": "none"} | key, claims),
        "not signed, in capitals": forged({"alg": "NONE"} | key, claims),
        "says nothing of its algorithm": forged(key, claims, b"x"),
        "the public key as a secret": forged({"alg": "HS256"} | key, claims, public_pem("one")),
        "a secret key, said to be RSA": forged({"alg": "RS256"} | key, claims, public_pem("one")),
        "another key under the same id": issuer.token("two", kid="one"),
        "another kind of key under the same id": issuer.token("ec-two", kid="one"),
        "an algorithm that was not asked for": issuer.token("one", "RS512"),
        "a padding that was not asked for": issuer.token("one", "PS256"),
        "other claims under a signature": ".".join((header, issuer.token(sub="x").split(".")[1], signature)),
        "another header over a signature": ".".join((issuer.token("ec-two").split(".")[0], payload, signature)),
        "cut off": good[:-2],
        "without its signature": f"{header}.{payload}.",
    }


async def test_what_the_issuer_has_not_signed_is_refused(open_door: Open, issuer: Issuer) -> None:
    """Whatever it claims, and however it says that it is signed."""
    issuer.published = ["one", "ec-one"]
    door = await open_door()
    for what in ("not signed", "the public key as a secret"):
        assert await door.code(forgeries(issuer)[what]) == "wrong-identity"
    assert issuer.asked == []
    assert await door.code(issuer.token()) == "ok"
    for what, token in forgeries(issuer).items():
        assert (what, await door.code(token)) == (what, "wrong-identity")


async def test_what_is_no_token_at_all_is_a_wrong_secret(open_door: Open, issuer: Issuer) -> None:
    """The answer names both ways, and nobody asks the issuer about it."""
    door = await open_door()
    for shown in ("wrong", "", "a.b", "a.b.c", "...", "W10.W10.W10", "e30.e30.e30.e30.e30", "x" * 20_000):
        response = await door.shown(shown)
        assert (response.status_code, response.json()["type"]) == (401, "urn:tickover:problem:wrong-secret")
        assert "CRON_SECRET" in response.json()["detail"]
        assert "CRON_OIDC_AUDIENCE" in response.json()["detail"]
    assert await door.code("e30.e30.") == "wrong-identity"  # the smallest token there is
    assert issuer.asked == []


async def test_the_secret_works_beside_tokens_without_the_issuer(open_door: Open, issuer: Issuer) -> None:
    """Who shows the secret is let in whatever becomes of the issuer, which isn't asked."""
    issuer.answers = {DISCOVERY: answer({}, 500)}
    door = await open_door()
    assert (await door.site.tick()).status_code == 200
    assert (await door.site.client.get("/api/jobs/status", headers={"x-cron-secret": SECRET})).status_code == 200
    assert issuer.asked == []


async def test_refused_identities_are_counted_and_mended_by_a_tick(open_door: Open, issuer: Issuer, rows: Rows) -> None:
    """Under the cause of a wrong secret, with the reason; no part of the token is kept."""
    door = await open_door()
    token = issuer.token(email="other@example.com")
    await door.shown(token, "/api/cron/background-jobs", "POST")
    (row,) = rows("SELECT cause, detail, mended_at FROM tickover.refusal")
    assert (row["cause"], row["mended_at"]) == ("cron-secret", None)
    assert row["detail"].startswith("wrong-identity: ")
    assert not any(part in str(row) for part in token.split("."))
    assert any("CRON_OIDC_SUBJECT" in log.get("remedy", "") for log in door.logs)
    assert (await door.shown(issuer.token(), "/api/cron/background-jobs", "POST")).status_code == 200
    assert rows("SELECT count(*) FROM tickover.refusal WHERE mended_at IS NOT NULL") == [{"count": 1}]


async def test_rotated_keys_are_found_within_a_minute(open_door: Open, issuer: Issuer, time: Standing) -> None:
    """A key that is not known is asked for once a minute; one that is published no more does not count then."""
    door = await open_door()
    assert await door.code(issuer.token()) == "ok"
    issuer.published = ["two"]
    for _ in range(5):
        assert await door.code(issuer.token("two")) == "wrong-identity"
    assert issuer.asked == FETCHED
    time.passed += 60
    assert await door.code(issuer.token("two")) == "ok"
    assert await door.code(issuer.token("one")) == "wrong-identity"
    assert issuer.asked == FETCHED * 2


async def test_keys_are_believed_for_an_hour(open_door: Open, issuer: Issuer, time: Standing) -> None:
    """Until then nobody asks, whether the issuer is well or not; after it, they are asked for again."""
    door = await open_door()
    assert await door.code(issuer.token()) == "ok"
    issuer.answers = {KEYS: answer({}, 500)}
    time.passed += 3599
    assert await door.code(issuer.token()) == "ok"
    assert issuer.asked == FETCHED
    time.passed += 1
    assert await door.code(issuer.token()) == "identity-unavailable"
    assert issuer.asked == FETCHED * 2


async def test_requests_at_one_time_share_one_fetch(open_door: Open, issuer: Issuer) -> None:
    """Twenty that come while the keys are being fetched wait for them; all are let in."""
    door = await open_door()
    headers = {"authorization": f"Bearer {issuer.token()}"}
    asking = (door.site.client.get("/api/jobs/status", headers=headers) for _ in range(20))
    assert {response.status_code for response in await asyncio.gather(*asking)} == {200}
    assert issuer.asked == FETCHED


async def test_a_token_needs_to_name_its_key_where_there_are_several(open_door: Open, issuer: Issuer) -> None:
    """With one key there is nothing to name."""
    door = await open_door()
    assert await door.code(issuer.token(kid=None)) == "ok"
    issuer.published = ["one", "two"]
    door = await open_door()
    assert await door.code(issuer.token(kid=None)) == "wrong-identity"
    assert await door.code(issuer.token("two")) == "ok"


async def test_an_issuer_that_is_down_is_a_503_until_it_is_up(serve: Serve, time: Standing, rows: Rows) -> None:
    """It is asked once in five seconds; cron is told to call again, and the cause is counted as one of its own."""
    issuer = make_issuer()
    door = Door(
        await serve(CRON_OIDC_AUDIENCE=AUDIENCE, CRON_OIDC_SUBJECT=BOT, CRON_OIDC_ISSUER=issuer.url, CRON_SECRET=" ")
    )
    response = await door.shown(issuer.token(), "/api/cron/background-jobs", "POST")
    assert (response.status_code, response.json()["type"]) == (503, "urn:tickover:problem:identity-unavailable")
    assert "ConnectError" in response.json()["detail"]
    assert rows("SELECT cause FROM tickover.refusal") == [{"cause": "identity-unavailable"}]
    assert [log["event"] for log in door.logs] == ["identity.unavailable", "requests.refused"]
    async with issuer.up():
        assert await door.code(issuer.token()) == "identity-unavailable"
        assert issuer.asked == []
        time.passed += 5
        assert await door.code(issuer.token()) == "ok"
        assert await door.code(issuer.token("two")) == "wrong-identity"


async def test_an_unknown_key_while_the_issuer_is_down_is_no_refusal(
    open_door: Open, issuer: Issuer, time: Standing
) -> None:
    """Nobody can say whether it is the issuer's; those whose key is known are let in all the same."""
    door = await open_door()
    assert await door.code(issuer.token()) == "ok"
    issuer.answers = {DISCOVERY: answer({}, 502)}
    time.passed += 60
    for _ in range(5):
        assert await door.code(issuer.token("two")) == "identity-unavailable"
    assert await door.code(issuer.token()) == "ok"
    assert issuer.asked == [*FETCHED, DISCOVERY]


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_a_key_that_is_too_short_does_not_count(open_door: Open, issuer: Issuer) -> None:
    """An RSA key has 2048 bits at least, even where the issuer publishes a shorter one."""
    issuer.published = ["short", "one"]
    door = await open_door()
    assert await door.code(issuer.token("short")) == "wrong-identity"
    assert await door.code(issuer.token("one")) == "ok"


async def test_while_a_secret_is_changed_both_let_in(serve: Serve, time: Standing) -> None:
    """Use of the previous one is a warning with what to do, once a minute, that shows neither."""
    site = await serve(CRON_SECRET_PREVIOUS="the-secret-before")
    with capture_logs() as logs:
        assert (await site.client.get("/api/jobs/status")).status_code == 200
        assert logs == []
        for seconds in (0, 30, 29, 1, 1):
            time.passed += seconds
            for name, value in (("authorization", "bearer the-secret-before"), ("x-cron-secret", "the-secret-before")):
                response = await site.client.get("/api/jobs/status", headers={"authorization": ""} | {name: value})
                assert response.status_code == 200
            assert (await site.client.get("/api/jobs/status")).status_code == 200
        wrong = await site.client.get("/api/jobs/status", headers={"authorization": "Bearer the-secret"})
        assert wrong.status_code == 401
    warnings = [log for log in logs if log["event"] == "cron.previous_secret"]
    assert [(log["variable"], log["log_level"]) for log in warnings] == [("CRON_SECRET_PREVIOUS", "warning")] * 2
    assert "unset CRON_SECRET_PREVIOUS" in warnings[0]["remedy"]
    assert "the-secret" not in f"{logs}{wrong.text}"
    assert SECRET not in f"{logs}{wrong.text}"


async def test_with_neither_a_secret_nor_an_audience_both_ways_are_named(serve: Serve, issuer: Issuer) -> None:
    """A good token of Google's or of anybody's is nothing then."""
    door = Door(await serve(CRON_SECRET=" "))
    response = await door.shown(issuer.token())
    assert response.json()["type"] == "urn:tickover:problem:no-secret-configured"
    assert "CRON_SECRET" in response.json()["detail"]
    assert "CRON_OIDC_AUDIENCE" in response.json()["detail"]
