"""Events over HTTP: keys, ids, limits, and both kinds of deduplication."""

import base64
import hashlib
from typing import Any

import httpx
import pytest

from tests.integration.localengine.conftest import EVENT_KEY, Pair, Start

SEED = {"x-inngest-event-id-seed": "1795447481029," + base64.b64encode(bytes(range(10))).decode()}


async def send(pair: Pair, body: Any, key: str = EVENT_KEY, **headers: str) -> httpx.Response:
    """Post to the event API."""
    return await pair.client.post(f"{pair.engine}/e/{key}", json=body, headers=headers)


def event(name: str = "background/maintenance.requested", **fields: Any) -> dict[str, Any]:
    """An event."""
    return {"name": name, "data": {}, **fields}


async def runs(pair: Pair, event_id: str) -> list[dict[str, Any]]:
    """The runs that an event started, when all of them have ended."""
    await pair.idle()
    found: list[dict[str, Any]] = (await pair.client.get(f"{pair.engine}/v1/events/{event_id}/runs")).json()["data"]
    return found


async def test_an_unknown_event_key_is_refused(start: Start) -> None:
    """An engine with keys answers 401 in the words of the real one, and stores nothing."""
    pair = await start(keys=True)
    answer = await send(pair, event(id="m-1"), key="another")
    assert (answer.status_code, answer.json()) == (401, {"status": 401, "message": "", "error": "Event key not found"})
    assert (await pair.client.get(f"{pair.engine}/v1/events/m-1")).status_code == 404


async def test_without_keys_any_key_will_do(start: Start) -> None:
    """A dev server takes events under every key."""
    pair = await start(keys=False)
    assert (await send(pair, event(id="m-1"), key="whatever")).status_code == 200
    assert len(await runs(pair, "m-1")) == 1


@pytest.mark.parametrize(("keys", "kind"), [(False, "dev"), (True, "cloud")])
async def test_every_answer_says_what_kind_of_server_it_is(start: Start, *, keys: bool, kind: str) -> None:
    """Accepted, refused and malformed alike."""
    pair = await start(keys=keys)
    answers = [await send(pair, event()), await send(pair, {}), await send(pair, event(), key="another")]
    assert {answer.headers["x-inngest-server-kind"] for answer in answers} == {kind}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "event name is empty"),
        ([{"name": "a"}, {"name": ""}], "event name is empty"),
        ({"name": "inngest/x"}, "event name is reserved for internal use: inngest/x"),
    ],
)
async def test_a_malformed_call_is_refused_in_the_words_of_the_real_one(start: Start, body: Any, error: str) -> None:
    """400, with one empty id, whatever else the call holds."""
    pair = await start(keys=False)
    answer = await send(pair, body)
    assert (answer.status_code, answer.json()) == (400, {"ids": [""], "status": 400, "error": error})


async def test_text_that_is_no_json_is_refused(start: Start) -> None:
    """As an event without a name, in the words of the real one."""
    pair = await start(keys=False)
    answer = await pair.client.post(f"{pair.engine}/e/any", content=b"{no json")
    assert (answer.status_code, answer.json()["error"]) == (400, "event name is empty")


async def test_each_event_gets_an_id_of_its_own_in_order(start: Start) -> None:
    """Also one that is deduplicated; by the id its event and its runs are found."""
    pair = await start(keys=False)
    ids = (await send(pair, [event(id="m-1"), event(id="m-1"), event()])).json()["ids"]
    assert len(set(ids)) == 3
    assert {len(id_) for id_ in ids} == {26}
    assert (await pair.client.get(f"{pair.engine}/v1/events/{ids[0]}")).json()["data"]["id"] == "m-1"
    assert len(await runs(pair, "m-1")) == 1
    (run,) = await runs(pair, ids[2])
    assert run["status"] == "Completed"
    shown = (await pair.client.get(f"{pair.engine}/v1/runs/{run['run_id']}")).json()["data"]
    assert shown == run


async def test_a_call_that_is_tried_again_is_the_same_events(start: Start) -> None:
    """Under one seed the ids are the same, and nothing runs a second time."""
    pair = await start(keys=False)
    first = (await send(pair, [event(), event()], **SEED)).json()["ids"]
    again = (await send(pair, [event(), event()], **SEED)).json()["ids"]
    assert first == again
    assert [len(await runs(pair, id_)) for id_ in first] == [1, 1]
    assert len(pair.recorder.runs()) == 2


async def test_an_event_id_starts_one_run_whatever_its_data(start: Start) -> None:
    """The answer to the repeat is 200 with a fresh id, and the first data ran."""
    pair = await start(keys=False)
    first = await send(pair, event(id="m-1", data={"n": 1}))
    again = await send(pair, event(id="m-1", data={"n": 2}))
    assert (again.status_code, again.json()["ids"] == first.json()["ids"]) == (200, False)
    assert len(await runs(pair, "m-1")) == 1
    assert [exchange.request["event"]["data"] for exchange in pair.recorder.runs()] == [{"n": 1}]


async def test_an_idempotency_value_starts_one_run_of_its_function(start: Start) -> None:
    """Another event with the same dispatch key runs nothing; one with another key does."""
    pair = await start(keys=False)
    for id_, key in (("p-1", "k1"), ("p-2", "k1"), ("p-3", "k2")):
        answer = await send(pair, event("background/process.requested", id=id_, data={"dispatchKey": key}))
        assert answer.status_code == 200
    assert [len(await runs(pair, id_)) for id_ in ("p-1", "p-2", "p-3")] == [1, 0, 1]


async def test_after_a_day_an_event_id_is_new(start: Start, rows: Any) -> None:
    """What was seen more than 24 hours ago is forgotten, and what was seen just before that is not."""
    pair = await start(keys=False)
    await send(pair, [event(id="m-1"), event(id="m-2")])
    await pair.idle()
    age = "UPDATE tickover_engine.seen SET at = now() - %s::interval WHERE key LIKE %s"
    for id_, old in (("m-1", "24 hours 1 second"), ("m-2", "23 hours 59 minutes")):
        rows(age, old, f"%{hashlib.sha256(id_.encode()).hexdigest()}")
    await send(pair, [event(id="m-1"), event(id="m-2")])
    assert [len(await runs(pair, id_)) for id_ in ("m-1", "m-2")] == [2, 1]


async def test_a_refused_call_starts_nothing(start: Start) -> None:
    """One malformed event keeps the sound ones of its call from being stored."""
    pair = await start(keys=False)
    assert (await send(pair, [event(id="m-1"), event(data=[])])).status_code == 400
    assert (await pair.client.get(f"{pair.engine}/v1/events/m-1")).status_code == 404
