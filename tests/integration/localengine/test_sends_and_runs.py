"""From a send to what can be asked of its runs, over real HTTP."""

import json
from typing import Any

import inngest
import pytest

from tests.integration.localengine.conftest import EVENT_KEY, SIGNING_KEY, Pair, Start
from tickover.localengine import signature

MAINTENANCE = "background/maintenance.requested"


async def post(pair: Pair, content: Any, key: str = EVENT_KEY, **headers: str) -> tuple[int, Any]:
    """Send to the event API; its status and what it says."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await pair.client.post(f"{pair.engine}/e/{key}", content=body, headers=named)
    return answer.status_code, answer.json()


async def runs_of(pair: Pair, event_id: str) -> list[dict[str, Any]]:
    """The runs that an event started."""
    answer = await pair.client.get(f"{pair.engine}/v1/events/{event_id}/runs")
    runs: list[dict[str, Any]] = answer.json()["data"]
    return runs


async def test_each_error_has_the_answer_of_the_real_api(start: Start) -> None:
    """Status and body, as recorded."""
    pair = await start(keys=True)
    empty = (400, {"ids": [""], "status": 400, "error": "event name is empty"})
    assert await post(pair, {"data": {}}) == empty
    assert await post(pair, b"nonsense") == empty
    reserved = "event name is reserved for internal use: inngest/x"
    assert await post(pair, {"name": "inngest/x"}) == (400, {"ids": [""], "status": 400, "error": reserved})
    unknown = {"status": 401, "message": "", "error": "Event key not found"}
    assert await post(pair, {"name": "a"}, "other-key") == (401, unknown)
    status, said = await post(pair, {"name": "a", "data": "text"})
    assert (status, said["error"][:29]) == (400, "json: cannot unmarshal string")


async def test_an_answer_has_a_fresh_id_per_event_also_for_one_that_is_known(start: Start) -> None:
    """In order; only one run is started."""
    pair = await start(keys=False)
    event = {"name": MAINTENANCE, "id": "e-1"}
    answers = [await post(pair, [event, event]), await post(pair, event)]
    ids = [id_ for _, said in answers for id_ in said["ids"]]
    assert [status for status, _ in answers] == [200, 200]
    assert len(set(ids)) == 3
    await pair.idle()
    assert len(await runs_of(pair, "e-1")) == 1
    assert len([e for e in pair.recorder.runs() if "maintenance" in e.query]) == 1


@pytest.mark.parametrize("data", [{"k": 10**300}, {"k": "x" * 500_000}, {"k": "\U0001f600ä\\u0000"}, {"__": {"": []}}])
async def test_an_odd_event_is_carried_to_the_application(start: Start, data: dict[str, Any]) -> None:
    """Large numbers, much text, odd characters, odd keys."""
    pair = await start(keys=True)
    assert (await post(pair, {"name": MAINTENANCE, "id": "odd", "data": data}))[0] == 200
    await pair.idle()
    assert [run["status"] for run in await runs_of(pair, "odd")] == ["Completed"]


async def test_events_and_runs_can_be_asked_for(start: Start) -> None:
    """By either id; what is not there is 404."""
    pair = await start(keys=False)
    _, said = await post(pair, {"name": MAINTENANCE, "id": "e-1", "data": {"k": 1}})
    await pair.idle()
    event = (await pair.client.get(f"{pair.engine}/v1/events/{said['ids'][0]}")).json()["data"]
    assert (event["id"], event["internal_id"], event["data"]) == ("e-1", said["ids"][0], {"k": 1})
    (run,) = await runs_of(pair, "e-1")
    assert run == (await runs_of(pair, said["ids"][0]))[0]
    assert (run["status"], run["output"], run["event_id"]) == ("Completed", {"ok": True}, said["ids"][0])
    assert (await pair.client.get(f"{pair.engine}/v1/runs/{run['run_id']}")).json()["data"] == run
    for path in ("events/none", "runs/none"):
        assert (await pair.client.get(f"{pair.engine}/v1/{path}")).status_code == 404
    assert (await pair.client.get(f"{pair.engine}/v1/runs/a%00b")).status_code == 400


async def test_a_wrong_bearer_registers_nothing(start: Start) -> None:
    """401, and the functions are those of before; with the right one they are replaced."""
    pair = await start(keys=True)
    body = {"appname": "wire", "functions": []}

    async def register(bearer: str) -> tuple[int, int]:
        headers = {b"authorization": f"Bearer {bearer}".encode()}
        answer = await pair.client.post(f"{pair.engine}/fn/register", json=body, headers=headers)
        return answer.status_code, (await pair.client.get(f"{pair.engine}/health")).json()["functions"]

    assert await register(signature.bearer("signkey-test-00")) == (401, 7)
    assert await register("ä") == (401, 7)
    assert await register(signature.bearer(SIGNING_KEY)) == (200, 0)


async def test_f02_a_line_feed_in_the_applications_key_ends_as_a_failure_that_is_told(start: Start) -> None:
    """Sync says ok and sends are taken; every call is 401, retried, and then the run fails, and says why."""
    pair = await start(keys=True, app_signing_key=SIGNING_KEY + "\n")
    await pair.sdk.send(inngest.Event(name=MAINTENANCE, id="e-1", data={}))
    await pair.idle()
    (run,) = await runs_of(pair, "e-1")
    assert run["status"] == "Failed"
    assert [e.status for e in pair.recorder.runs() if "maintenance" in e.query] == [401, 401]
    told = (await pair.client.get(f"{pair.engine}/v1/events/{run['run_id']}")).json()["data"]
    assert (told["name"], told["data"]["error"]["error"]) == ("inngest/function.failed", "invalid status code: 401")


async def test_r03_an_unsigned_put_under_a_foreign_host_moves_a_bare_sdk_and_its_runs(start: Start, rows: Any) -> None:
    """As on the real wire: who serves the SDK unguarded is registered at that host, and no run reaches it any more."""
    pair = await start(keys=True, poll_interval=3600.0)
    urls = "SELECT DISTINCT split_part(url, '/', 3) AS host FROM tickover_engine.function"
    (own,) = rows(urls)
    answer = await pair.client.put(f"http://{own['host']}/api/inngest", headers={"host": "evil.example"}, json={})
    assert answer.status_code == 200
    assert rows(urls) == [{"host": "evil.example"}]
    assert (await post(pair, {"name": MAINTENANCE, "id": "e-1"}))[0] == 200
    await pair.idle()
    assert [run["status"] for run in await runs_of(pair, "e-1")] == ["Failed"]
    assert [e for e in pair.recorder.runs() if "maintenance" in e.query] == []
