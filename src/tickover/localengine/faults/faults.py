"""The faults that were asked for: kept in the database, since several engine processes may share it, and in memory."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from psycopg.rows import class_row

from tickover import clock
from tickover.database import Database
from tickover.localengine.faults.kinds import FaultKind, NewFault
from tickover.localengine.loops import forever
from tickover.sql import statement

_log = structlog.stdlib.get_logger("tickover.engine")
_POLL = 0.5  # seconds between looks for what another engine process was asked for


def _sql(name: str) -> bytes:
    return statement(f"faults/{name}", "tickover.localengine.sql")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that has not ended.

    Args:
        id: by which it is removed.
        kind: what goes wrong.
        subject: the event or function it is about; None: all.
        remaining: how often it still strikes; None: as often as it likes.
        probability: of striking, each time it may.
        seconds: of a delay, a hang or a skew.
        struck: how often it has.
        until: when it has ended.
    """

    id: int
    kind: FaultKind
    subject: str | None
    remaining: int | None
    probability: float
    seconds: float | None
    struck: int
    until: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", FaultKind(self.kind))


class Faults:
    """What goes wrong on command. Where nothing does, asking costs nothing.

    Args:
        database: of the engine.
        chance: a number from 0 to 1, drawn each time a fault may strike.
    """

    def __init__(self, database: Database, chance: Callable[[], float] = random.random) -> None:
        self._database = database
        self._chance = chance
        self._standing: list[Fault] = []
        self._reading = asyncio.Lock()  # what was read before a change is not remembered after it

    async def add(self, new: NewFault) -> Fault:
        """Let something go wrong, from now on."""
        parameters = {
            "kind": new.kind,
            "subject": new.subject,
            "remaining": new.count,
            "probability": new.probability,
            "seconds": new.seconds,
            "for_seconds": new.for_seconds,
        }
        (fault,) = await self._rows("add_fault", parameters)
        _log.warning("fault.added", id=fault.id, kind=fault.kind, subject=fault.subject, until=fault.until.isoformat())
        await self.all()
        return fault

    async def remove(self, id_: int | None = None) -> int:
        """End a fault, or all of them; how many."""
        gone = await self._rows("remove_faults", {"id": id_})
        await self.all()
        return len(gone)

    async def all(self) -> list[Fault]:
        """Every fault that has not ended, oldest first; those that have since the last look are told."""
        async with self._reading:
            standing = await self._rows("list_faults", {})
            remaining = {fault.id for fault in standing}
            for fault in self._standing:
                if fault.id not in remaining:
                    _log.info("fault.ended", id=fault.id, kind=fault.kind, subject=fault.subject)
            self._standing = standing
        return standing

    def standing(self, kind: FaultKind) -> Fault | None:
        """A fault of a kind that lasts, while it does."""
        now = clock.now()
        return next((fault for fault in self._standing if fault.kind is kind and fault.until > now), None)

    def skew(self) -> timedelta:
        """By how much the engine's stamps are off."""
        skewed = self.standing(FaultKind.CLOCK_SKEWED)
        return timedelta(seconds=0.0 if skewed is None else skewed.seconds or 0.0)

    async def strike(self, kind: FaultKind, *subjects: str) -> Fault | None:
        """Whether something goes wrong now; it is counted.

        Args:
            kind: what could.
            subjects: what it would be about.
        """
        for fault in self._standing:
            if fault.kind is not kind or (fault.subject is not None and fault.subject not in subjects):
                continue
            if fault.probability < 1.0 and self._chance() >= fault.probability:
                continue
            # Several engine processes together strike as often as was asked for, no more.
            if struck := await self._rows("strike_fault", {"id": fault.id}):
                _log.warning("fault.struck", id=fault.id, kind=kind, subjects=list(subjects)[:5])
                return struck[0]
        return None

    async def watch(self) -> None:
        """Learn what other engine processes were asked for, until cancelled."""
        await forever(self.all, _POLL, "faults.not_read")

    async def _rows(self, name: str, parameters: dict[str, Any]) -> list[Fault]:
        async with (
            self._database.connection() as connection,
            connection.cursor(row_factory=class_row(Fault)) as cursor,
        ):
            await cursor.execute(_sql(name), parameters)
            return await cursor.fetchall()
