"""Fires cron triggers."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from tickover.database import Async, Database
from tickover.localengine.clock import EngineClock
from tickover.localengine.loops import forever
from tickover.localengine.schedules import Schedule, lock_due, move_on

_log = structlog.stdlib.get_logger("tickover.engine")
_POLL = 0.5  # seconds
LATEST = timedelta(seconds=60)
"""How late a firing is still made, if no engine ran when it was due; after that it is skipped."""

Fire = Callable[[Async, str, str], Awaitable[None]]


class Timer:
    """Fires cron triggers.

    Args:
        database: of the engine.
        clock: its time.
        fire: queues a run of a function for a cron trigger, in a transaction: connection, function, trigger.
    """

    def __init__(self, database: Database, clock: EngineClock, fire: Fire) -> None:
        self._database = database
        self._clock = clock
        self._fire = fire

    async def run(self) -> None:
        """Look twice a second until cancelled."""
        await forever(self.fire_due, _POLL, "cron.not_fired")

    async def fire_due(self) -> int:
        """Fire everything that is due, each once, however many engine processes do; how many fired."""
        fired = 0
        while (schedule := await self._one()) is not None:
            fired += schedule
        return fired

    async def _one(self) -> bool | None:
        """Whether a trigger that was due has fired, or was skipped; None where none is."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            schedule = await lock_due(connection, now)
            if schedule is None:
                return None
            await move_on(connection, schedule, now)
            fires = now - schedule.next_at <= LATEST
            if fires:
                await self._fire(connection, schedule.function_id, schedule.cron)
        self._tell(schedule, fires=fires)
        return fires

    def _tell(self, schedule: Schedule, *, fires: bool) -> None:
        log = _log.info if fires else _log.warning
        log(
            "cron.fired" if fires else "cron.skipped",
            function=schedule.function_id,
            cron=schedule.cron,
            due_at=schedule.next_at.isoformat(),
        )
