"""Keys of which nobody knows whose they are leave this machine with nothing; the work is done here."""

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from tests.integration.conftest import Probe, Rows, Serve
from tests.integration.isolation.calls import ACCEPTED, CALL, EventApi, call_body, signed
from tests.integration.isolation.conftest import ORIGIN, PREVIEW
from tests.integration.localengine.conftest import serving
from tickover import Run, Summary
from tickover.engine.signing import sync_body
from tickover.isolation.keys import fingerprint

FLAG = {"BACKGROUND_JOBS_USE_INNGEST": "true"}
OTHERS = {"TICKOVER_PRODUCTION_KEYS": fingerprint("the-event-key-of-production")}


@pytest.fixture
async def engine() -> AsyncIterator[tuple[str, EventApi]]:
    """An event API, and an address of it that no rule counts as this machine's."""
    api = EventApi()
    async with serving(api) as url:
        yield url.replace("127.0.0.1", "127.1"), api


async def test_i5_unproven_keys_send_nothing_and_the_tick_is_done_inline(
    serve: Serve, engine: tuple[str, EventApi], probe: Probe, rows: Rows
) -> None:
    """A preview at an engine elsewhere: 200, the reason with its remedy in the answer and in the ledger, no request."""
    url, api = engine
    site = await serve(**PREVIEW | FLAG | {"INNGEST_BASE_URL": url})
    answer = await site.tick()
    assert (answer.status_code, answer.json()["mode"]) == (200, "inline")
    assert answer.json()["reason"].startswith("nothing is sent: nothing shows that this is not production's")
    assert [row["reason"] for row in rows("SELECT reason FROM tickover.tick")] == [answer.json()["reason"]]
    assert {row["state"] for row in rows("SELECT state FROM tickover.obligation")} == {"succeeded"}
    assert len(probe.ran()) == 3
    assert api.requests == []


async def test_i5_proven_keys_are_sent(serve: Serve, engine: tuple[str, EventApi]) -> None:
    """The same preview, told production's fingerprints, hands its ticks over, under its own name."""
    url, api = engine
    site = await serve(**PREVIEW | FLAG | OTHERS | {"INNGEST_BASE_URL": url})
    assert (await site.tick()).json()["mode"] == "dispatch"
    assert [request["x-inngest-env"] for request in api.requests] == ["fix"]
    assert len(api.events) == 2


@pytest.mark.parametrize("proven", [False, True])
async def test_i5_a_continuation_is_withheld_as_well(
    serve: Serve, engine: tuple[str, EventApi], probe: Probe, rows: Rows, proven: bool
) -> None:
    """A run that the engine calls is carried out; what it leaves is asked for only where sending is right."""
    url, api = engine
    rows(ACCEPTED)
    site = await serve(**PREVIEW | FLAG | {"INNGEST_BASE_URL": url} | (OTHERS if proven else {}))

    async def always_more(_: Run) -> Summary:
        return Summary(looked_at=10, changed=10, left=5)

    probe.bodies["queue-drain"] = always_more
    with capture_logs() as logs:
        answer = await site.client.post(CALL, **signed(call_body()))
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
    assert answer.json()["continuedAs"] == ("k+1" if proven else None)
    assert [event["data"]["dispatchKey"] for event in api.events] == (["k+1"] if proven else [])
    told = [log["kind"] for log in logs if log["event"] == "continuation.not_sent"]
    assert told == ([] if proven else ["withheld"])


async def test_i5_withheld_means_no_sync_either(serve: Serve, engine: tuple[str, EventApi]) -> None:
    """403 with the contradiction's remedy, however it is signed; nothing reaches the engine."""
    url, api = engine
    site = await serve(**PREVIEW | {"INNGEST_BASE_URL": url})
    body = sync_body(f"{ORIGIN}/api/inngest")
    answer = await site.client.put("/api/inngest", **signed(body))
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:tickover:problem:may-not-sync")
    assert "tickover seal --fingerprints" in answer.json()["detail"]
    assert api.requests == []


async def test_i5_dev_mode_hands_no_key_to_an_engine_elsewhere(
    serve: Serve, engine: tuple[str, EventApi], probe: Probe
) -> None:
    """A dev server needs none, and what takes one there may be production's engine; without keys it is as ever."""
    url, api = engine
    keys = {"INNGEST_BASE_URL": "", "INNGEST_DEV": url}
    site = await serve(**PREVIEW | FLAG | keys)
    assert (await site.tick("t1")).json()["mode"] == "inline"
    assert (api.requests, len(probe.ran())) == ([], 3)
    none = {"INNGEST_EVENT_KEY": "", "INNGEST_SIGNING_KEY": ""}
    site = await serve(**PREVIEW | FLAG | keys | none)
    assert (await site.tick("t2")).json()["mode"] == "dispatch"
    assert len(api.requests) == 1


async def test_r05_production_on_vercel_is_production_at_the_engine(
    serve: Serve, engine: tuple[str, EventApi], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without INNGEST_ENV, and whatever the branch: in what it sends, and in what its endpoint reports."""
    url, api = engine
    vercel = {"VERCEL": "1", "VERCEL_ENV": "production", "VERCEL_GIT_COMMIT_REF": "main"}
    monkeypatch.delenv("INNGEST_ENV", raising=False)
    site = await serve(**PREVIEW | FLAG | vercel | {"TICKOVER_ENV": "", "INNGEST_BASE_URL": url})
    assert (await site.tick()).json()["mode"] == "dispatch"
    assert [request["x-inngest-env"] for request in api.requests] == ["production"]
    for method in ("GET", "HEAD", "POST", "PUT"):
        assert (await site.client.request(method, "/api/inngest")).headers["x-inngest-env"] == "production"
