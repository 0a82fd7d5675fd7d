"""The engine against the recorded exchanges of the real one: the same functions, the same events, the same calls."""

import json
from pathlib import Path
from typing import Any

import inngest
import pytest

from tests.integration.localengine.conftest import Pair, Start

RECORDING = Path(__file__).parents[2] / "data" / "inngest-wire" / "exchanges.jsonl"

Call = tuple[str, int, tuple[str, ...], bool, int, int, tuple[str, ...]]


def call_of(query: str, request: dict[str, Any], status: int, answer: Any) -> Call:
    """What of a call must be the same: all but ids, clocks and the interleaving of independent runs."""
    context = request["ctx"]
    ops = tuple(op["op"] for op in answer) if status == 206 else ()
    return (
        query,
        context["attempt"],
        tuple(sorted(request["steps"])),
        context["disable_immediate_execution"],
        request["version"],
        status,
        ops,
    )


def by_event(calls: list[tuple[str, Call]]) -> dict[str, list[Call]]:
    """The calls of each run, in order; parallel calls of one run have none among themselves."""
    runs: dict[str, list[Call]] = {}
    for event, call in calls:
        runs.setdefault(f"{call[0].split('&')[0]} {event}", []).append(call)
    return {run: sorted(calls, key=lambda call: (len(call[2]), call[1], call[0])) for run, calls in runs.items()}


def event_of(request: dict[str, Any]) -> str:
    """What started the run: the id the sender gave, or the name where the engine gave one."""
    event = request["event"]
    if event["name"] == "inngest/function.failed":
        return f"failed {event['data']['event']['id']}"
    return str(event["id"]) if len(event["id"]) < 26 else str(event["name"])


def recorded() -> dict[str, list[Call]]:
    """The recording."""
    lines = [json.loads(line) for line in RECORDING.read_text().splitlines()]
    posts = [(line["request"], line["response"]) for line in lines if line["request"]["method"] == "POST"]
    return by_event([(event_of(q["body"]), call_of(q["query"], q["body"], a["status"], a["body"])) for q, a in posts])


async def replay(pair: Pair) -> None:
    """Send the recorded events, in order."""

    async def send(name: str, id_: str, **data: Any) -> None:
        await pair.sdk.send(inngest.Event(name=name, id=id_, data=data))

    await send("background/process.requested", "p-1", dispatchKey="k1")
    await pair.idle()
    await send("background/process.requested", "p-1", dispatchKey="k-other")
    await send("background/process.requested", "p-2", dispatchKey="k1")
    await send("background/maintenance.requested", "m-1")
    await send("background/maintenance.requested", "m-2", boom=True)
    await send("background/maintenance.requested", "m-3", nonretriable=True)
    await send("background/maintenance.requested", "m-4", after=True)
    await pair.sdk.send([inngest.Event(name="probe/slow", id=f"s-{n}", data={"n": n}) for n in (1, 2, 3)])
    await send("probe/parallel", "par-1")
    await send("probe/step-error", "se-1")
    await send("probe/send", "snd-1")
    await pair.idle()


@pytest.mark.parametrize("keys", [False, True], ids=["dev", "keys"])
async def test_the_calls_per_run_are_those_of_the_recording(start: Start, *, keys: bool) -> None:
    """Query, attempt, memoized steps, immediate execution, protocol version, status and ops: all equal."""
    pair = await start(keys=keys)
    await replay(pair)
    seen = by_event(
        [(event_of(e.request), call_of(e.query, e.request, e.status, e.response)) for e in pair.recorder.runs()]
    )
    assert seen == recorded()


async def test_a_request_has_the_shape_of_the_recorded_ones(start: Start) -> None:
    """The same fields and headers, nothing missing and nothing more."""
    pair = await start(keys=False)
    await pair.sdk.send(inngest.Event(name="background/maintenance.requested", id="m-1", data={}))
    await pair.idle()
    (seen,) = [e for e in pair.recorder.runs() if "maintenance" in e.query]
    lines = [json.loads(line) for line in RECORDING.read_text().splitlines()]
    wanted = next(line["request"] for line in lines if "maintenance" in line["request"]["query"])
    assert seen.request.keys() == wanted["body"].keys()
    assert seen.request["ctx"].keys() == wanted["body"]["ctx"].keys()
    assert seen.request["event"].keys() == wanted["body"]["event"].keys()
    assert wanted["headers"].keys() <= seen.headers.keys()


async def test_what_is_told_of_a_failure_is_what_the_real_one_tells(start: Start) -> None:
    """The data of `inngest/function.failed` is that of the recording, but for ids, clocks and stacks."""
    pair = await start(keys=False)
    await replay(pair)

    def told(request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        data = json.loads(json.dumps(request["event"]["data"]))
        for part in (data["error"], data["result"]):
            part.pop("stack")
        for event in (data["event"], *data["events"]):
            event.pop("ts")
        data.pop("run_id")
        return data["event"]["id"], data

    seen = dict(told(e.request) for e in pair.recorder.runs() if "on-failed" in e.query)
    lines = [json.loads(line)["request"] for line in RECORDING.read_text().splitlines()]
    assert seen == dict(told(line["body"]) for line in lines if "on-failed" in line["query"])
