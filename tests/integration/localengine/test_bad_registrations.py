"""Registrations that are none, or ask for what the engine does not do: refused by name, and the rest is served."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.localengine.rude import SOUND, World, function, http, rude_world
from tests.waiting import eventually

FAILS = http("500 Internal Server Error", b'{"message": "as always", "name": "Error"}')


@pytest.fixture
async def world(database_dsn: str) -> AsyncIterator[World]:
    """An engine with the sound function."""
    async with rude_world(database_dsn) as made:
        await made.register()
        yield made


def body(*functions: Any, app: Any = "rude") -> bytes:
    """The bytes of a registration."""
    return json.dumps({"appname": app, "functions": functions}).encode()


def step(**config: Any) -> dict[str, Any]:
    """A function whose step has something else in it."""
    wanted = function("odd", 1)
    wanted["steps"]["step"] |= config
    return wanted


ODD = function("odd", 1)
NO_REGISTRATION: dict[str, bytes] = {
    "nothing": b"",
    "half": b'{"appname": "rude", "functions": [',
    "html": b"<p>rude</p>",
    "no-utf-8": b'{"appname": "\xff"}',
    "a-list": b"[]",
    "null": b"null",
    "deep": b"[" * 200_000,
    "deep-inside": b'{"appname": "rude", "functions": [{"id": ' + b"[" * 200_000,
    "no-app": b'{"functions": []}',
    "app-is-a-number": body(ODD, app=5),
    "functions-is-a-number": b'{"appname": "rude", "functions": 5}',
    "functions-is-an-object": b'{"appname": "rude", "functions": {"a": 1}}',
    "a-function-is-null": body(None),
    "no-id": body({name: value for name, value in ODD.items() if name != "id"}),
    "id-is-a-list": body(ODD | {"id": ["a"]}),
    "no-steps": body({"id": "odd", "triggers": []}),
    "steps-is-a-list": body(ODD | {"steps": [1]}),
    "runtime-is-a-text": body(step(runtime="x")),
    "url-is-a-number": body(step(runtime={"type": "http", "url": 5})),
    "url-is-a-file": body(step(runtime={"type": "http", "url": "file:///etc/passwd"})),
    "retries-is-a-text": body(step(retries="x")),
    "retries-are-negative": body(step(retries={"attempts": -1})),
    "retries-are-too-many": body(step(retries={"attempts": 21})),
    "retries-are-true": body(step(retries={"attempts": True})),
    "triggers-is-a-text": body(ODD | {"triggers": "odd"}),
    "triggers-is-an-object": body(ODD | {"triggers": {"event": "odd"}}),
    "trigger-is-a-number": body(ODD | {"triggers": [5]}),
    "event-is-a-number": body(ODD | {"triggers": [{"event": 5}]}),
    "expression-is-a-list": body(ODD | {"triggers": [{"event": "odd", "expression": ["x"]}]}),
    "cron-is-a-number": body(ODD | {"triggers": [{"cron": 5}]}),
    "cron-is-zero": body(ODD | {"triggers": [{"cron": 0}]}),
    "concurrency-is-a-number": body(ODD | {"concurrency": 5}),
    "concurrency-is-an-object": body(ODD | {"concurrency": {"limit": 1}}),
    "limit-is-a-text": body(ODD | {"concurrency": [{"limit": "1"}]}),
    "limit-is-huge": body(ODD | {"concurrency": [{"limit": 2**31}]}),
    "limit-is-negative": body(ODD | {"concurrency": [{"limit": -1}]}),
    "idempotency-is-a-number": body(ODD | {"idempotency": 5}),
    "singleton-is-a-text": body(ODD | {"singleton": "skip"}),
    "nan": b'{"appname": "rude", "functions": [NaN]}',
    "same-id-twice": body(ODD, ODD),
    "nul-in-the-app": body(app="a\x00"),
    "nul-in-an-id": body(ODD | {"id": "a\x00"}),
    "nul-in-an-option": body(ODD | {"name": "a\x00"}),
    "33-mb": b" " * (32 * 1024 * 1024 + 1),
}


async def test_what_is_no_registration_is_refused_and_changes_nothing(world: World) -> None:
    """Each with a status and a text; what was registered before is served still."""
    for name, wrong in NO_REGISTRATION.items():
        answer = await world.client.post(f"{world.engine}/fn/register", content=wrong)
        assert (name, answer.status_code) == (name, 413 if name == "33-mb" else 400)
        assert answer.json()["error"], name
    assert (await world.client.get(f"{world.engine}/health")).json()["functions"] == 1
    await world.still_serves()


async def test_the_same_id_twice_is_said(world: World) -> None:
    """Neither of the two is served in place of the other."""
    answer = await world.client.post(f"{world.engine}/fn/register", content=body(ODD, ODD))
    assert answer.json()["error"] == "two functions of the registration have the same id"


@pytest.mark.parametrize("wrong", [body(app="a\ud800"), body(ODD | {"id": "a\ud800"})], ids=["app", "id"])
async def test_half_a_surrogate_in_a_registration_is_refused(world: World, wrong: bytes) -> None:
    """As it is in an event."""
    answer = await world.client.post(f"{world.engine}/fn/register", content=wrong)
    assert (answer.status_code, bool(answer.json()["error"])) == (400, True)


@pytest.mark.parametrize("nothing", [0, False, [], {}], ids=repr)
async def test_a_trigger_on_no_text_harms_no_send(world: World, nothing: Any) -> None:
    """Such as zero: refused, or never met; all other functions are served."""
    await world.register(function("odd", world.port, triggers=[{"event": nothing}]))
    answer = await world.client.post(f"{world.engine}/e/any", json={"name": SOUND})
    assert answer.status_code == 200


NOT_SPOKEN: dict[str, tuple[dict[str, Any], str]] = {
    "cancel": ({"cancel": [{"event": "stop"}]}, "cancellation"),
    "debounce": ({"debounce": {"period": "5s"}}, "debounce"),
    "batches": ({"batchEvents": {"maxSize": 5, "timeout": "5s"}}, "batches"),
    "rate-limit": ({"rateLimit": {"limit": 1, "period": "5s"}}, "rate limits"),
    "throttle": ({"throttle": {"limit": 1, "period": "5s"}}, "throttling"),
    "priority": ({"priority": {"run": "1"}}, "priorities"),
    "timeouts": ({"timeouts": {"start": "5s"}}, "timeouts"),
    "singleton": ({"singleton": {"mode": "cancel"}}, "singletons that cancel"),
    "jitter": ({"triggers": [{"cron": "* * * * *", "jitter": "30s"}]}, "jitter"),
    "cron": ({"triggers": [{"cron": "0 0 30 2 *"}]}, "'0 0 30 2 *' cannot be read"),
    "cron-zone": ({"triggers": [{"cron": "TZ=Mars/Olympus 0 0 * * *"}]}, "Mars/Olympus"),
    "expression": ({"triggers": [{"event": "odd", "expression": "event.data.("}]}, "Failed to parse"),
    "idempotency": ({"idempotency": "))"}, "Failed to parse"),
    "wide-limit": ({"concurrency": [{"limit": 1, "scope": "account"}]}, "needs a key"),
}


def connecting(port: int) -> dict[str, Any]:
    """A function of an application that wants to be called over a connection that it made."""
    wanted = function("connect", port)
    wanted["steps"]["step"]["runtime"] = {"type": "ws", "url": "ws://127.0.0.1:1/"}
    return wanted


async def test_what_the_engine_does_not_do_is_refused_by_name_and_the_rest_is_served(world: World) -> None:
    """All in one registration, around the sound function; a refused function is not called."""
    odd = [function(name, world.port, **config) for name, (config, _) in NOT_SPOKEN.items()]
    answer = await world.register(*odd, connecting(world.port))
    refused = answer.json()["refused"]
    assert (answer.status_code, sorted(refused)) == (200, sorted([*NOT_SPOKEN, "connect"]))
    assert {name for name, (_, word) in NOT_SPOKEN.items() if word not in refused[name]} == set()
    assert "Connect" in refused["connect"]
    for name in refused:
        assert await world.runs(await world.send(name)) == []
    await world.still_serves()
    assert world.app.calls == [SOUND]


async def test_an_option_of_tomorrow_is_refused_by_name(world: World) -> None:
    """Who asks for something that nobody does should be told."""
    answer = await world.register(function("odd", world.port, teleport={"to": "mars"}))
    assert "teleport" in answer.json()["refused"]["odd"]


async def test_an_expression_of_any_length_is_refused(world: World) -> None:
    """One of 10,000 operators is served today; three times as many end the process, so they do not stand here."""
    answer = await world.register(function("odd", world.port, idempotency="1" + "+1" * 10_000))
    assert "odd" in answer.json()["refused"]


async def test_a_registration_of_10_mb_is_served(world: World) -> None:
    """Large, but sound; one of many functions, one of few large ones."""
    many = [function(f"f-{number}", world.port, name="x" * 5_000) for number in range(1_800)]
    assert (await world.register(*many)).status_code == 200
    assert (await world.client.get(f"{world.engine}/health")).json()["functions"] == 1_801
    assert (await world.run("f-1799"))["status"] == "Completed"
    await world.still_serves()
    assert (await world.register(function("large", world.port, name="x" * 10_000_000))).json()["modified"] is True
    assert (await world.run("large"))["status"] == "Completed"
    await world.still_serves()


async def test_an_id_of_a_megabyte_is_refused_in_words(world: World) -> None:
    """It would have its place in an index; trying again, as 503 asks for, would not help."""
    answer = await world.register(function("".join(map(chr, range(0x4E00, 0x9000))) * 20, world.port))
    assert answer.status_code == 400
    assert "long" in answer.json()["error"]
    await world.still_serves()


@pytest.mark.parametrize("own", ["inngest/function.failed", "inngest/function.finished", "inngest/*"])
@pytest.mark.parametrize("fails", [True, False])
async def test_a_cycle_of_triggers_ends_by_itself(world: World, own: str, *, fails: bool) -> None:
    """A function that is called when one has ended, and ends itself: once for what others did, never for itself."""
    name = "fails" if fails else SOUND
    world.app.answers |= {"fails": FAILS} | ({"cycle": FAILS} if fails else {})
    await world.register(function("cycle", world.port, triggers=[{"event": own}]), function("fails", world.port))
    run = await world.run(name)
    told = 1 + fails  # failed and finished, or finished only
    expected = {"inngest/*": told, "inngest/function.failed": int(fails), "inngest/function.finished": 1}[own]

    async def told_all() -> bool:
        return world.app.calls.count("cycle") >= expected

    await eventually(told_all)
    await world.still_serves()
    await world.runs(run["event_id"])
    by_sound = 0 if own == "inngest/function.failed" else 1
    assert world.app.calls.count("cycle") == expected + by_sound


async def test_the_failure_of_a_cron_run_is_told(world: World) -> None:
    """The real engine keeps silent about what its own failed and finished events started, and about nothing else."""
    world.app.answers["hourly"] = FAILS
    hourly = function("hourly", world.port, triggers=[{"cron": "0 * * * *"}])
    await world.register(hourly, function("told", world.port, triggers=[{"event": "inngest/function.failed"}]))
    world.clock.advance(timedelta(seconds=3_600 - world.clock.now().timestamp() % 3_600))

    async def failed() -> bool:
        return "hourly" in world.app.calls

    await eventually(failed)
    await world.runs("-")
    await world.still_serves()
    assert world.app.calls.count("told") == 1
