"""Each fault, on a real engine with a real application: what sender and application see, and that it ends."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx
import inngest
import pytest
from structlog.testing import capture_logs

from tests.integration.localengine.conftest import EVENT_KEY, Exchange, Pair, Start
from tests.waiting import eventually
from tickover import clock
from tickover.database import Database
from tickover.localengine import signature
from tickover.localengine.faults.faults import Fault, Faults
from tickover.localengine.faults.kinds import FaultKind, NewFault

MAINTENANCE = "background/maintenance.requested"


async def add(pair: Pair, kind: str, **options: Any) -> int:
    """Ask for a fault; its id."""
    answer = await pair.client.post(f"{pair.engine}/faults", json={"kind": kind, **options})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["data"]["id"])


async def standing(pair: Pair) -> list[dict[str, Any]]:
    """The faults that have not ended."""
    faults: list[dict[str, Any]] = (await pair.client.get(f"{pair.engine}/faults")).json()["data"]
    return faults


async def post(pair: Pair, id_: str, patience: float = 10.0) -> httpx.Response:
    """Send one event without the SDK, which would try again."""
    body = {"name": MAINTENANCE, "id": id_, "data": {}}
    return await pair.client.post(f"{pair.engine}/e/{EVENT_KEY}", json=body, timeout=patience)


async def statuses(pair: Pair, event_id: str) -> list[str]:
    """How the runs of an event stand."""
    found = (await pair.client.get(f"{pair.engine}/v1/events/{event_id}/runs")).json()["data"]
    return [run["status"] for run in found]


def calls(pair: Pair) -> list[Exchange]:
    """The calls of the maintenance function."""
    return [exchange for exchange in pair.recorder.runs() if "maintenance" in exchange.query]


async def works(pair: Pair) -> None:
    """Everything is as before."""
    assert await standing(pair) == []
    before = len(calls(pair))
    assert (await post(pair, "afterwards")).status_code == 200
    await pair.idle()
    assert await statuses(pair, "afterwards") == ["Completed"]
    assert len(calls(pair)) == before + 1


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [("send-401", 401, "Event key not found"), ("send-500", 500, "the engine is broken, as a fault wanted it")],
)
async def test_a_refused_send_stores_nothing(start: Start, kind: str, status: int, error: str) -> None:
    """So often as was asked for; then sends are taken again."""
    pair = await start(keys=True)
    await add(pair, kind, count=2)
    answers = [await post(pair, f"m-{n}") for n in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert answers[0].json()["error"] == error
    await pair.idle()
    assert [await statuses(pair, f"m-{n}") for n in range(3)] == [[], [], ["Completed"]]
    await works(pair)


async def test_a_send_that_hangs_is_not_stored(start: Start) -> None:
    """The sender's patience ends first; a hang that ends is a refusal."""
    pair = await start(keys=False)
    await add(pair, "send-hang", count=1, seconds=60)
    with pytest.raises(httpx.ReadTimeout):
        await post(pair, "m-1", patience=0.3)
    await add(pair, "send-hang", count=1, seconds=0.05)
    assert (await post(pair, "m-1")).status_code == 500
    assert await statuses(pair, "m-1") == []
    await works(pair)


async def test_r02_a_send_whose_answer_is_lost_was_accepted(start: Start) -> None:
    """The sender sees a broken connection; the run runs. The SDK sends again, and it runs once."""
    pair = await start(keys=True)
    await add(pair, "send-answer-lost", count=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await post(pair, "m-1")
    await pair.idle()
    assert await statuses(pair, "m-1") == ["Completed"]
    await add(pair, "send-answer-lost", count=1)
    await pair.sdk.send(inngest.Event(name=MAINTENANCE, data={}))
    await pair.idle()
    assert len(calls(pair)) == 2
    await works(pair)


async def test_a_run_that_is_never_called_is_queued_for_ever(start: Start) -> None:
    """Also after the fault has ended; its send was answered 200. Nobody waits for it."""
    pair = await start(keys=False)
    await add(pair, "call-never", subject="wire-background-maintenance", count=1)
    assert (await post(pair, "m-1")).status_code == 200
    await works(pair)
    assert await statuses(pair, "m-1") == ["Queued"]


async def test_a_strike_is_kept_for_a_run_that_starts(start: Start) -> None:
    """Neither an event that is known nor a registration in between uses it up."""
    pair = await start(keys=False)
    await post(pair, "known")
    await pair.idle()
    step = {"runtime": {"type": "http", "url": "http://127.0.0.1:9/?fnId=other-f&stepId=step"}}
    other = {"id": "other-f", "name": "other-f", "steps": {"step": step}, "triggers": [{"event": "other/go"}]}
    await add(pair, "call-never", count=1)
    await post(pair, "known")
    body = {"appname": "other", "functions": [other]}
    assert (await pair.client.post(f"{pair.engine}/fn/register", json=body)).is_success
    assert [fault["remaining"] for fault in await standing(pair)] == [1]
    await post(pair, "m-1")
    await works(pair)
    assert await statuses(pair, "m-1") == ["Queued"]


async def test_a_call_is_made_twice(start: Start) -> None:
    """With one run id and one attempt; one answer counts, and the run ends once."""
    pair = await start(keys=True)
    await add(pair, "call-twice", count=1)
    await post(pair, "m-1")
    await pair.idle()
    await eventually(_until(pair, 2))
    one, two = calls(pair)
    assert one.request["ctx"]["run_id"] == two.request["ctx"]["run_id"]
    assert (one.request["ctx"]["attempt"], two.request["ctx"]["attempt"]) == (0, 0)
    assert await statuses(pair, "m-1") == ["Completed"]
    await works(pair)


async def test_a_call_is_made_late(start: Start, rows: Any) -> None:
    """By as much as was asked for."""
    pair = await start(keys=False)
    await add(pair, "call-late", count=1, seconds=3600)
    await post(pair, "m-1")
    (row,) = rows("SELECT due_at - queued_at AS late FROM tickover_engine.item")
    assert (row["late"], calls(pair), await statuses(pair, "m-1")) == (timedelta(hours=1), [], ["Queued"])
    rows("UPDATE tickover_engine.item SET due_at = now()")
    await pair.idle()
    await works(pair)
    assert await statuses(pair, "m-1") == ["Completed"]


async def test_f02_a_wrong_signature_lets_sends_pass_and_no_call(start: Start) -> None:
    """Sends get 200, every call 401 from the SDK, and the run fails when no attempt is left."""
    pair = await start(keys=True)
    fault = await add(pair, "call-wrong-signature")
    assert (await post(pair, "m-1")).status_code == 200
    await pair.idle()
    assert [exchange.status for exchange in calls(pair)] == [401, 401]
    assert await statuses(pair, "m-1") == ["Failed"]
    assert (await pair.client.delete(f"{pair.engine}/faults/{fault}")).json() == {"removed": 1}
    await works(pair)


async def test_a_wrong_signature_needs_an_engine_that_signs(start: Start) -> None:
    """A dev server says what it lacks."""
    pair = await start(keys=False)
    answer = await pair.client.post(f"{pair.engine}/faults", json={"kind": "call-wrong-signature"})
    assert (answer.status_code, "--signing-key" in answer.json()["error"]) == (409, True)


async def test_an_answer_that_is_dropped_is_a_failed_attempt(start: Start) -> None:
    """The application did its work, and is asked again."""
    pair = await start(keys=True)
    await add(pair, "answer-dropped", count=1)
    await post(pair, "m-1")
    await pair.idle()
    assert [(e.status, e.request["ctx"]["attempt"]) for e in calls(pair)] == [(200, 0), (200, 1)]
    assert await statuses(pair, "m-1") == ["Completed"]
    await works(pair)


async def test_an_engine_that_forgets_its_registration_starts_nothing_and_calls_nobody(start: Start) -> None:
    """While it lasts: events start no run, what waits goes on waiting, a sync is answered and forgotten."""
    pair = await start(keys=False)
    await add(pair, "call-late", count=1, seconds=0.5)
    await post(pair, "waiting")
    await add(pair, "registration-forgotten")
    assert (await post(pair, "m-1")).status_code == 200
    assert (await pair.client.get(f"{pair.engine}/health")).json()["functions"] == 0
    app_url = str(pair.recorder.exchanges[0].request["url"])
    assert (await pair.client.put(app_url, json={"url": app_url})).status_code == 200
    assert (await pair.client.get(f"{pair.engine}/health")).json()["functions"] == 0
    assert (await pair.client.delete(f"{pair.engine}/faults")).json() == {"removed": 1}
    await pair.idle()
    await works(pair)
    assert [await statuses(pair, id_) for id_ in ("waiting", "m-1")] == [["Completed"], []]
    assert (await post(pair, "m-1")).status_code == 200  # it started nothing, so its id is still good
    await pair.idle()
    assert await statuses(pair, "m-1") == ["Completed"]


async def test_an_engine_whose_clock_is_off_believes_no_answer(start: Start) -> None:
    """By more than five minutes: the SDK checks no age and does the work; the engine takes its answers for old ones."""
    pair = await start(keys=True)
    await add(pair, "clock-skewed", seconds=-400)
    await post(pair, "m-1")
    await pair.idle()
    assert [exchange.status for exchange in calls(pair)] == [200, 200]
    assert await statuses(pair, "m-1") == ["Failed"]
    stamp = int(calls(pair)[0].headers[signature.HEADER].split("&")[0].removeprefix("t="))
    assert 390 < clock.now().timestamp() - stamp < 500
    event = (await pair.client.get(f"{pair.engine}/v1/events/m-1")).json()["data"]
    assert clock.now().timestamp() - event["ts"] / 1000 > 390
    await pair.client.delete(f"{pair.engine}/faults")
    await works(pair)


async def test_a_fault_strikes_only_what_it_is_about(start: Start) -> None:
    """Another event, another function: as always."""
    pair = await start(keys=False)
    await add(pair, "send-500", subject="probe/slow")
    await add(pair, "answer-dropped", subject="wire-slow-one-at-a-time")
    assert (await post(pair, "m-1")).status_code == 200
    await pair.idle()
    assert [e.request["ctx"]["attempt"] for e in calls(pair)] == [0]
    await pair.client.delete(f"{pair.engine}/faults")
    await works(pair)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"kind": "call-twice"}', "text/plain", 415),
        (b"kind=call-twice", "application/x-www-form-urlencoded", 415),
        (b"{", "application/json", 400),
        (b'{"kind": "call-thrice"}', "application/json", 400),
        (b'{"kind": "call-twice", "for_seconds": 604800}', "application/json", 400),
        (b'{"kind": "send-500", "subject": "\\ud800"}', "application/json; charset=utf-8", 400),
    ],
)
async def test_a_fault_that_is_asked_for_wrongly_is_refused(
    start: Start, content: bytes, kind: str, status: int
) -> None:
    """A form of somebody else's page among them; nothing is kept."""
    pair = await start(keys=False)
    headers = {"content-type": kind}
    answer = await pair.client.post(f"{pair.engine}/faults", content=content, headers=headers)
    assert (answer.status_code, bool(answer.json()["error"])) == (status, True)
    assert await standing(pair) == []
    assert (await pair.client.delete(f"{pair.engine}/faults/7")).status_code == 404


async def test_faults_are_asked_for_under_this_machines_own_name(start: Start) -> None:
    """Not under one that somebody else's DNS points here."""
    pair = await start(keys=False)
    answer = await pair.client.get(f"{pair.engine}/faults", headers={"host": "evil.example"})
    assert answer.status_code == 403


def new(kind: FaultKind = FaultKind.CALL_TWICE, **more: Any) -> NewFault:
    """A fault to be stored."""
    given = {"subject": None, "count": None, "probability": 1.0, "seconds": None, "for_seconds": 60.0} | more
    return NewFault(kind, **given)


async def test_two_engines_strike_together_as_often_as_was_asked_for(start: Start, database: Database) -> None:
    """And each learns what the other was asked for."""
    await start(keys=False)  # migrates
    one, two = Faults(database), Faults(database)
    await one.add(new(count=5))
    assert await two.strike(FaultKind.CALL_TWICE, "f") is None
    await two.all()
    struck = await asyncio.gather(*(each.strike(FaultKind.CALL_TWICE, "f") for each in [one, two] * 6))
    assert sum(fault is not None for fault in struck) == 5
    assert await one.all() == []


async def test_a_fault_ends_when_its_time_has_come(start: Start, database: Database, rows: Any) -> None:
    """Also in the memory of an engine that has not looked since, whether it lasts or strikes."""
    await start(keys=False)
    faults = Faults(database)
    lasting = await faults.add(new(FaultKind.CLOCK_SKEWED, seconds=5.0, for_seconds=0.2))
    await faults.add(new())
    assert faults.standing(FaultKind.CLOCK_SKEWED) == lasting
    await eventually(_passed(lasting.until))
    assert faults.standing(FaultKind.CLOCK_SKEWED) is None
    rows("UPDATE tickover_engine.fault SET until = now()")
    assert await faults.strike(FaultKind.CALL_TWICE) is None
    assert await faults.all() == []


class Hesitant(Faults):
    """Faults whose first look has its answer, and does not act on it until it may."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.read, self.may = asyncio.Event(), asyncio.Event()

    async def _rows(self, name: str, parameters: dict[str, Any]) -> list[Fault]:
        rows = await super()._rows(name, parameters)
        if name == "list_faults" and not self.read.is_set():
            self.read.set()
            await self.may.wait()
        return rows


async def test_what_was_read_before_a_change_is_not_remembered_after_it(start: Start, database: Database) -> None:
    """A fault that is added holds at once, although a look that began before did not see it."""
    await start(keys=False)
    faults = Hesitant(database)
    look = asyncio.create_task(faults.all())
    await faults.read.wait()
    adding = asyncio.create_task(faults.add(new(FaultKind.CLOCK_SKEWED, seconds=5.0)))
    await asyncio.wait({adding}, timeout=0.3)  # it may end only after the look
    faults.may.set()
    added, _ = await asyncio.gather(adding, look)
    assert faults.standing(FaultKind.CLOCK_SKEWED) == added


async def test_a_fault_that_was_used_up_is_told_once_and_is_none_to_remove(start: Start, database: Database) -> None:
    """Its row may still be there."""
    await start(keys=False)
    faults = Faults(database)
    with capture_logs() as logs:
        fault = await faults.add(new(count=1))
        assert await faults.strike(FaultKind.CALL_TWICE) is not None
        assert await faults.remove(fault.id) == 0
        assert await faults.remove() == 0
    told = [(line["event"], line["id"]) for line in logs if line["event"].startswith("fault.")]
    assert told == [("fault.added", fault.id), ("fault.struck", fault.id), ("fault.ended", fault.id)]


async def test_a_probability_is_one_of_each_chance(start: Start, database: Database) -> None:
    """It strikes where the number that is drawn lies below it."""
    await start(keys=False)
    draws = iter([0.0, 0.3, 0.29, 0.9])
    faults = Faults(database, chance=lambda: next(draws))
    await faults.add(new(probability=0.3))
    assert [await faults.strike(FaultKind.CALL_TWICE) is not None for _ in range(4)] == [True, False, True, False]


def _until(pair: Pair, count: int) -> Any:
    async def made() -> bool:
        return len(calls(pair)) >= count

    return made


def _passed(moment: datetime) -> Any:
    async def passed() -> bool:
        return clock.now() > moment

    return passed
