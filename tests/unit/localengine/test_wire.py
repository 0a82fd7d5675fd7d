import base64
import json
from typing import Any

import pytest

from tickover.errors import WireError
from tickover.localengine.wire import (
    DEEPEST,
    LARGEST_EVENT,
    Seed,
    function_uuid,
    parse_events,
    parse_registration,
    parse_seed,
)

NOW = 1_795_000_000_000


def parsed(event: Any) -> dict[str, Any]:
    """One event, as the engine takes it."""
    (taken,) = parse_events(json.dumps(event).encode(), NOW)
    return taken


def refused(body: bytes) -> WireError:
    """How a body is refused."""
    with pytest.raises(WireError) as caught:
        parse_events(body, NOW)
    return caught.value


def nested(levels: int) -> Any:
    """A value that is so many levels deep."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_an_event_has_five_fields_whatever_was_sent() -> None:
    """What is missing is filled in, what is unknown is dropped."""
    assert parsed({"name": "a/b", "other": 1}) == {"data": {}, "id": "", "name": "a/b", "ts": NOW, "user": {}}


def test_what_the_caller_says_stands() -> None:
    """Id, data, time and user are kept."""
    event = {"data": {"k": [1, None, "ä"]}, "id": "e-1", "name": "a/b", "ts": 7, "user": {"id": "u"}}
    assert parsed(event) == event


def test_a_list_is_many_events_in_order() -> None:
    """Also an empty one."""
    assert [e["name"] for e in parse_events(b'[{"name":"a"},{"name":"b"}]', NOW)] == ["a", "b"]
    assert parse_events(b"[]", NOW) == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nonsense", b"\xff\xfe\xff", b"1", b"null", b'"x"', b"[[]]", b"{}", b'{"name":""}', b'{"name":7}'],
)
def test_without_a_name_or_json_the_name_is_said_to_be_empty(body: bytes) -> None:
    """The text of the real event API."""
    error = refused(body)
    assert (error.status, error.detail) == (400, "event name is empty")


def test_a_reserved_name_is_refused_as_by_the_real_api() -> None:
    """Nobody but the engine says that a function failed."""
    error = refused(b'{"name":"inngest/x"}')
    assert (error.status, error.detail) == (400, "event name is reserved for internal use: inngest/x")


@pytest.mark.parametrize(
    ("data", "kind"),
    [('"x"', "string"), ('""', "string"), ("7", "number"), ("0", "number"), ("[]", "array"), ("false", "bool")],
)
def test_data_that_is_no_object_is_refused(data: str, kind: str) -> None:
    """Also where it is empty."""
    error = refused(b'{"name":"a","data":' + data.encode() + b"}")
    assert error.status == 400
    assert error.detail.startswith(f"json: cannot unmarshal {kind} into Go struct field Event.data")


def test_data_that_is_null_is_none() -> None:
    """As to Go's decoder."""
    assert parsed({"name": "a", "data": None})["data"] == {}


def test_names_and_ids_have_512_characters() -> None:
    """And not one more."""
    assert parsed({"name": "n" * 512, "id": "ä" * 512})["id"] == "ä" * 512
    assert refused(json.dumps({"name": "n" * 513}).encode()).status == 400
    assert refused(json.dumps({"name": "n", "id": "i" * 513}).encode()).status == 400


def test_a_call_takes_5000_events() -> None:
    """And not one more."""
    assert len(parse_events(json.dumps([{"name": "n"}] * 5000).encode(), NOW)) == 5000
    assert refused(json.dumps([{"name": "n"}] * 5001).encode()).status == 400


def test_an_event_takes_512_kib_as_they_are_sent() -> None:
    """Bytes of UTF-8 count, not escapes."""
    room = LARGEST_EVENT - len(json.dumps({"name": "n", "data": {"k": ""}}))
    assert parsed({"name": "n", "data": {"k": "ä" * (room // 2)}})["name"] == "n"
    assert refused(json.dumps({"name": "n", "data": {"k": "x" * (room + 1)}}).encode()).status == 413


@pytest.mark.parametrize(
    "value",
    [r'"\u0000"', r'"a\\\u0000"', "NaN", "-Infinity", "1e400", r'"\ud800"', "9" * 400, "[" * 5000 + "]" * 5000],
    ids=["nul", "nul after a backslash", "nan", "infinity", "too large a float", "half a pair", "too large", "deep"],
)
def test_what_cannot_be_kept_is_refused_at_the_door(value: str) -> None:
    """It would otherwise fail on its way into the database or out to the application, again and again."""
    assert refused(b'{"name":"n","data":{"k":' + value.encode() + b"}}").status == 400


def test_a_backslash_before_u0000_is_no_nul() -> None:
    """Six characters, not one."""
    assert parsed({"name": "n", "data": {"k": "\\u0000"}})["data"] == {"k": "\\u0000"}


def test_depth_is_limited_and_breadth_is_not() -> None:
    """So deep and no deeper; wide is fine."""
    assert parsed({"name": "n", "data": {"k": nested(DEEPEST - 2)}})["name"] == "n"
    assert parsed({"name": "n", "data": {"k": [[]] * 1000}})["name"] == "n"
    assert refused(json.dumps({"name": "n", "data": {"k": nested(DEEPEST - 1)}}).encode()).status == 400


@pytest.mark.parametrize("ts", [0, -1, "7", 1.5, True, 10**30, None])
def test_a_time_that_is_none_is_now(ts: Any) -> None:
    """Milliseconds that are a whole number, and exact in JSON."""
    assert parsed({"name": "n", "ts": ts})["ts"] == NOW


def test_a_seed_is_milliseconds_and_ten_bytes() -> None:
    """As the SDK sends it."""
    encoded = base64.b64encode(b"0123456789").decode()
    assert parse_seed(f"17,{encoded}") == Seed(17, b"0123456789")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        ",",
        "17",
        "17,",
        "17,!!",
        "17,AAAA",
        "x,MDEyMzQ1Njc4OQ==",
        "-1,MDEyMzQ1Njc4OQ==",
        "1" * 15 + ",MDEyMzQ1Njc4OQ==",
        "²,MDEyMzQ1Njc4OQ==",
    ],
)
def test_any_other_seed_is_none(header: str | None) -> None:
    """Two callers with half a seed must not share their ids."""
    assert parse_seed(header) is None


def function(id_: str = "app-f", **more: Any) -> dict[str, Any]:
    """A function as the SDK registers it."""
    step = {"id": "step", "runtime": {"type": "http", "url": f"http://127.0.0.1/api?fnId={id_}&stepId=step"}}
    return {"id": id_, "steps": {"step": step}, "triggers": [{"event": "a/b"}]} | more


def registration(*functions: Any) -> bytes:
    """The body of a registration."""
    return json.dumps({"appname": "app", "functions": functions}).encode()


def test_a_registration_is_its_functions() -> None:
    """Each with its URL and its configuration."""
    got = parse_registration(registration(function()))
    assert (got.app, [f.id for f in got.functions], got.refused) == ("app", ["app-f"], {})
    assert got.functions[0].url == "http://127.0.0.1/api?fnId=app-f&stepId=step"


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ({"cancel": [{"event": "x"}]}, "cancellation"),
        ({"debounce": {"period": "1s"}}, "debounce"),
        ({"batchEvents": {"maxSize": 2}}, "batches"),
        ({"rateLimit": {"limit": 1}}, "rate limits"),
        ({"throttle": {"limit": 1}}, "throttling"),
        ({"priority": {"run": "1"}}, "priorities"),
        ({"timeouts": {"start": "1s"}}, "timeouts"),
        ({"singleton": {"mode": "cancel"}}, "singletons that cancel the run before"),
        ({"triggers": [{"cron": "* * * * *", "jitter": "30s"}]}, "jitter of cron triggers"),
        ({"steps": {"step": {"runtime": {"type": "ws", "url": "ws://connect"}}}}, "Connect"),
    ],
)
def test_a_function_that_asks_for_more_is_refused_by_name_and_the_rest_is_served(
    option: dict[str, Any], reason: str
) -> None:
    """Silence would be worse: it would run, but not as asked."""
    got = parse_registration(registration(function("app-f", **option), function("app-g")))
    assert [f.id for f in got.functions] == ["app-g"]
    assert got.refused == {"app-f": f"the local engine knows no {reason}"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"[" * 5000,
        b'{"appname":7,"functions":[]}',
        b'{"appname":"a","functions":7}',
        b'{"appname":"a","functions":[7]}',
        b'{"appname":"a","functions":[{}]}',
        registration(function(id_="a") | {"id": 7}),
        registration(function(idempotency=7)),
        registration(function(triggers=[{"event": 7}])),
        registration(function(triggers=["a/b"])),
        registration(function(concurrency=5)),
        registration(function(concurrency=[{"limit": "many"}])),
        registration(function(concurrency=[{"key": "event.data.k"}])),
        registration(function(concurrency=[{"limit": 1, "key": 7}])),
        registration(function(singleton={"mode": 7})),
        registration(function(singleton={})),
        registration(function(triggers=[{"cron": 7}])),
        registration(function(steps={"step": {"runtime": {"url": "file:///etc/passwd"}}})),
        registration(function(steps={"step": {"runtime": {"url": "http://h/"}, "retries": {"attempts": 21}}})),
        registration(function(), function()),
    ],
)
def test_what_is_no_registration_is_refused_whole(body: bytes) -> None:
    """Nothing that an event or a call would stumble over is let in."""
    with pytest.raises(WireError) as caught:
        parse_registration(body)
    assert caught.value.status == 400


def test_ids_on_the_wire_are_the_same_each_time() -> None:
    """UUIDs are made from ids."""
    first, second = (parse_registration(registration(function())) for _ in range(2))
    assert first.app_uuid == second.app_uuid
    assert function_uuid("app-f") == function_uuid("app-f") != function_uuid("app-g")


@pytest.mark.parametrize(
    "asked",
    [
        {"idempotency": "event.data."},
        {"concurrency": [{"limit": 1, "key": "event.data["}]},
        {"triggers": [{"event": "a", "expression": "=="}]},
    ],
    ids=["idempotency", "concurrency key", "trigger"],
)
def test_a_function_whose_expression_cannot_be_parsed_is_refused_alone(asked: dict[str, Any]) -> None:
    """The rest of its application is served."""
    step = {"step": {"runtime": {"type": "http", "url": "http://app/api/inngest?fnId=f&stepId=step"}}}
    whole = {"id": "whole", "steps": step, "triggers": [{"event": "a"}]}
    broken = whole | {"id": "broken"} | asked
    registration = parse_registration(json.dumps({"appname": "app", "functions": [broken, whole]}).encode())
    assert [function.id for function in registration.functions] == ["whole"]
    assert "parse" in registration.refused["broken"]
