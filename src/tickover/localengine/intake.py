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


def distinct(events: Iterable[NewEvent]) -> list[NewEvent]:
    """The first event of each id."""
    first: dict[str, NewEvent] = {}
    for event in events:
        first.setdefault(event.event_id, event)
    return list(first.values())


def runs_for(events: Iterable[NewEvent], functions: Sequence[Registered], millis: int) -> list[NewRun]:
    """The runs that these events start, the first of those that an idempotency value makes one."""
    runs: list[NewRun] = []
    taken: set[str] = set()
    for event in events:
        for function in functions:
            if not _triggered(function, event.body):
                continue
            once = _once(function, event.body)
            if once is not None and once in taken:
                continue
            taken.update(() if once is None else (once,))
            run_id = fresh_ulid(millis)
            runs.append(NewRun(run_id, function.id, event.event_id, once, _slots(function, event.body)))
    return runs


def _triggered(function: Registered, event: dict[str, Any]) -> bool:
    return any(
        trigger.get("event") == event["name"]
        and (not trigger.get("expression") or expressions.value(trigger["expression"], event) is True)
        for trigger in function.config.get("triggers", [])
    )


def _once(function: Registered, event: dict[str, Any]) -> str | None:
    expression = function.config.get("idempotency")
    value = expressions.value(expression, event) if expression else None
    return None if value is None else f"once:{function.id}:{_digest(value)}"


def _slots(function: Registered, event: dict[str, Any]) -> list[tuple[str, int]]:
    slots = []
    for index, limit in enumerate(function.config.get("concurrency") or []):
        if limit["limit"] == 0:  # no limit, to Inngest
            continue
        key = _digest(expressions.value(limit["key"], event)) if limit.get("key") else ""
        slots.append((f"{function.id}:{index}:{key}", int(limit["limit"])))
    return slots


def _digest(value: Any) -> str:
    """A value of any length, as a key of one."""
    return hashlib.sha256(str(value).encode()).hexdigest()
