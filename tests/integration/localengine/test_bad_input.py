"""Events that are none, too large, too many, or odd: what is refused leaves nothing, what is taken is kept whole."""

import asyncio
import json
import warnings
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
import pytest

from tests.integration.localengine.conftest import EVENT_KEY, SIGNING_KEY
from tests.integration.localengine.rude import SOUND, World, function, rude_world
from tests.waiting import eventually
from tickover.localengine import signature
from tickover.localengine.body import LARGEST_BODY
from tickover.localengine.wire import LARGEST_EVENT, MOST_EVENTS

HALF = b"\\ud800"
NAMELESS = "event name is empty"


@pytest.fixture
async def world(database_dsn: str) -> AsyncIterator[World]:
    """An engine with the sound function."""
    async with rude_world(database_dsn) as made:
        await made.register()
        yield made


async def post(world: World, body: bytes) -> httpx.Response:
    """Send bytes to the event API."""
    return await world.client.post(f"{world.engine}/e/any", content=body)


def of_data(data: bytes) -> bytes:
    """An event that the sound function would run for, with something in its data."""
    return b'{"name": "sound", "id": "bad-1", "data": {"x": ' + data + b"}}"


BAD: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, NAMELESS),
    "half": (b'{"name": "sound"', 400, NAMELESS),
    "html": (b"<p>sound</p>", 400, NAMELESS),
    "no-utf-8": (b'{"name": "\xff\xfe"}', 400, NAMELESS),
    "null": (b"null", 400, NAMELESS),
    "a-list-with-null": (b'[{"name": "sound", "id": "bad-1"}, null]', 400, NAMELESS),
    "a-text": (b'"sound"', 400, NAMELESS),
    "name-is-a-number": (b'{"name": 5}', 400, NAMELESS),
    "data-is-a-text": (b'{"name": "sound", "id": "bad-1", "data": "x"}', 400, "cannot unmarshal string"),
    "reserved": (b'{"name": "inngest/function.failed", "id": "bad-1"}', 400, "reserved for internal use"),
    "long-name": (b'{"name": "' + b"n" * 513 + b'", "id": "bad-1"}', 400, "longer than 512 characters"),
    "long-id": (b'{"name": "sound", "id": "' + b"i" * 513 + b'"}', 400, "longer than 512 characters"),
    "nul-in-the-name": (b'{"name": "sound\\u0000", "id": "bad-1"}', 400, "NUL"),
    "nul-in-the-id": (b'{"name": "sound", "id": "\\u0000"}', 400, "NUL"),
    "nul-in-a-key": (of_data(b'{"\\u0000": 1}'), 400, "NUL"),
    "half-a-surrogate": (of_data(b'"' + HALF + b'"'), 400, "characters that are whole"),
    "half-a-surrogate-in-the-name": (b'{"name": "' + HALF + b'"}', 400, "characters that are whole"),
    "half-a-surrogate-in-the-id": (b'{"name": "sound", "id": "' + HALF + b'"}', 400, "characters that are whole"),
    "nan": (of_data(b"NaN"), 400, NAMELESS),
    "not-finite": (of_data(b"1e400"), 400, "finite"),
    "a-thousand-digits": (of_data(b"9" * 1_000), 400, NAMELESS),
    "a-million-digits": (of_data(b"9" * 1_000_000), 400, NAMELESS),
    "101-deep": (of_data(b"[" * 99 + b"]" * 99), 400, "levels deep"),
    "a-million-deep": (of_data(b"[" * 1_000_000), 400, NAMELESS),
    "10-mb": (of_data(b'"' + b"x" * 10_000_000 + b'"'), 413, f"at most {LARGEST_EVENT} bytes"),
    "33-mb": (b" " * (LARGEST_BODY + 1), 413, f"at most {LARGEST_BODY} bytes"),
    "6000-events": (json.dumps([{"name": "sound", "id": "bad-1"}] * 6_000).encode(), 400, f"at most {MOST_EVENTS}"),
}


async def test_every_bad_send_is_refused_in_words_and_leaves_nothing(world: World) -> None:
    """Status and text say what is wrong; no event is stored, nothing runs, and the next send is served."""
    answers = {name: await post(world, body) for name, (body, _, _) in BAD.items()}
    seen = {name: (answer.status_code, answer.json()) for name, answer in answers.items()}
    for name, (_, status, error) in BAD.items():
        assert (name, seen[name][0], seen[name][1]["ids"]) == (name, status, [""])
        assert error in seen[name][1]["error"], (name, seen[name])
    assert (await world.client.get(f"{world.engine}/v1/events/bad-1")).status_code == 404
    await world.still_serves()
    assert world.app.calls == [SOUND]


async def end_in_the_middle(world: World) -> None:
    """Begin to send an event, and go before its body is whole."""
    port = int(world.engine.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /e/any HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n" + of_data(b"1"))
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def test_a_send_that_ends_in_the_middle_leaves_nothing(world: World) -> None:
    """The sender is gone before its body is whole."""
    await end_in_the_middle(world)
    await world.still_serves()
    assert (await world.client.get(f"{world.engine}/v1/events/bad-1")).status_code == 404


async def test_a_send_that_ends_in_the_middle_is_no_error_of_the_engine(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Senders have deadlines: one that gives up is nothing to write a stack trace about."""
    await end_in_the_middle(world)
    await world.still_serves()
    assert caplog.messages == []


ODD_NAMES = {
    "line": "a\nERROR forged",
    "escape": "a\x1b[31mred",
    "bell": "\x07",
    "c1": "a\x85b\x9b",
    "delete": "\x7f",
    "space": " ",
    "separator": "a\u2028b",
    "turned": "\u202eexe.txt",
    "wide": "😀" * 512,
    "noncharacter": "\uffff",
    "quotes": "'\"`;--\\",
    "path": "../../etc/passwd",
    "percent": "%s%(at)s{}",
}


async def test_an_odd_name_is_kept_as_it_is_and_starts_its_function(world: World) -> None:
    """Control characters too, as by the real engine; only what PostgreSQL keeps not is refused."""
    odd_functions = [function(f"odd-{name}", world.port, triggers=[{"event": odd}]) for name, odd in ODD_NAMES.items()]
    assert "refused" not in (await world.register(*odd_functions)).json()
    for name, odd in ODD_NAMES.items():
        run = await world.run(odd, id=f"event-{name}")
        assert (run["function_slug"], run["status"]) == (f"odd-{name}", "Completed")
        kept = (await world.client.get(f"{world.engine}/v1/events/event-{name}")).json()["data"]
        assert (kept["name"], kept["id"]) == (odd, f"event-{name}")
    await world.still_serves()


ODD_DATA: dict[str, Any] = {
    "98-deep": json.loads("[" * 98 + "]" * 98),
    "308-digits": 10**307,
    "smallest": 5e-324,
    "keys": {"": {" ": {"\n": {"__proto__": {"constructor": None}}}}},
    "not-nul": "\\u0000 \\\\u0000",
    "many": list(range(50_000)),
}


@pytest.mark.parametrize("name", ODD_DATA)
async def test_odd_data_reach_their_function(world: World, name: str) -> None:
    """Whole, and the run is shown."""
    run = await world.run(SOUND, data={"x": ODD_DATA[name]})
    assert run["status"] == "Completed"
    kept = (await world.client.get(f"{world.engine}/v1/events/{run['event_id']}")).json()["data"]
    assert kept["data"] == {"x": ODD_DATA[name]}


async def test_an_event_as_large_as_allowed_reaches_its_function_without_a_warning(world: World) -> None:
    """A call says its event twice, so it is over a megabyte."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = await world.run(SOUND, data={"x": "x" * (LARGEST_EVENT - 200)})
    assert run["status"] == "Completed"
    assert [str(warning.message) for warning in caught] == []


@pytest.mark.parametrize("ts", [-1, 0, 2**63, 1e300, "now", True, None, [1]])
async def test_a_time_that_is_none_is_the_time_of_the_send(world: World, ts: Any) -> None:
    """The event is taken."""
    run = await world.run(SOUND, ts=ts)
    kept = (await world.client.get(f"{world.engine}/v1/events/{run['event_id']}")).json()["data"]
    assert abs(kept["ts"] - world.clock.millis()) < 60_000


@pytest.mark.parametrize("number", [2**53 + 1, 2**63, -(2**64), 10**300, 1e308])
async def test_a_huge_number_is_signed(database_dsn: str, number: float) -> None:
    """An engine with keys writes it as RFC 8785 does, or fails the run and says why."""
    async with rude_world(database_dsn, event_keys=(EVENT_KEY,), signing_key=SIGNING_KEY) as world:
        world.client.headers["authorization"] = f"Bearer {signature.bearer(SIGNING_KEY)}"
        assert (await world.register()).status_code == 200
        run = await world.run(SOUND, data={"x": number}, key=EVENT_KEY)
    assert run["status"] == "Failed"
    assert run["output"]["message"] == "the answer carries no signature of this engine's signing key"
    assert world.app.calls == [SOUND]


async def test_5000_events_in_one_send_are_taken_at_once(world: World) -> None:
    """Each with an id of its own."""
    answer = await post(world, json.dumps([{"name": "nobody/cares"}] * MOST_EVENTS).encode())
    assert (answer.status_code, len(set(answer.json()["ids"]))) == (200, MOST_EVENTS)
    await world.still_serves()


async def test_6000_sends_at_the_same_time_are_all_taken(world: World) -> None:
    """Over a hundred connections; the sound function runs for one in twenty, and for each of those."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as session:

        async def send(number: int) -> int:
            event = {"name": SOUND if number % 20 == 0 else "nobody/cares", "id": f"e-{number}"}
            async with session.post(f"{world.engine}/e/any", json=event) as answer:
                return answer.status

        statuses = await asyncio.gather(*(send(number) for number in range(6_000)))
    assert set(statuses) == {200}

    async def all_ran() -> bool:
        return len(world.app.calls) == 300

    await eventually(all_ran, within=60)
    await world.still_serves()


@pytest.mark.parametrize(
    "path", ["/v1/events/%00", "/v1/events/%00/runs", "/v1/runs/%00", "/v1/events/%ff%fe", "/v1/runs/" + "x" * 5_000]
)
async def test_an_odd_question_is_answered(world: World, path: str) -> None:
    """With what is wrong with it, or with nothing."""
    answer = await world.client.get(world.engine + path)
    assert answer.status_code in {400, 404}
    assert answer.json()["error"]
    await world.still_serves()
