"""The door at `/api/inngest`: what every answer says, who is let in, and what is not read."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.integration.conftest import Probe, Rows, Serve
from tests.integration.isolation.calls import ACCEPTED, CALL, call_body, signed
from tests.integration.isolation.conftest import FALLBACK_KEY, ORIGIN, PREVIEW, PRODUCTION, SIGNING_KEY
from tickover import clock
from tickover.engine.admission import LARGEST_BODY
from tickover.engine.signing import HEADER, sign, sync_body

URL = "/api/inngest"
CHUNK = b"x" * 65_536
SYNC = sync_body(f"{ORIGIN}{URL}")
OF_THE_MOMENT = {"server-timing", "content-length", HEADER}
"""Headers that two equal answers differ in; the SDK signs its body together with the time."""


def signed_at(seconds: float, body: bytes) -> dict[str, str]:
    """The headers of a request that was signed so many seconds from now."""
    return {HEADER: sign(SIGNING_KEY, body, clock.now() + timedelta(seconds=seconds))}


def code(answer: httpx.Response) -> str:
    """The end of a problem document's type."""
    return str(answer.json()["type"].rpartition(":")[2])


async def test_r04_every_method_names_the_environment(serve: Serve) -> None:
    """GET, HEAD, POST and PUT, asked by anybody."""
    site = await serve(**PREVIEW)
    answers = [await site.client.request(method, URL) for method in ("GET", "HEAD", "POST", "PUT")]
    assert [answer.status_code for answer in answers] == [200, 200, 401, 403]
    assert [answer.headers["x-inngest-env"] for answer in answers] == ["fix"] * 4


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("seconds", [None, 0.0], ids=["unsigned", "signed"])
async def test_r04_a_slash_at_the_end_changes_nothing(serve: Serve, method: str, seconds: float | None) -> None:
    """Nobody is sent elsewhere: neither the engine nor cron follows a redirect."""
    site = await serve(**PREVIEW)
    headers = {} if seconds is None else signed_at(seconds, b"")
    plain, slashed = [await site.client.request(method, url, headers=headers) for url in (URL, f"{URL}/")]
    assert slashed.headers["x-inngest-env"] == "fix"
    assert (slashed.status_code, slashed.text) == (plain.status_code, plain.text)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
async def test_r04_what_nobody_has_foreseen_names_the_environment_too(
    serve: Serve, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 with a problem document, which shows nothing of the error; that goes on to whoever serves the application."""
    site = await serve(**PREVIEW)
    transport = site.client._transport
    assert isinstance(transport, httpx.ASGITransport)

    async def fail() -> None:
        raise RuntimeError("of no use to strangers")

    monkeypatch.setattr(site.tickover, "open", fail)
    with pytest.raises(RuntimeError):
        await site.client.request(method, URL)
    transport.raise_app_exceptions = False
    answer = await site.client.request(method, URL)
    assert (answer.status_code, answer.headers["x-inngest-env"]) == (500, "fix")
    assert answer.headers["content-type"] == "application/problem+json"
    assert (method == "HEAD") == (answer.text == "")
    assert "of no use" not in answer.text


@pytest.mark.parametrize(
    "headers", [{}, {HEADER: "t=1&s=0"}, {HEADER: "garbage"}], ids=["unsigned", "stale", "garbage"]
)
async def test_r04_head_is_get_without_a_body(serve: Serve, headers: dict[str, str]) -> None:
    """The same status and the same headers, whoever asks."""
    site = await serve(**PREVIEW)
    await compared(site.client, headers)


async def test_r04_head_is_get_for_the_engine_as_well(serve: Serve) -> None:
    """Signed, the SDK answers, which has no HEAD of its own; and without a key the door does."""
    site = await serve(**PREVIEW)
    assert (await compared(site.client, signed_at(0, b""))).status_code == 200
    site = await serve(**PREVIEW | {"INNGEST_SIGNING_KEY": ""})
    assert (await compared(site.client, {})).status_code == 503


async def compared(client: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
    """The answer to HEAD, which is that to GET."""
    get, head = await client.get(URL, headers=headers), await client.head(URL, headers=headers)
    assert (head.status_code, head.content) == (get.status_code, b"")
    told, same = ({k: v for k, v in a.headers.items() if k not in OF_THE_MOMENT} for a in (get, head))
    assert told == same
    assert get.content
    return head


@pytest.mark.parametrize(
    ("method", "options", "variables", "expected"),
    [
        ("POST", {}, PREVIEW, 401),
        ("GET", {"headers": {HEADER: "t=1&s=0"}}, PREVIEW, 401),
        ("PUT", {}, PREVIEW, 403),
        ("DELETE", {}, PREVIEW, 405),
        ("PATCH", {}, PRODUCTION, 405),
        ("POST", {}, PREVIEW | {"INNGEST_ENV": "production", "INNGEST_DEV": "1"}, 409),
        ("POST", {"headers": {"content-length": str(LARGEST_BODY + 1)}}, PREVIEW, 413),
        ("POST", {}, PREVIEW | {"INNGEST_SIGNING_KEY": ""}, 503),
        ("POST", {"content": b"{}"}, PRODUCTION | {"DATABASE_URL": "postgresql://127.0.0.1:9/x"}, 503),
    ],
)
async def test_r04_refusals_name_the_environment_too(
    serve: Serve, method: str, options: dict[str, Any], variables: dict[str, str], expected: int
) -> None:
    """So whoever looks for the fault sees at once which environment answered."""
    site = await serve(**{"TICKOVER_DATABASE_WAIT": "0.3"} | variables)
    answer = await site.client.request(method, URL, **options)
    reported = "production" if variables["TICKOVER_ENV"] == "production" else "preview" if expected == 409 else "fix"
    assert (answer.status_code, answer.headers["x-inngest-env"]) == (expected, reported)


async def test_anybody_is_told_the_documented_inspection(serve: Serve) -> None:
    """What may be known, and nothing else; signed, the SDK tells the rest."""
    site = await serve(**PREVIEW)
    assert (await site.client.get(URL)).json() == {
        "schema_version": "2024-05-24",
        "function_count": 2,
        "has_event_key": True,
        "has_signing_key": True,
        "has_signing_key_fallback": False,
        "mode": "cloud",
    }
    told = (await site.client.get(URL, headers=signed_at(0, b""))).json()
    assert (told["app_id"], told["env"], told["authentication_succeeded"]) == ("probe", "fix", True)


STALE: list[tuple[str, Callable[[bytes], dict[str, str]]]] = [
    ("six minutes old", lambda body: signed_at(-360, body)),
    ("six minutes ahead", lambda body: signed_at(360, body)),
    ("garbage", lambda _: {HEADER: "garbage"}),
    ("empty", lambda _: {HEADER: ""}),
    ("without a time", lambda _: {HEADER: "s=00"}),
]


@pytest.mark.parametrize("made", [row[1] for row in STALE], ids=[row[0] for row in STALE])
async def test_signatures_that_are_not_of_now_open_nothing(
    serve: Serve, rows: Rows, probe: Probe, made: Callable[[bytes], dict[str, str]]
) -> None:
    """A call and a look are answered 401, a sync 403, and both are counted by their cause; nothing runs."""
    rows(ACCEPTED)
    site = await serve(**PRODUCTION)
    call = await site.client.post(CALL, content=call_body(), headers=made(call_body()))
    sync = await site.client.put(URL, content=SYNC, headers=made(SYNC))
    look = await site.client.get(URL, headers=made(b""))
    assert [(a.status_code, code(a)) for a in (call, sync, look)] == [
        (status, "stale-signature") for status in (401, 403, 401)
    ]
    assert rows("SELECT cause FROM tickover.refusal") == [{"cause": "stale"}]
    assert probe.ran() == []


async def test_calls_without_a_signature_or_with_another_key_are_refused(serve: Serve, probe: Probe) -> None:
    """401 to a call, 403 to a sync; a look without one is told what anybody is."""
    site = await serve(**PRODUCTION)
    assert (await site.client.post(CALL, content=call_body())).status_code == 401
    assert (await site.client.post(CALL, **signed(call_body(), FALLBACK_KEY))).status_code == 401
    assert code(await site.client.put(URL, content=SYNC)) == "unsigned-sync"
    assert code(await site.client.put(URL, **signed(SYNC, FALLBACK_KEY))) == "foreign-signature"
    assert (await site.client.get(URL)).status_code == 200
    assert probe.ran() == []


class Endless:
    """A body that never ends and is no JSON; it counts what was taken of it."""

    def __init__(self) -> None:
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """One chunk after another; beyond what anybody reads, it fails."""
        while self.taken <= 2 * LARGEST_BODY:
            self.taken += len(CHUNK)
            yield CHUNK
        raise AssertionError("nobody stopped reading")


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("length", [None, "10"], ids=["chunked", "lying"])
async def test_a_body_that_is_too_large_is_not_read_to_its_end(serve: Serve, method: str, length: str | None) -> None:
    """However it comes, it is refused as too large, not as no JSON; a fresh signature changes nothing."""
    site = await serve(**PRODUCTION)
    body = Endless()
    headers = signed_at(0, b"") | ({} if length is None else {"content-length": length})
    answer = await site.client.request(method, URL, content=body, headers=headers)
    assert (answer.status_code, code(answer)) == (413, "body-too-large")
    assert body.taken <= LARGEST_BODY + 2 * len(CHUNK)


@pytest.mark.parametrize("length", [str(LARGEST_BODY + 1), "9" * 5000, "many"])
async def test_a_body_that_says_it_is_too_large_is_not_read_at_all(serve: Serve, length: str) -> None:
    """By its content-length, and by one that says nothing."""
    site = await serve(**PRODUCTION)
    body = Endless()
    answer = await site.client.post(CALL, content=body, headers={"content-length": length})
    assert (answer.status_code, code(answer), body.taken) == (413, "body-too-large", 0)


async def test_i5_dev_mode_in_production_is_refused(serve: Serve, probe: Probe) -> None:
    """Calls would not have to be signed: none is carried out, no tick is taken, nothing is registered."""
    site = await serve(**PRODUCTION | {"INNGEST_DEV": "1"})
    call = await site.client.post(CALL, content=call_body())
    assert (call.status_code, [found["code"] for found in call.json()["contradictions"]]) == (
        409,
        ["dev-mode-in-production"],
    )
    assert (await site.tick()).status_code == 409
    assert code(await site.client.put(URL, content=SYNC)) == "may-not-sync"
    assert probe.ran() == []


@pytest.mark.parametrize("body", [b'{"url": "http://[oops"}', b'{"url": 7}', b"[]", b"\xff", b"[" * 100_000])
async def test_a_sync_that_names_nonsense_is_refused_and_not_an_error(serve: Serve, body: bytes) -> None:
    """In dev mode, where nothing is signed and a pinned origin holds all the same."""
    site = await serve(TICKOVER_ENV="development", INNGEST_SERVE_ORIGIN="https://app.example")
    answer = await site.client.put(URL, content=body, headers={"host": "evil.example"})
    assert (answer.status_code, code(answer), answer.headers["x-inngest-env"]) == (403, "foreign-host", "development")


async def test_production_without_an_origin_registers_nowhere(serve: Serve) -> None:
    """A genuine request says where it was sent, which production does not believe."""
    site = await serve(**PRODUCTION | {"INNGEST_SERVE_ORIGIN": ""})
    answer = await site.client.put(URL, **signed(SYNC))
    assert (answer.status_code, code(answer)) == (403, "no-serve-origin")
