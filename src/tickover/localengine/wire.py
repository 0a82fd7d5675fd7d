"""What is said on the wire, parsed: events, registrations, and the requests that call a function."""

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from tickover.errors import WireError

LARGEST_EVENT = 512 * 1024
LONGEST_NAME = 512
MOST_EVENTS = 5000
"""Limits of the event API (inngest-wire, Event API)."""

_REFUSED_OPTIONS = {
    "cancel": "cancellation",
    "debounce": "debounce",
    "batchEvents": "batches",
    "rateLimit": "rate limits",
    "throttle": "throttling",
    "priority": "priorities",
    "timeouts": "timeouts",
    "singleton": "singletons",
}
_APP_NAMESPACE = uuid.UUID("6f9b1d2e-4f0a-4f53-9a51-6b1f4a2c7d10")


@dataclass(frozen=True, slots=True)
class Seed:
    """What the ids of a call's events are made from, so that a call that is tried again is the same events."""

    millis: int
    entropy: bytes


def parse_seed(header: str | None) -> Seed | None:
    """The header `x-inngest-event-id-seed`: milliseconds, a comma, ten bytes in base64. None for any other form."""
    millis, separator, encoded = (header or "").partition(",")
    try:
        entropy = base64.b64decode(encoded, validate=True)
    except ValueError:
        return None
    if not separator or not millis.isdecimal() or len(millis) > 14:  # noqa: PLR2004 - a ULID holds 48 bits of time
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
        parsed = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise WireError(400, "event name is empty") from None
    events = parsed if isinstance(parsed, list) else [parsed]
    if len(events) > MOST_EVENTS:
        raise WireError(400, f"a call takes at most {MOST_EVENTS} events")
    return [_event(event, millis) for event in events]


def _event(event: object, millis: int) -> dict[str, Any]:
    if not isinstance(event, dict) or not isinstance(event.get("name"), str) or not event["name"]:
        raise WireError(400, "event name is empty")
    name = event["name"]
    if len(name) > LONGEST_NAME:
        raise WireError(400, f"event name is longer than {LONGEST_NAME} characters")
    if name.startswith("inngest/"):
        raise WireError(400, f"event name is reserved for internal use: {name}")
    data, user = event.get("data") or {}, event.get("user") or {}
    if not isinstance(data, dict):
        kind = _go_kind(data)
        raise WireError(
            400, f"json: cannot unmarshal {kind} into Go struct field Event.data of type map[string]interface {{}}"
        )
    text = json.dumps(event)
    if len(text) > LARGEST_EVENT:
        raise WireError(413, f"an event is at most {LARGEST_EVENT} bytes")
    if "\\u0000" in text:
        raise WireError(400, "an event may not contain a NUL character")
    ts = event.get("ts")
    return {
        "data": data,
        "id": event.get("id") if isinstance(event.get("id"), str) else "",
        "name": name,
        "ts": ts if isinstance(ts, int) and ts > 0 else millis,
        "user": user if isinstance(user, dict) else {},
    }


def _go_kind(value: object) -> str:
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "bool"
    return "array" if isinstance(value, list) else "number"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


@dataclass(frozen=True, slots=True)
class Registered:
    """A function as an application registered it."""

    id: str
    app: str
    url: str
    config: dict[str, Any]

    @property
    def uuid(self) -> str:
        """The id by which calls name it."""
        return str(uuid.uuid5(_APP_NAMESPACE, self.id))


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
        parsed = json.loads(body)
        app, functions = parsed["appname"], parsed["functions"]
        wanted = [(f["id"], f["steps"]["step"]["runtime"]["url"], f) for f in functions]
    except (ValueError, KeyError, TypeError):
        raise WireError(400, "the body is no registration") from None
    refused = {id_: reason for id_, _, config in wanted if (reason := _why_refused(config)) is not None}
    served = [Registered(id_, app, url, config) for id_, url, config in wanted if id_ not in refused]
    return Registration(app, served, refused)


def _why_refused(config: Mapping[str, Any]) -> str | None:
    asked = [words for option, words in _REFUSED_OPTIONS.items() if config.get(option)]
    if any("cron" in trigger for trigger in config.get("triggers", [])):
        asked.append("cron triggers")
    return f"the local engine knows no {', '.join(asked)}" if asked else None
