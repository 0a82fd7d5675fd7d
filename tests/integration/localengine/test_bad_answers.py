"""Applications that answer what they should not: each fails its own run, says why, and harms no other."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.integration.localengine.rude import Answer, RudeApp, World, function, http, ops, rude_world
from tickover.localengine.caller import LARGEST_ANSWER

CALL_TIMEOUT = 1.0
OK = "200 OK"


async def nothing(_: asyncio.StreamWriter) -> None:
    """No answer, and the connection stays."""
    await asyncio.sleep(60)


async def dripping(writer: asyncio.StreamWriter) -> None:
    """A chunked answer without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\nx-inngest-sdk: rude\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\n \r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def dripping_headers(writer: asyncio.StreamWriter) -> None:
    """Headers without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(1200):
        writer.write(b"x-%d: y\r\n" % number)
        await writer.drain()
        await asyncio.sleep(0.05)


HTML = b"<!doctype html><title>Log in</title>"
CHUNKED = http(OK).replace(b"content-length: 0", b"transfer-encoding: chunked")
ZIPPED = gzip.compress(json.dumps("0" * (8 * LARGEST_ANSWER)).encode())
TOO_LARGE = f"larger than {LARGEST_ANSWER} bytes"
REACHED = "the application cannot be reached"
IN_TIME = f"did not answer within {CALL_TIMEOUT:g} s"

BAD: dict[str, tuple[Answer, str]] = {
    "html-500": (http("500 Internal Server Error", HTML), "invalid status code: 500"),
    "html-404": (http("404 Not Found", HTML), "invalid status code: 404"),
    "status-204": (b"HTTP/1.1 204 No Content\r\nx-inngest-sdk: rude\r\n\r\n", "invalid status code: 204"),
    "redirect-301": (http("301 Moved Permanently", b"", "location: /elsewhere"), "invalid status code: 301"),
    "nothing": (nothing, IN_TIME),
    "dripping": (dripping, IN_TIME),
    "dripping-headers": (dripping_headers, IN_TIME),
    "closed-at-once": (b"", REACHED),
    "closed-in-mid-answer": (http(OK, b'"half of i').replace(b"length: 10", b"length: 100"), REACHED),
    "closed-in-mid-chunk": (CHUNKED + b'64\r\n"half', REACHED),
    "no-http": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", REACHED),
    "endless-header": (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000, REACHED),
    "not-gzip": (http(OK, b'"not gzip at all"', "content-encoding: gzip"), REACHED),
    "too-large": (http(OK, json.dumps("x" * LARGEST_ANSWER).encode()), TOO_LARGE),
    "bomb": (http(OK, ZIPPED, "content-encoding: gzip"), TOO_LARGE),
    "nul": (http(OK, b'"\\u0000"'), "the answer cannot be kept"),
    "nul-in-a-step": (ops({"op": "StepRun", "id": "a", "data": "\x00"}), "the answer cannot be kept"),
    "half-a-surrogate": (http(OK, b'{"a": "\\ud800"}'), "the answer cannot be kept"),
    "not-finite": (http(OK, b'{"a": [1e999]}'), "the answer cannot be kept"),
    "nan": (http(OK, b'{"a": NaN}'), "the answer cannot be kept"),
    "no-ops": (http("206 Partial Content", b"[]"), "invalid status code: 206"),
    "html-206": (http("206 Partial Content", HTML), "the answer is no JSON"),
    "half-of-ops": (http("206 Partial Content", b'[{"op": "StepRun", "id'), "the answer is no JSON"),
    "op-without-id": (ops({"op": "StepRun", "data": 1}), "op without a name and an id"),
    "op-with-a-long-id": (ops({"op": "StepRun", "id": "a" * 513}), "op without a name and an id"),
    "op-that-is-a-number": (http("206 Partial Content", b"[1]"), "op without a name and an id"),
    "mixed-ops": (ops({"op": "StepRun", "id": "a"}, {"op": "StepPlanned", "id": "b"}), "not all are StepPlanned"),
    "too-many-steps": (ops(*({"op": "StepPlanned", "id": str(n)} for n in range(1001))), "at most 1000 steps"),
    "sleep-until-a-fruit": (ops({"op": "Sleep", "id": "a", "name": "banana"}), "knows no sleep until 'banana'"),
    "wait-for-event": (ops({"op": "WaitForEvent", "id": "a", "name": "b", "opts": {}}), "knows no WaitForEvent"),
    "invoke": (ops({"op": "InvokeFunction", "id": "a", "opts": {}}), "knows no InvokeFunction"),
    "op-of-tomorrow": (ops({"op": "Teleport", "id": "a"}), "knows no Teleport"),
}


@pytest.fixture
async def world(database_dsn: str) -> AsyncIterator[World]:
    """An engine that waits a second for an answer."""
    async with rude_world(database_dsn, call_timeout=CALL_TIMEOUT) as made:
        yield made


def said(run: dict[str, Any]) -> str:
    """What the engine says went wrong with a run."""
    return str(run["output"]["message"])


async def test_every_bad_answer_fails_its_run_by_name(world: World) -> None:
    """All at the same time; each run says what was wrong with its answer, and the sound function runs beside them."""
    world.app.answers |= {name: answer for name, (answer, _) in BAD.items()}
    await world.register(*(function(name, world.port) for name in BAD))
    sent = {name: await world.send(name) for name in BAD}
    await world.still_serves()
    ended = {name: (await world.runs(id_))[0] for name, id_ in sent.items()}
    assert {name: run["status"] for name, run in ended.items()} == dict.fromkeys(BAD, "Failed")
    wrong = {name: said(ended[name]) for name, (_, error) in BAD.items() if error not in said(ended[name])}
    assert wrong == {}
    assert sorted(world.app.calls) == sorted([*BAD, "sound"])


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "303 See Other", "307 -", "308 -"])
async def test_a_redirect_is_not_followed(world: World, status: str) -> None:
    """Whoever followed would sign for a stranger: nobody asks where it points to."""
    stranger = RudeApp()
    server = await asyncio.start_server(stranger, "127.0.0.1", 0)
    async with server:
        where = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/?fnId=stolen"
        world.app.answers["redirecting"] = http(status, b"", f"location: {where}")
        await world.register(function("redirecting", world.port))
        run = await world.run("redirecting")
        await world.still_serves()
    assert (run["status"], said(run)) == ("Failed", f"invalid status code: {status[:3]}")
    assert stranger.calls == []


@pytest.mark.parametrize("body", [HTML, b'{"half": ', b"[" * 200_000, b'"\xff"', b"1" * 5_000], ids=repr)
async def test_a_200_that_is_no_json_is_not_taken_for_a_result(world: World, body: bytes) -> None:
    """A login page, half a JSON, one too deep or too long to read: the run fails and says so."""
    world.app.answers["no-json"] = http(OK, body)
    await world.register(function("no-json", world.port))
    run = await world.run("no-json")
    await world.still_serves()
    assert run["status"] == "Failed"
    assert "JSON" in said(run)


async def test_a_200_without_a_body_is_a_function_that_returned_nothing(world: World) -> None:
    """As some frameworks answer for `null`."""
    world.app.answers["empty"] = http(OK)
    await world.register(function("empty", world.port))
    run = await world.run("empty")
    await world.still_serves()
    assert (run["status"], run["output"]) == ("Completed", None)


async def test_an_answer_as_large_as_allowed_is_kept(world: World) -> None:
    """To the byte."""
    whole = json.dumps("x" * (LARGEST_ANSWER - 2)).encode()
    world.app.answers["large"] = http(OK, whole)
    await world.register(function("large", world.port))
    run = await world.run("large")
    assert (run["status"], len(run["output"])) == ("Completed", LARGEST_ANSWER - 2)
    await world.still_serves()


@pytest.mark.parametrize("depth", [90, 180, 300, 450, 900])
async def test_a_deep_answer_is_kept_and_shown_or_fails_by_name(world: World, depth: int) -> None:
    """What is too deep to be stored fails its run; what is stored is given back whole."""
    deep = b"[" * depth + b"]" * depth
    world.app.answers["deep"] = http(OK, deep)
    await world.register(function("deep", world.port))
    run = await world.run("deep")
    await world.still_serves()
    if run["status"] == "Failed" and depth > 100:
        assert "the answer cannot be kept" in said(run)
    else:
        assert (run["status"], json.dumps(run["output"]).encode()) == ("Completed", deep)


@pytest.mark.parametrize("until", ["0001-01-01T00:00:00Z", "2020-01-01T00:00:00+14:00"])
async def test_a_sleep_until_the_past_ends_at_once(world: World, until: str) -> None:
    """However long ago."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        slept = world.app.calls.count("sleeper") > 1
        writer.write(http(OK, b'"rested"') if slept else ops({"op": "Sleep", "id": "a", "name": until}))

    world.app.answers["sleeper"] = answer
    await world.register(function("sleeper", world.port))
    assert (await world.run("sleeper"))["output"] == "rested"
    await world.still_serves()


async def test_a_function_where_nobody_listens_fails_and_says_so(world: World) -> None:
    """A dead port, a host without a name, a URL that is none."""
    urls = {"dead": "http://127.0.0.1:1/", "port": "http://127.0.0.1:99999/", "half": "http://[::1", "empty": "http://"}
    registered = await world.register(*(function(name, 0, url=url) for name, url in urls.items()))
    refused = registered.json().get("refused", {}) if registered.status_code == 200 else {}
    for name in sorted(set(urls) - set(refused)):
        run = await world.run(name)
        assert (run["status"], REACHED in said(run)) == ("Failed", True), (name, run)
    await world.still_serves()
