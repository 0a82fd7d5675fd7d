"""With keys, only what the application signed is believed."""

import json
from dataclasses import dataclass
from typing import Any

import inngest
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.integration.localengine.conftest import SIGNING_KEY, Pair, Start
from tickover.localengine import signature

SIGNED = signature.HEADER.encode()


@dataclass
class Tampering:
    """In front of the application: replaces the signature under its answers to one function."""

    app: ASGIApp
    header: bytes | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through, and its answer with another signature or none."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [(name, value) for name, value in message["headers"] if name.lower() != SIGNED]
                message["headers"] = kept + ([] if self.header is None else [(SIGNED, self.header)])
            await send(message)

        meant = b"background-maintenance" in scope.get("query_string", b"")
        await self.app(scope, receive, sending if meant else send)


async def maintained(pair: Pair) -> tuple[str, list[int]]:
    """How a run of the maintenance function ends, and its attempts."""
    await pair.sdk.send(inngest.Event(name="background/maintenance.requested", id="m-1", data={}))
    await pair.idle()
    (run,) = (await pair.client.get(f"{pair.engine}/v1/events/m-1/runs")).json()["data"]
    calls = [exchange for exchange in pair.recorder.runs() if "maintenance" in exchange.query]
    return run["status"], [exchange.request["ctx"]["attempt"] for exchange in calls]


@pytest.mark.parametrize("header", [None, b"", b"t=1&s=00", b"nonsense"], ids=["none", "empty", "old", "malformed"])
async def test_an_answer_without_the_right_signature_is_a_failed_attempt(start: Start, header: bytes | None) -> None:
    """Although it says 200: it is tried again, and the run fails when no attempt is left."""
    pair = await start(keys=True)
    pair.recorder.app = Tampering(pair.recorder.app, header)
    assert await maintained(pair) == ("Failed", [0, 1])


async def test_an_answer_signed_for_another_body_is_a_failed_attempt(start: Start) -> None:
    """A sound signature of something else is worth nothing."""
    pair = await start(keys=True)
    other = signature.sign(b'{"ok":false}', SIGNING_KEY, 1_795_447_481)
    pair.recorder.app = Tampering(pair.recorder.app, other.encode())
    assert await maintained(pair) == ("Failed", [0, 1])


async def test_without_keys_no_signature_is_asked_for(start: Start) -> None:
    """A dev server believes every answer."""
    pair = await start(keys=False)
    pair.recorder.app = Tampering(pair.recorder.app, b"nonsense")
    assert await maintained(pair) == ("Completed", [0])


async def test_with_keys_every_request_is_signed(start: Start) -> None:
    """Syncs and calls alike, over their canonical body; the SDK took them."""
    pair = await start(keys=True)
    assert await maintained(pair) == ("Completed", [0])
    for exchange in pair.recorder.exchanges:
        body, header = signature.canonical(exchange.request), exchange.headers[signature.HEADER]
        stamp = int(header.split("&")[0].removeprefix("t="))
        assert signature.holds(body, SIGNING_KEY, header, stamp)


async def test_an_application_with_another_key_is_not_registered(start: Start) -> None:
    """Its registration is refused; events are accepted all the same, and nothing runs."""
    pair = await start(keys=True, app_signing_key="signkey-test-" + "beef" * 16)
    ids = await pair.sdk.send(inngest.Event(name="background/maintenance.requested", id="m-1", data={}))
    assert len(ids) == 1
    assert (await pair.client.get(f"{pair.engine}/health")).json()["functions"] == 0
    assert (await pair.client.get(f"{pair.engine}/v1/events/m-1/runs")).json()["data"] == []


def registration(**options: Any) -> dict[str, Any]:
    """A registration of two functions, the second one with more options."""

    def function(id_: str, **more: Any) -> dict[str, Any]:
        url = f"http://127.0.0.1:9/api/inngest?fnId={id_}&stepId=step"
        step = {"id": "step", "name": "step", "runtime": {"type": "http", "url": url}}
        return {"id": id_, "name": id_, "steps": {"step": step}, "triggers": [{"event": "other/event"}], **more}

    return {"appname": "other", "functions": [function("other-a"), function("other-b", **options)]}


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer 00", f"Bearer {SIGNING_KEY}", "Basic abc", "Bearer é"])
async def test_registration_needs_the_hash_of_the_signing_key(start: Start, token: str) -> None:
    """Anything else is answered 401, and nothing is registered."""
    pair = await start(keys=True)
    headers = {b"authorization": token.encode()}
    answer = await pair.client.post(f"{pair.engine}/fn/register", json=registration(), headers=headers)
    assert answer.status_code == 401
    assert (await pair.client.get(f"{pair.engine}/health")).json()["functions"] == 7


async def test_registration_answers_as_recorded_and_is_kept(start: Start) -> None:
    """The fields of the recorded answer; the same registration again modifies nothing."""
    pair = await start(keys=True)
    headers = {"authorization": f"Bearer {signature.bearer(SIGNING_KEY)}"}
    first, again = [
        (await pair.client.post(f"{pair.engine}/fn/register", json=registration(), headers=headers)).json()
        for _ in "12"
    ]
    assert first.keys() == {"ok", "modified", "sync_id", "app_id"}
    assert (first["modified"], again["modified"], first["app_id"] == again["app_id"]) == (True, False, True)
    assert (await pair.client.get(f"{pair.engine}/health")).json()["functions"] == 9


async def test_a_function_that_asks_for_more_is_refused_and_the_rest_is_served(start: Start) -> None:
    """The answer names it with the reason, and only the other one is registered."""
    pair = await start(keys=False)
    body = json.dumps(registration(debounce={"period": "5s"}))
    answer = await pair.client.post(f"{pair.engine}/fn/register", content=body)
    assert (answer.status_code, list(answer.json()["refused"])) == (200, ["other-b"])
    assert "debounce" in answer.json()["refused"]["other-b"]
    assert (await pair.client.get(f"{pair.engine}/health")).json()["functions"] == 8


async def test_an_application_that_would_connect_is_told_that_it_cannot(start: Start) -> None:
    """In words, where the SDK asks for a connection."""
    pair = await start(keys=False)
    answer = await pair.client.post(f"{pair.engine}/v0/connect/start", content=b"\x0a")
    assert (answer.status_code, "knows no Connect" in answer.json()["error"]) == (501, True)
