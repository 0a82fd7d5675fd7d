"""Takes events in: they are stored and their runs queued, those that come together in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from psycopg import DataError
from psycopg.errors import ProgramLimitExceeded

from tickover.database import Async
from tickover.localengine.batching import Batcher
from tickover.localengine.clock import EngineClock
from tickover.localengine.faults.faults import Faults
from tickover.localengine.faults.kinds import FaultKind
from tickover.localengine.identifiers import fresh_ulid
from tickover.localengine.intake import run_of, runs_for
from tickover.localengine.registry import Registry
from tickover.localengine.store import EngineStore, NewEvent, NewRun

_MOST = 50  # sends at a time
CRON_EVENT = "inngest/scheduled.timer"
"""What the event of a cron trigger is called (the real engine's name)."""


class Reception:
    """Takes events in.

    Args:
        store: where they go.
        registry: which functions they may start.
        clock: the engine's time.
        faults: what goes wrong on command.
        wake: called when a run was queued.
    """

    def __init__(
        self, store: EngineStore, registry: Registry, clock: EngineClock, faults: Faults, wake: Callable[[], None]
    ) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._faults = faults
        self._wake = wake
        own = (DataError, ProgramLimitExceeded, ValueError, RecursionError)
        self._sends = Batcher[Sequence[NewEvent], None](self._accept, _MOST, own)

    async def take(self, events: Sequence[NewEvent]) -> None:
        """Store events and queue their runs; committed when this returns.

        Raises:
            psycopg.Error: PostgreSQL is away, or keeps no such value.
        """
        if events:
            await self._sends.submit(events)

    async def fire(self, connection: Async, function_id: str, cron: str) -> None:
        """Store the event of a cron trigger and queue its one function, in a transaction of the caller's."""
        millis = self._clock.millis()
        id_ = fresh_ulid(millis)
        event = NewEvent(id_, {"data": {"cron": cron}, "id": id_, "name": CRON_EVENT, "ts": millis, "user": {}})
        functions = await self._registry.functions()
        while True:
            at = self._clock.now()
            runs = [run_of(function, event, at) for function in functions.all if function.id == function_id]
            if await self._store.accept_in(connection, [event], runs, functions.version, at):
                return
            functions = await self._registry.newer_than(functions)

    async def _accept(self, sends: Sequence[Sequence[NewEvent]]) -> list[None]:
        events = [event for send in sends for event in send]
        functions = await self._registry.functions()
        while True:
            at = self._clock.now()
            runs = [await self._disturbed(run) for run in runs_for(events, functions.all, at)]
            if await self._store.accept(events, runs, functions.version, at):
                break
            functions = await self._registry.newer_than(functions)
        if runs:
            self._wake()
        return [None] * len(sends)

    async def _disturbed(self, run: NewRun) -> NewRun:
        """A run as it is queued: never called, or late, where a fault strikes it."""
        if await self._faults.strike(FaultKind.CALL_NEVER, run.function_id):
            return replace(run, starts_at=None)
        late = await self._faults.strike(FaultKind.CALL_LATE, run.function_id)
        if late is not None and run.starts_at is not None:
            return replace(run, starts_at=run.starts_at + timedelta(seconds=late.seconds or 0.0))
        return run
