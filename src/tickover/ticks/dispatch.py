"""Handing a recorded tick's events to the engine, in one send."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from opentelemetry.trace import SpanKind

from tickover.contract import Function
from tickover.ledger.store import Ledger
from tickover.status.store import iso
from tickover.telemetry import tracing

SHADOW = "shadow"
"""The member of an event's data that names the tick which is shadowed; without it the event is for real."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event for the engine.

    Args:
        name: what it requests.
        id: the same for every send of it, so that the engine can drop repeats.
        data: its JSON payload.
    """

    name: str
    id: str
    data: Mapping[str, Any]


class Sender(Protocol):
    """Whatever takes events to the engine."""

    async def send(self, events: Sequence[Event], *, bad_key: bool = False) -> list[str]:
        """Send all events in one call; the engine's ids for them.

        Args:
            events: what to send.
            bad_key: send them with a key that no engine knows, to see that this fails as it should.

        Raises:
            SendError: they could not be handed over, in whatever way.
        """
        ...


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What the events of a tick carry.

    Args:
        dispatch_key: the tick.
        correlation_id: what its log lines carry.
        client_id: the client it is narrowed to, or None.
        source: what asked for the work: `cron`, or `continuation`.
        requested_at: when.
        bad_key: send them with a key that no engine knows.
        is_shadow: ask for dry runs, under a key of their own, so that the engine takes none of them for a repeat.
        trace: the context of the trace that this is part of; empty where nobody records it.
    """

    dispatch_key: str
    correlation_id: str
    client_id: str | None
    source: str
    requested_at: datetime
    bad_key: bool = False
    is_shadow: bool = False
    trace: Mapping[str, str] = field(default_factory=dict)

    def event(self, function: Function) -> Event:
        """The event that requests one function for this tick."""
        key = f"{self.dispatch_key}:{SHADOW}" if self.is_shadow else self.dispatch_key
        data: dict[str, Any] = {
            "dispatchKey": key,
            "source": self.source,
            "requestedAt": iso(self.requested_at),
            "correlationId": self.correlation_id,
        }
        if self.client_id is not None:
            data["clientId"] = self.client_id
        if self.is_shadow:
            data[SHADOW] = self.dispatch_key
        if self.trace:
            data[tracing.MEMBER] = dict(self.trace)
        return Event(function.event, f"{key}:{function.id}", data)


async def send(sender: Sender, dispatch: Dispatch, functions: Sequence[Function]) -> list[str]:
    """Send the events of these functions, with the trace they are part of; the engine's ids for them.

    Args:
        sender: what takes them.
        dispatch: what they carry.
        functions: whose.

    Raises:
        SendError: they could not be handed over, or nobody knows whether they were.
    """
    attributes: tracing.Attributes = {
        "messaging.system": "inngest",
        "messaging.operation.name": "send",
        "messaging.batch.message_count": len(functions),
        "tickover.dispatch_key": dispatch.dispatch_key,
        "tickover.correlation_id": dispatch.correlation_id,
        "tickover.is_shadow": dispatch.is_shadow,
    }
    with tracing.span("send", attributes, SpanKind.PRODUCER):
        traced = replace(dispatch, trace=tracing.carried())
        return await sender.send([traced.event(function) for function in functions], bad_key=dispatch.bad_key)


class Dispatcher:
    """Sends a recorded tick's events and records that they were accepted.

    Args:
        ledger: where the tick is recorded.
        sender: what takes events to the engine.
    """

    def __init__(self, ledger: Ledger, sender: Sender) -> None:
        self._ledger = ledger
        self._sender = sender

    async def dispatch(self, dispatch: Dispatch, functions: Sequence[Function]) -> list[str]:
        """Hand over the events of these functions; the engine's ids for them.

        Raises:
            SendError: they could not be handed over, or nobody knows whether they were.
        """
        event_ids = await send(self._sender, dispatch, functions)
        await self._ledger.accept(dispatch.dispatch_key, event_ids, {f.id: f.start_by for f in functions})
        return event_ids
