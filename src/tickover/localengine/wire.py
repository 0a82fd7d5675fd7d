"""What is said on the wire, parsed: events, registrations, and the requests that call a function."""

import base64
import json
import re
import uuid
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from tickover.errors import WireError
from tickover.localengine.refusals import why_refused

LARGEST_EVENT = 512 * 1024
LONGEST_NAME = 512
MOST_EVENTS = 5000
"""Limits of the event API (inngest-wire, Event API)."""

LONGEST_ID = 512
DEEPEST = 100
"""Limits of this engine: an id has its place in an index; depth costs a stack wherever JSON is read or written."""

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_LONGEST_INTEGER = 308  # digits; more is no float64, in which the real engine keeps numbers
MOST_RETRIES = 20
_LARGEST_COUNT = 2**31 - 1
_LATEST = 2**53  # milliseconds; more is no exact number in JSON

_APP_NAMESPACE = uuid.UUID("6f9b1d2e-4f0a-4f53-9a51-6b1f4a2c7d10")


@dataclass(frozen=True, slots=True)
class Seed:
    """What the ids of a call's events are made from, so that a call that is tried again is the same events."""

    millis: int
    entropy: bytes


def parse_seed(header: str | None) -> Seed | None:
    """The header `x-inngest-event-id-seed`: milliseconds, a comma, ten bytes in base64. None for any other form."""
    millis, _, encoded = (header or "").partition(",")
    try:
        entropy = base64.b64decode(encoded, validate=True)
    except ValueError:
        return None
    if not millis.isdecimal() or len(millis) > 14 or len(entropy) != 10:  # noqa: PLR2004 - a ULID is 48 and 80 bits
        return None
    return Seed(int(millis), entropy)


def parse_events(body: bytes, millis: int) -> list[dict[str, Any]]:
    """The events of a call to the event API.

    Args:
        body: one event, or a list of them.
        millis: the time now, for events that name none.

    Raises:
        WireError: 400, with the text of the real event API where that is known; nothing of the call is taken.
    """
    try:
        parsed = json.loads(body, parse_constant=_refuse_constant, parse_int=_integer)
    except (ValueError, RecursionError):
        raise WireError(400, "event name is empty") from None
    events = parsed if isinstance(parsed, list) else [parsed]
    if len(events) > MOST_EVENTS:
        raise WireError(400, f"a call takes at most {MOST_EVENTS} events")
    return [_event(event, millis) for event in events]


def _event(event: object, millis: int) -> dict[str, Any]:
    if not isinstance(event, dict) or not isinstance(event.get("name"), str) or not event["name"]:
        raise WireError(400, "event name is empty")
    name, id_, ts = event["name"], event.get("id"), event.get("ts")
    if len(name) > LONGEST_NAME:
        raise WireError(400, f"event name is longer than {LONGEST_NAME} characters")
    if name.startswith("inngest/"):
        raise WireError(400, f"event name is reserved for internal use: {name}")
    if isinstance(id_, str) and len(id_) > LONGEST_ID:
        raise WireError(400, f"event id is longer than {LONGEST_ID} characters")
    data = event.get("data")
    if not isinstance(data, dict | None):
        kind = _go_kind(data)
        raise WireError(
            400, f"json: cannot unmarshal {kind} into Go struct field Event.data of type map[string]interface {{}}"
        )
    _require_storable(event)
    user = event.get("user")
    return {
        "data": data or {},
        "id": id_ if isinstance(id_, str) else "",
        "name": name,
        "ts": ts if type(ts) is int and 0 < ts < _LATEST else millis,
        "user": user if isinstance(user, dict) else {},
    }


def _require_storable(event: dict[str, Any]) -> None:
    try:
        text = json.dumps(event, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (ValueError, RecursionError):
        raise WireError(400, "an event needs numbers that are finite and characters that are whole") from None
    if size > LARGEST_EVENT:
        raise WireError(413, f"an event is at most {LARGEST_EVENT} bytes")
    if "\\u0000" in text and _NUL.search(text):
        raise WireError(400, "an event may not contain a NUL character")
    if text.count("{") + text.count("[") > DEEPEST and _is_deep(event):
        raise WireError(400, f"an event is at most {DEEPEST} levels deep")


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level if isinstance(outer, dict | list) for inner in _inside(outer)]
    return any(isinstance(value, dict | list) for value in level)


def _inside(value: dict[str, Any] | list[Any]) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value


def _go_kind(value: object) -> str:
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "bool"
    return "array" if isinstance(value, list) else "number"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_INTEGER:
        raise ValueError("the number is too large")
    return int(digits)


@lru_cache(maxsize=1000)
def function_uuid(id_: str) -> str:
    """The id by which calls and the REST API name a function."""
    return str(uuid.uuid5(_APP_NAMESPACE, id_))


@dataclass(frozen=True, slots=True)
class Registered:
    """A function as an application registered it."""

    id: str
    app: str
    url: str
    config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Registration:
    """What an application registers: what is served, and what is refused with its reason."""

    app: str
    functions: list[Registered]
    refused: dict[str, str]

    @property
    def app_uuid(self) -> str:
        """The id by which the answer names the application."""
        return str(uuid.uuid5(_APP_NAMESPACE, self.app))


def parse_registration(body: bytes) -> Registration:
    """The body of `POST /fn/register`.

    Raises:
        WireError: 400: it is no registration.
    """
    try:
        parsed = json.loads(body, parse_constant=_refuse_constant)
        json.dumps(parsed, ensure_ascii=False).encode()  # half a surrogate cannot be kept
        app, functions = _name(parsed["appname"]), parsed["functions"]
        wanted = [_registered(app, config) for config in functions]
        refused = {f.id: reason for f in wanted if (reason := why_refused(f.config)) is not None}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise WireError(400, "the body is no registration") from None
    if len({function.id for function in wanted}) < len(wanted):
        raise WireError(400, "two functions of the registration have the same id")
    return Registration(app, [function for function in wanted if function.id not in refused], refused)


def _registered(app: str, config: dict[str, Any]) -> Registered:
    """A function, with everything in its place that a call or an event will look at.

    Raises:
        ValueError: something is not; or a LookupError, TypeError or AttributeError, where a part is missing.
    """
    step = config["steps"]["step"]
    url = _text(step["runtime"]["url"])
    if not url.startswith(("http://", "https://", "ws://", "wss://")):
        raise ValueError("a function is called over HTTP, or over a connection that it made")
    if (retries := step.get("retries")) is not None:
        _require_count(retries["attempts"], MOST_RETRIES)
    for trigger in config.get("triggers") or []:
        _optional(*(trigger.get(name) for name in ("event", "expression", "cron", "jitter")))
    for limit in config.get("concurrency") or []:
        _optional(limit.get("key"), limit.get("scope"))
        _require_count(limit["limit"], _LARGEST_COUNT)
    if (singleton := config.get("singleton")) is not None:
        _text(singleton["mode"])
        _optional(singleton.get("key"))
    _optional(config.get("idempotency"))
    return Registered(_name(config["id"]), app, url, config)


def _name(value: object) -> str:
    name = _text(value)
    if len(name) > LONGEST_ID:
        raise WireError(400, f"the name of an app or a function is longer than {LONGEST_ID} characters")
    return name


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is expected")
    return value


def _optional(*values: object) -> None:
    for value in values:
        if value is not None:
            _text(value)


def _require_count(value: object, most: int) -> None:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"a number from 0 to {most} is expected")
