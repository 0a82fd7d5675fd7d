"""What can be asked of the engine beyond one event: its functions, and events by name; in the real server's shape."""

import asyncio
import json

import pytest

from tests.integration.localengine.conftest import EVENT_KEY, SIGNING_KEY, Start
from tickover.localengine import signature
from tickover.localengine.wire import function_uuid
from tickover.verify import engine_api
from tickover.verify.engine_api import EngineApi, bearer

MAINTENANCE = "background/maintenance.requested"


async def test_an_applications_functions_are_a_bare_list(start: Start) -> None:
    """Each with its full id and where it is called; another application has none; a forgotten registration has none."""
    pair = await start(keys=True)
    rows = (await pair.client.get(f"{pair.engine}/v1/apps/wire/functions")).json()
    assert len(rows) == 7
    (mine,) = [row for row in rows if row["id"] == "wire-background-maintenance"]
    assert mine["internal_id"] == function_uuid("wire-background-maintenance")
    assert mine["config"]["steps"][0]["uri"].endswith("/api/inngest?fnId=wire-background-maintenance&stepId=step")
    assert (await pair.client.get(f"{pair.engine}/v1/apps/other/functions")).json() == []
    assert (await pair.client.post(f"{pair.engine}/faults", json={"kind": "registration-forgotten"})).status_code == 201
    assert (await pair.client.get(f"{pair.engine}/v1/apps/wire/functions")).json() == []


async def test_events_are_listed_by_name_the_newest_first(start: Start) -> None:
    """Those of a name, no more than asked for, none received after a time."""
    pair = await start(keys=False)
    for name in ("a/first", "b/other", "a/first"):
        body = json.dumps({"name": name, "id": name, "data": {}}).encode()
        assert (await pair.client.post(f"{pair.engine}/e/{EVENT_KEY}", content=body)).status_code == 200
    url = f"{pair.engine}/v1/events"
    newer, older = (await pair.client.get(url, params={"name": "a/first"})).json()["data"]
    assert newer["received_at"] > older["received_at"]
    assert {newer["id"], older["id"]} == {"a/first"}
    assert newer["internal_id"] != older["internal_id"]
    assert len((await pair.client.get(url, params={"limit": 1})).json()["data"]) == 1
    before = {"name": "a/first", "received_before": older["received_at"]}
    assert (await pair.client.get(url, params=before)).json()["data"] == [older]


async def test_both_want_the_signing_key_or_its_hash(start: Start) -> None:
    """401 without; the diagnosis shows the hash, as the SDK does."""
    pair = await start(keys=True)
    assert bearer(SIGNING_KEY) == signature.bearer(SIGNING_KEY)
    for path in ("/v1/events", "/v1/apps/wire/functions"):
        answer = await pair.client.get(f"{pair.engine}{path}", headers={"authorization": "Bearer wrong"})
        assert answer.status_code == 401
        hashed = {"authorization": f"Bearer {bearer(SIGNING_KEY)}"}
        assert (await pair.client.get(f"{pair.engine}{path}", headers=hashed)).status_code == 200


async def test_what_answers_and_is_no_engine_is_said_to_tell_nothing(start: Start) -> None:
    """Tried: a foreign key, nobody at the port, a page of another kind. No exception comes of any."""
    pair = await start(keys=True)
    for url, key, said in (
        (pair.engine, "signkey-test-00", "answers 401"),
        ("http://127.0.0.1:9", SIGNING_KEY, "does not answer"),
    ):
        async with EngineApi(url, key, None) as api:
            facts = await api.tell("wire", ["01K"])
        assert said in facts.why_not
        assert facts.functions is None
    async with EngineApi(f"{pair.engine}/nothing", SIGNING_KEY, "branch") as api:
        facts = await api.tell("wire", ["01K"])
    assert (facts.why_not, facts.functions) == ("", None)
    assert "answers 404" in facts.why_no_functions


async def test_i10_an_engine_that_hangs_costs_one_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the question and never answers: asked once, and then for nothing more."""
    asked: list[bytes] = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n"))
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = "http://{}:{}".format(*server.sockets[0].getsockname())
    monkeypatch.setattr(engine_api, "_TIMEOUT", 0.2)
    async with EngineApi(url, None, None) as api:
        facts = await api.tell("wire", ["01K", "01L"])
    assert "does not answer (TimeoutError)" in facts.why_not
    assert asked == [b"GET /v1/apps/wire/functions HTTP/1.1\r\n"]
    server.close()
