"""Which runs do events start? Pure: events and functions in, rows out."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from tickover.localengine import expressions
from tickover.localengine.identifiers import fresh_ulid, seeded_ulid
from tickover.localengine.store import NewEvent, NewRun
from tickover.localengine.wire import Registered, Seed


def name_events(bodies: Sequence[dict[str, Any]], seed: Seed | None, millis: int) -> list[NewEvent]:
    """Give each event its id, and those without one of the caller's the same.

    Args:
        bodies: as parsed.
        seed: what the ids are made from, so that a call that is tried again is the same events.
        millis: the time now, where there is no seed.
    """
    events = []
    for index, body in enumerate(bodies):
        internal = fresh_ulid(millis) if seed is None else seeded_ulid(seed.millis, seed.entropy, index)
        events.append(NewEvent(internal, body | {"id": body["id"] or internal}))
    return events


def runs_for(events: Iterable[NewEvent], functions: Sequence[Registered], millis: int) -> list[NewRun]:
    """The runs that these events start, the first of those that an event id or an idempotency value makes one.

    Args:
        events: in order.
        functions: all that are registered.
        millis: the time now, for their ids.
    """
    runs: list[NewRun] = []
    taken: set[str] = set()
    for event in events:
        for function in functions:
            if not _triggered(function, event.body):
                continue
            run = run_of(function, event, millis)
            if taken.isdisjoint(run.keys):
                taken.update(run.keys)
                runs.append(run)
    return runs


def run_of(function: Registered, event: NewEvent, millis: int) -> NewRun:
    """A run of a function, started by an event."""
    return NewRun(
        fresh_ulid(millis),
        function.id,
        event.internal_id,
        _keys(function, event),
        _singleton(function, event.body),
        _slots(function, event.body),
    )


def _triggered(function: Registered, event: dict[str, Any]) -> bool:
    return any(
        _names(trigger.get("event"), event["name"])
        and (not trigger.get("expression") or expressions.value(trigger["expression"], event) is True)
        for trigger in function.config.get("triggers", [])
    )


def _names(pattern: str | None, name: str) -> bool:
    """Whether a trigger's pattern names an event; `app/*` and `app/user.*` name all that begin so."""
    if pattern is None or pattern == name:
        return pattern is not None
    return pattern.endswith(("/*", ".*")) and name.startswith(pattern[:-1])


def _keys(function: Registered, event: NewEvent) -> list[str]:
    """What starts no second run of this function: an id that the sender gave, and an idempotency value."""
    keys = []
    if event.event_id != event.internal_id:
        keys.append(f"event:{function.id}:{_digest(event.event_id)}")
    if expression := function.config.get("idempotency"):
        value = expressions.value(expression, event.body)
        if value is not None:
            keys.append(f"once:{function.id}:{_digest(value)}")
    return keys


def _singleton(function: Registered, event: dict[str, Any]) -> str | None:
    """Whose runs are alive one at a time; a key that is false, or cannot be computed, bounds nothing."""
    if not (option := function.config.get("singleton")):
        return None
    value = expressions.value(option["key"], event) if option.get("key") else ""
    return None if value is None or value is False else f"{function.id}:{_digest(value)}"


def _slots(function: Registered, event: dict[str, Any]) -> list[tuple[str, int]]:
    slots = []
    for index, limit in enumerate(function.config.get("concurrency") or []):
        if limit["limit"] == 0:  # no limit, to Inngest
            continue
        key, wide = limit.get("key"), limit.get("scope") or "fn"
        # Functions that name the same expression in a wider scope share its slots; this engine is one account with
        # one environment.
        owner = f"{function.id}:{index}" if wide == "fn" else f"{wide}:{_digest(key)}"
        slots.append((f"{owner}:{_digest(expressions.value(key, event)) if key else ''}", int(limit["limit"])))
    return slots


def _digest(value: Any) -> str:
    """A value of any length, as a key of one."""
    return hashlib.sha256(str(value).encode()).hexdigest()
