"""The ledger's rows: every statement about ticks, obligations and what responsibilities did. States move here only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from tickover.database import Database
from tickover.ledger.states import CLAIMABLE, DONE, ENDED, Path, State
from tickover.sql import statement

_S = {state.name.lower(): str(state) for state in State}
_FORGOTTEN_AT_ONCE = 500  # ticks
_UNENDED = [str(state) for state in State if state not in ENDED]


@dataclass(frozen=True, slots=True)
class NewTick:
    """A tick about to be recorded.

    Args:
        dispatch_key: what it is known by.
        route: the cron endpoint.
        client_id: the client it is narrowed to, or None.
        identity_source: where its identity came from.
        mode: what will be done about it.
        reason: why.
        correlation_id: what its log lines and events carry.
        functions: each function it owes, with the time allowed until its start.
        switched_off: why all is inline whatever is set for the functions; None where that counts.
        idle: functions for which nothing is due, so that it owes nothing for them.
        traceparent: which trace its request is part of, or None.
    """

    dispatch_key: str
    route: str
    client_id: str | None
    identity_source: str
    mode: str
    reason: str
    correlation_id: str
    functions: Mapping[str, timedelta]
    switched_off: str | None = None
    idle: Sequence[str] = ()
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class KnownObligation:
    """An obligation of a tick that is recorded already. `stranded`: owed, and its dispatch has not been heard of."""

    dispatch_key: str
    correlation_id: str
    mode: str
    event_ids: list[str]
    id: int
    function: str
    state: State
    path: str | None
    run_id: str | None
    attempt: int
    error: str | None
    stranded: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """An obligation that was won.

    `waited_s`: seconds since its tick was recorded. `is_first`: it is cron's own tick, and nothing of it was claimed
    before. `done`: the responsibilities that have succeeded for it already. `traceparent`: which trace the tick's
    request was part of.
    """

    id: int
    fence: int
    attempt: int
    started_at: datetime
    waited_s: float
    client_id: str | None
    correlation_id: str
    route: str
    traceparent: str | None
    is_first: bool
    done: list[str]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds an obligation, or ended it.

    `covered_path` is that of the run that covered it. `rolled_back`: its function is carried out inline, so the engine
    is not to begin it.
    """

    state: State
    path: str | None
    run_id: str | None
    lease_expires_at: datetime | None
    error: str | None
    covered_path: str | None
    rolled_back: bool


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of an attempt: when, and how many older obligations it covered."""

    finished_at: datetime
    covered: int


@dataclass(frozen=True, slots=True)
class Overdue:
    """The newest late obligation of a function in one scope; `late` counts those it stands for, itself included."""

    function: str
    client_id: str | None
    dispatch_key: str
    state: State
    start_by: datetime
    finish_by: datetime | None
    late: int


@dataclass(frozen=True, slots=True)
class StatusRow:
    """The newest obligation of a function that was taken up."""

    function: str
    state: State
    path: str
    run_id: str | None
    attempt: int
    started_at: datetime
    finished_at: datetime | None
    error: str | None
    updated_at: datetime
    dispatch_key: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an obligation of a tick is. `summaries`: what each responsibility did last."""

    function: str
    state: State
    path: str | None
    attempt: int
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    covered_path: str | None
    summaries: dict[str, dict[str, Any]]


class Ledger:
    """What is owed, and what became of it.

    Args:
        database: where it stands.
        lease_s: seconds a claim lasts unless it is renewed.
    """

    def __init__(self, database: Database, lease_s: float) -> None:
        self._database = database
        self.lease_s = lease_s

    async def record(self, tick: NewTick) -> bool:
        """Commit a tick and everything it owes. False where the tick is recorded already; then nothing changes."""
        parameters = {
            "dispatch_key": tick.dispatch_key,
            "route": tick.route,
            "client_id": tick.client_id,
            "identity_source": tick.identity_source,
            "mode": tick.mode,
            "reason": tick.reason,
            "correlation_id": tick.correlation_id,
            "switched_off": tick.switched_off,
            "idle": list(tick.idle),
            "traceparent": tick.traceparent,
            "functions": list(tick.functions),
            "start_by": list(tick.functions.values()),
            **_S,
        }
        async with self._database.connection() as connection:
            cursor = await connection.execute(statement("ledger/record_tick"), parameters)
            return cursor.rowcount > 0

    async def read(self, dispatch_key: str, settle_s: float) -> list[KnownObligation]:
        """The obligations of a recorded tick.

        Args:
            dispatch_key: the tick.
            settle_s: seconds after which a dispatch that was never heard of came to nothing.
        """
        parameters = {"dispatch_key": dispatch_key, "settle_s": settle_s, **_S}
        return await self._database.rows(KnownObligation, statement("ledger/read_tick"), parameters)

    async def accept(self, dispatch_key: str, event_ids: Sequence[str], functions: Mapping[str, timedelta]) -> None:
        """The engine took the events of these functions; the clock to their start begins now."""
        parameters = {
            "dispatch_key": dispatch_key,
            "event_ids": list(event_ids),
            "functions": list(functions),
            "start_by": list(functions.values()),
            **_S,
        }
        async with self._database.connection() as connection:
            await connection.execute(statement("ledger/accept_tick"), parameters)

    async def fail_send(self, dispatch_key: str, mode: str, reason: str, error: Mapping[str, Any]) -> None:
        """Keep why a tick's events could not be handed over."""
        parameters = {"dispatch_key": dispatch_key, "mode": mode, "reason": reason, "error": Jsonb(dict(error))}
        async with self._database.connection() as connection:
            await connection.execute(statement("ledger/fail_send"), parameters)

    async def claim(
        self, dispatch_key: str, function: str, path: Path, finish_by: timedelta, run_id: str | None = None
    ) -> Claim | None:
        """Win an obligation, or None: it is held, or ended, or its function is busy, or was taken from the engine.

        Args:
            dispatch_key: the tick.
            function: which of its obligations.
            path: who wants it; every path but the durable one is single-flight per function.
            finish_by: how long it may take, retries included.
            run_id: the engine's run, on the durable path.
        """
        parameters = {
            "dispatch_key": dispatch_key,
            "function": function,
            "path": path,
            "run_id": run_id,
            "finish_by": finish_by,
            "lease_s": self.lease_s,
            "claimable": [str(state) for state in CLAIMABLE],
            "single_flight": path is not Path.DURABLE,
            **_S,
        }
        async with self._database.transaction() as connection:
            if path is not Path.DURABLE:
                await connection.execute(statement("ledger/lock_function"), parameters)
            async with connection.cursor(row_factory=class_row(Claim)) as cursor:
                await cursor.execute(statement("ledger/claim_obligation"), parameters)
                return await cursor.fetchone()

    async def defer(self, dispatch_key: str, function: str) -> None:
        """Its function is busy with another tick: make what is owed late at once, so that whoever ends next sees it."""
        async with self._database.connection() as connection:
            parameters = {"dispatch_key": dispatch_key, "function": function, **_S}
            await connection.execute(statement("ledger/defer_obligation"), parameters)

    async def withdraw(self, function: str, dispatch_key: str | None = None) -> int:
        """Take back from the engine what it has not begun of a function that is carried out inline; how much that was.

        Args:
            function: whose obligations.
            dispatch_key: only that tick's; all of them where None.
        """
        parameters = {"function": function, "dispatch_key": dispatch_key, "durable": Path.DURABLE, **_S}
        async with self._database.connection() as connection:
            return (await connection.execute(statement("ledger/withdraw_obligations"), parameters)).rowcount

    async def holder(self, dispatch_key: str, function: str) -> Holder | None:
        """Who holds an obligation; None where it was never recorded."""
        parameters = {"dispatch_key": dispatch_key, "function": function, **_S}
        rows = await self._database.rows(Holder, statement("ledger/read_obligation"), parameters)
        return rows[0] if rows else None

    async def renew(self, obligation_id: int, fence: int) -> bool:
        """Hold on to an obligation for another lease. False where another executor has taken over."""
        parameters = {"id": obligation_id, "fence": fence, "lease_s": self.lease_s, **_S}
        async with self._database.connection() as connection:
            return (await connection.execute(statement("ledger/renew_lease"), parameters)).rowcount == 1

    async def record_responsibility(
        self, obligation_id: int, fence: int, responsibility: str, duration_ms: float, summary: Mapping[str, Any]
    ) -> bool:
        """Keep what a responsibility did. False, and nothing kept, where another executor has taken over."""
        parameters = {
            "id": obligation_id,
            "fence": fence,
            "responsibility": responsibility,
            "duration_ms": duration_ms,
            "summary": Jsonb(dict(summary)),
            "error": summary.get("error"),
            **_S,
        }
        async with self._database.connection() as connection:
            return (await connection.execute(statement("ledger/record_responsibility"), parameters)).rowcount == 1

    async def finish(self, obligation_id: int, fence: int, state: State, error: str | None) -> Finished | None:
        """End an attempt. None, and nothing changed, where another executor has taken over."""
        parameters = {
            "id": obligation_id,
            "fence": fence,
            "state": state,
            "error": error,
            "durable": Path.DURABLE,
            **_S,
        }
        rows = await self._database.rows(Finished, statement("ledger/finish_obligation"), parameters)
        return rows[0] if rows else None

    async def note_fenced_off(self, obligation_id: int) -> None:
        """An executor found that another had taken over while it was at it."""
        async with self._database.connection() as connection:
            await connection.execute(statement("ledger/note_fenced_off"), {"id": obligation_id})

    async def complete(self, dispatch_key: str) -> bool:
        """Whether everything a tick owed is done now. True to one caller only, however many ask."""
        async with self._database.connection() as connection:
            done = [str(state) for state in DONE]
            cursor = await connection.execute(
                statement("ledger/complete_tick"), {"dispatch_key": dispatch_key, "done": done}
            )
            return cursor.rowcount == 1

    async def overdue(self, functions: Sequence[str]) -> list[Overdue]:
        """What is late, one row per function and scope."""
        return await self._database.rows(
            Overdue, statement("ledger/overdue_obligations"), {"functions": list(functions), "unended": _UNENDED}
        )

    async def newest(self, functions: Sequence[str], client_id: str | None) -> list[StatusRow]:
        """The newest obligation of each function that was taken up, in one client's scope or the global one."""
        return await self._database.rows(
            StatusRow, statement("ledger/read_status"), {"functions": list(functions), "client_id": client_id}
        )

    async def progress(self, dispatch_key: str) -> list[Progress]:
        """How far each obligation of a tick is."""
        return await self._database.rows(Progress, statement("ledger/read_progress"), {"dispatch_key": dispatch_key})

    async def forget(self, keep: timedelta) -> int:
        """Drop the oldest ticks, with all that is known of them, and announcements, a bounded number; how many ticks.

        Args:
            keep: how long a tick is kept; one that still owes something is kept for longer.
        """
        parameters = {"keep": keep, "most": _FORGOTTEN_AT_ONCE, "unended": _UNENDED}
        async with self._database.connection() as connection:
            forgotten = (await connection.execute(statement("ledger/forget_ticks"), parameters)).rowcount
            await connection.execute(statement("ledger/forget_announcements"), parameters)
        return forgotten

    async def functions(self) -> list[str]:
        """The ids of all functions that were ever owed."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(statement("ledger/list_functions"))
            return [row[0] for row in await cursor.fetchall()]
