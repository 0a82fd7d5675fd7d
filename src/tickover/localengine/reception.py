"""Takes events in: they are stored and their runs queued, those that come together in one transaction."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from tickover.database import Async
from tickover.localengine.batching import Batcher
from tickover.localengine.clock import EngineClock
from tickover.localengine.faults.faults import Faults
from tickover.localengine.faults.kinds import FaultKind
from tickover.localengine.identifiers import fresh_ulid
from tickover.localengine.intake import run_of, runs_for
from tickover.localengine.registry import Registry
from tickover.localengine.store import UNKEEPABLE, EngineStore, Functions, NewEvent, NewRun

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
        self._sends = Batcher[Sequence[NewEvent], None](self._accept, _MOST, UNKEEPABLE)

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

        def runs(functions: Functions) -> list[NewRun]:
            return [run_of(function, event, millis) for function in functions.all if function.id == function_id]

        await self._queue(connection, [event], runs)

    async def _accept(self, sends: Sequence[Sequence[NewEvent]]) -> list[None]:
        events = [event for send in sends for event in send]
        millis = self._clock.millis()
        # One statement needs no transaction around it, unless a fault has something to add.
        disturbed = any(self._faults.standing(kind) for kind in (FaultKind.CALL_NEVER, FaultKind.CALL_LATE))
        database = self._store.database
        async with database.transaction() if disturbed else database.connection() as connection:
            if await self._queue(connection, events, lambda known: runs_for(events, known.all, millis)):
                self._wake()
        return [None] * len(sends)

    async def _queue(
        self, connection: Async, events: Sequence[NewEvent], runs_of: Callable[[Functions], list[NewRun]]
    ) -> bool:
        """Store events and queue what they start, by the newest registration. Whether anything was started."""
        functions = await self._registry.functions()
        while True:
            runs = runs_of(functions)
            started = await self._store.accept(connection, events, runs, functions.version, self._clock.now())
            if started is not None:
                break
            functions = await self._registry.newer_than(functions)
        for run in runs:
            if run.run_id in started:
                await self._disturb(connection, run)
        return bool(started)

    async def _disturb(self, connection: Async, run: NewRun) -> None:
        """Let a run that was queued be called never, or late, where a fault strikes it."""
        if await self._faults.strike(FaultKind.CALL_NEVER, run.function_id):
            await self._store.delay(connection, run.run_id, None)
        elif late := await self._faults.strike(FaultKind.CALL_LATE, run.function_id):
            await self._store.delay(connection, run.run_id, timedelta(seconds=late.seconds or 0.0))
