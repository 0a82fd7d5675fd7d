"""Reading what a function's stage is judged by, and what came of a rollback."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import scalar_row

from tickover import clock
from tickover.contract import Function, Route
from tickover.database import Database
from tickover.ledger.states import Path, State
from tickover.rollout.cost import Habit
from tickover.rollout.facts import Facts, HandedOver, QueueLook, Shadowed
from tickover.rollout.parity import ShadowRow, compare
from tickover.rollout.stages import Control, Stage
from tickover.sql import statement

_MOST = 2000  # rows of one kind: more than a day of a minutely tick
_MOST_SHADOWS = 500
_MOST_TICKS = 1441  # a day of a minutely tick, from the first to the last
_S = {state.name.lower(): str(state) for state in State} | {"durable": str(Path.DURABLE)}


@dataclass(frozen=True, slots=True)
class InFlight:
    """An obligation that the engine has begun and not ended; `is_alive` while its executor holds the lease."""

    id: int
    function: str
    dispatch_key: str
    is_alive: bool
    done: Sequence[str]


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What became of an obligation that the engine had begun: who ended it, with which tick, and what that did."""

    id: int
    function: str
    dispatch_key: str
    state: State
    path: str | None
    by_tick: str
    summaries: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody went on against the evidence."""

    at: datetime
    by: str
    reason: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class SeenSwitch:
    """What the newest tick of a route found: why everything is inline there, or None where what is set counts."""

    at: datetime
    switched_off: str | None


class RolloutEvidence:
    """Reads the ledger for whoever judges, moves, or looks at a function's stage.

    Args:
        database: where the ledger stands.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def facts(self, route: Route, function: Function, control: Control) -> Facts:
        """What is known since the function came to stand where it stands. What cannot be read is said, not guessed.

        Args:
            route: the function's.
            function: which.
            control: what is set for it; with a stage.
        """
        since = control.changed_at or clock.now()
        try:
            return await self._read(route, function, control, since)
        except psycopg.Error as error:
            return Facts(since, clock.now(), unreadable=str(error).partition("\n")[0])

    async def in_flight(self, functions: Sequence[str]) -> list[InFlight]:
        """What the engine has begun of these functions and not ended."""
        return await self._database.rows(
            InFlight, statement("rollout/list_in_flight"), {"functions": list(functions), **_S}
        )

    async def taken_over(self, ids: Sequence[int], since: datetime) -> list[TakenOver]:
        """What became of obligations that the engine had begun, and was done for them since."""
        return await self._database.rows(
            TakenOver, statement("rollout/list_taken_over"), {"ids": list(ids), "since": since}
        )

    async def inline_successes(self, functions: Sequence[str], since: datetime) -> dict[str, int]:
        """How many ticks that came since were carried out inline to a good end, by function."""
        parameters = {"functions": list(functions), "since": since, "here": [Path.INLINE, Path.FALLBACK], **_S}
        async with self._database.connection() as connection:
            cursor = await connection.execute(statement("rollout/count_inline_successes"), parameters)
            return dict(await cursor.fetchall())

    async def switch(self, route: str) -> SeenSwitch | None:
        """What the newest tick of a route found of its switches; None where there was no tick."""
        found = await self._database.rows(SeenSwitch, statement("rollout/read_switch"), {"route": route})
        return found[0] if found else None

    async def newest_ticks(self, route: str) -> tuple[int, timedelta]:
        """How many ticks of a route came last, a day's at most of a minutely one, and how long that took."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(statement("rollout/read_rhythm"), {"route": route, "most": _MOST_TICKS})
            row = await cursor.fetchone()
        return (0, timedelta()) if row is None else (row[0], row[1])

    async def habits(self, route: Route) -> list[Habit]:
        """How a route's functions behaved within the last day."""
        functions = {function.id: function for function in route.functions}
        asked = {"route": route.id, "functions": list(functions), **_S}
        habits = await self._database.rows(Habit, statement("rollout/read_habits"), asked)
        # What is not skipped any more is not idle any more, whatever it was yesterday.
        return [habit if functions[habit.function].skip_idle else replace(habit, idle=0.0) for habit in habits]

    async def overrides(self, function: str) -> list[Override]:
        """Each time that somebody went on against the evidence, the newest first."""
        return await self._database.rows(Override, statement("rollout/list_overrides"), {"function": function})

    async def _read(self, route: Route, function: Function, control: Control, since: datetime) -> Facts:
        asked = {"function": function.id, "route": route.id, "since": since, "most": _MOST, **_S}
        async with self._database.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute("SELECT now()")
            now = await cursor.fetchone() or clock.now()
            await cursor.execute(statement("rollout/list_tick_times"), asked)
            ticks = await cursor.fetchall()
        shadowed: list[Shadowed] = []
        if control.stage == Stage.SHADOW:
            rows = await self._database.rows(
                ShadowRow, statement("rollout/list_shadowed"), asked | {"most": _MOST_SHADOWS}
            )
            shadowed = [found for row in rows if (found := compare(row, function, now)) is not None]
        return Facts(
            since,
            now,
            ticks,
            await self._database.rows(HandedOver, statement("rollout/list_handed_over"), asked),
            shadowed,
            await self._queue(route, asked) or None if function.drains else None,
        )

    async def _queue(self, route: Route, asked: Mapping[str, Any]) -> list[QueueLook]:
        responsibilities = [r.id for function in route.functions for r in function.responsibilities]
        return await self._database.rows(
            QueueLook, statement("rollout/list_queue_looks"), {**asked, "responsibilities": responsibilities}
        )
