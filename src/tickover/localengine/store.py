"""The local engine's rows: functions, events, runs and the queue of calls. States move here only."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import DataError
from psycopg.errors import ProgramLimitExceeded
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from tickover.database import Async, Database
from tickover.localengine import identifiers
from tickover.localengine.schedules import replace_schedules
from tickover.localengine.states import CallOutcome
from tickover.localengine.wire import Registered
from tickover.sql import statement

SEEN_FOR = timedelta(hours=24)
"""How long an event id or an idempotency value starts no second run (inngest-wire, Deduplication)."""

UNKEEPABLE = (DataError, ProgramLimitExceeded, ValueError, RecursionError)
"""What is met by a value that PostgreSQL keeps not: a NUL, half a surrogate pair, NaN, one too large or too deep."""

_PRUNED_AT_ONCE = 5_000


def _sql(name: str) -> bytes:
    return statement(name, "tickover.localengine.sql")


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be stored. `internal_id` is the engine's own id; `body` has the caller's, or the same."""

    internal_id: str
    body: dict[str, Any]

    @property
    def event_id(self) -> str:
        """The id that its sender gave it, or the engine's."""
        return str(self.body["id"])


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be queued for an event.

    Args:
        run_id: its id.
        function_id: of what.
        internal_id: the event that starts it.
        keys: values that start no second run within 24 h.
        singleton: of the runs with this value, one is alive at a time; None for no such bound.
        slots: each concurrency slot it takes while a call is made, with how many may.
    """

    run_id: str
    function_id: str
    internal_id: str
    keys: Sequence[str]
    singleton: str | None
    slots: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Item:
    """A call that was claimed, with all that it says; or no call, where it `wakes` a step that has slept.

    Args:
        id: of its row.
        job_id: its name in the queue.
        run_id: of which run.
        step_id: what is asked for: `step` for the function itself, or a step that was found in parallel.
        attempt: from 0.
        fence: under which it is held.
        wakes: the step that has slept.
        queued_at: when it was.
        function_id: of the run.
        event: its body.
        version: of the protocol, as the application last said; -1 before.
        steps: the memoized ones, by id.
        stack: their ids, in order.
        state_size: bytes of what they hold.
        url: to call.
        config: of the function.
    """

    id: int
    job_id: str
    run_id: str
    step_id: str
    attempt: int
    fence: int
    wakes: str | None
    queued_at: datetime
    function_id: str
    event: dict[str, Any]
    version: int
    steps: dict[str, Any]
    stack: list[str]
    state_size: int
    url: str
    config: dict[str, Any]

    @property
    def retries(self) -> int | None:
        """Attempts after the first one, where the function names a number."""
        retries = self.config["steps"]["step"].get("retries")
        return None if retries is None else int(retries["attempts"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What comes of a call's answer.

    Args:
        item: the call.
        run: its run.
        fence: under which it was made; another one's answer decides nothing.
        outcome: what it is.
        http_status: of the answer; 0 for none.
        ended_at: when it came.
        started_at: when the call began; None for a step that has slept, which began when it was queued.
        version: of the protocol, where the answer named one.
        step: the step to be memoized, or to sleep.
        memo: its result.
        name: by which people know the step.
        error: what went wrong.
        output: of the run, where it ends.
        due_at: of the next attempt, or the end of a sleep.
        job_id: the next call's name in the queue.
        planned: parallel steps to be called for, each with its name in the queue.
    """

    item: int
    run: str
    fence: int
    outcome: CallOutcome
    http_status: int
    ended_at: datetime
    started_at: datetime | None = None
    version: int | None = None
    step: str | None = None
    memo: Any = None
    name: str | None = None
    error: str | None = None
    output: Any = None
    due_at: datetime | None = None
    job_id: str | None = None
    planned: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Functions:
    """Everything that was registered, as of a version of the registry."""

    version: int
    all: Sequence[Registered]


class EngineStore:
    """The engine's state in PostgreSQL.

    Args:
        database: where.
        lease_s: seconds a claimed call is held unless it is renewed.
    """

    def __init__(self, database: Database, lease_s: float) -> None:
        self.database = database
        self.lease_s = lease_s

    async def accept(
        self, connection: Async, events: Sequence[NewEvent], runs: Sequence[NewRun], known: int, at: datetime
    ) -> frozenset[str] | None:
        """Store events and queue their runs.

        Args:
            connection: in a transaction of the caller's, or in none.
            events: to store.
            runs: that they start.
            known: the version of the registry from which the runs were chosen.
            at: the time now.

        Returns:
            The runs that were started; None where there is a newer registration, and nothing was done.
        """
        parameters = {
            "events": Jsonb([_event_row(event) for event in events]),
            "runs": Jsonb([_run_row(run) for run in runs]),
            "known": known,
            "at": at,
        }
        row = await (await connection.execute(_sql("accept"), parameters)).fetchone()
        return None if row is None or row[0] is None else frozenset(row[0])

    async def delay(self, connection: Async, run_id: str, by: timedelta | None) -> None:
        """Make the first call of a run later by so much, or never; in the transaction that queued it."""
        await connection.execute(_sql("delay_run"), {"run_id": run_id, "by": by})

    async def claim(self, most: int, at: datetime) -> list[Item]:
        """Claim calls that are due at a time, at most so many."""
        async with (
            self.database.connection() as connection,
            connection.cursor(row_factory=class_row(Item)) as cursor,
        ):
            await cursor.execute(_sql("claim"), {"most": most, "lease_s": self.lease_s, "at": at})
            return await cursor.fetchall()

    async def settle(
        self,
        decisions: Sequence[Decision],
        events: Sequence[tuple[int, NewEvent]],
        runs: Sequence[tuple[int, NewRun]],
        known: int,
        at: datetime,
    ) -> frozenset[int] | None:
        """Do what was decided about calls, in one transaction, each only if it is still held and its run is alive.

        Args:
            decisions: at most one a call.
            events: that tell of the end of a run, each with the call that ended it.
            runs: that these start, each with the call that ended the run.
            known: the version of the registry from which the runs were chosen.
            at: the time now.

        Returns:
            The calls that were held; None where there is a newer registration, and nothing was done.
        """
        parameters = {
            "decisions": Jsonb([_decision_row(decision) for decision in decisions]),
            "events": Jsonb([_event_row(event) | {"item": item} for item, event in events]),
            "runs": Jsonb([_run_row(run) | {"item": item} for item, run in runs]),
            "known": known,
            "at": at,
        }
        async with self.database.connection() as connection:
            row = await (await connection.execute(_sql("settle"), parameters)).fetchone()
        return None if row is None or row[0] is None else frozenset(row[0])

    async def renew(self, items: Sequence[Item]) -> None:
        """Keep the leases of calls that are being made."""
        await self._held("renew_items", items)

    async def release(self, items: Sequence[Item]) -> None:
        """Give up calls, so that they are due again at once."""
        await self._held("release_items", items)

    async def register(self, app: str, functions: Sequence[Registered], at: datetime) -> bool:
        """Store an app's functions in place of those it had. Whether anything changed."""
        parameters = {
            "app": app,
            "ids": [function.id for function in functions],
            "urls": [function.url for function in functions],
            "configs": [Jsonb(function.config) for function in functions],
        }
        async with self.database.transaction() as connection:
            row = await (await connection.execute(_sql("register_functions"), parameters)).fetchone()
            await replace_schedules(connection, app, functions, at)
        return row is not None and row[0] > 0

    async def functions(self) -> Functions:
        """Everything that is registered."""
        async with self.database.connection() as connection:
            rows = await (await connection.execute(_sql("list_functions"))).fetchall()
        return Functions(rows[0][0], [Registered(*row[1:]) for row in rows if row[1] is not None])

    async def counts(self) -> tuple[int, int]:
        """How many functions are registered, and how many calls are still to be answered."""
        async with self.database.connection() as connection:
            row = await (await connection.execute(_sql("read_counts"))).fetchone()
            return (0, 0) if row is None else (row[0], row[1])

    async def event(self, id_: str) -> dict[str, Any] | None:
        """An event by either of its ids."""
        rows = await self._rows("read_event", id_)
        return rows[0] if rows else None

    async def runs(self, id_: str) -> list[dict[str, Any]]:
        """Runs by their own id, or by either id of the event that started them."""
        return await self._rows("read_runs", id_)

    async def prune(self, at: datetime, keep: timedelta, most: int) -> int:
        """Drop old rows, a bounded number of each kind; how many at most of one kind, so that 0 is the end of it.

        Args:
            at: the time now.
            keep: how long runs that have ended, and events, are kept.
            most: how many ended runs are kept.
        """
        dropped = 0
        for name, before in (("prune_runs", at - keep), ("prune_events", at - keep), ("prune_seen", at - SEEN_FOR)):
            async with self.database.connection() as connection:
                cursor = await connection.execute(
                    _sql(name), {"before": before, "most": most, "batch": _PRUNED_AT_ONCE}
                )
                dropped = max(dropped, cursor.rowcount)
        return dropped

    async def _rows(self, name: str, id_: str) -> list[dict[str, Any]]:
        async with self.database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(_sql(name), {"id": id_})
            return await cursor.fetchall()

    async def _held(self, name: str, items: Sequence[Item]) -> None:
        parameters = {
            "ids": [item.id for item in items],
            "fences": [item.fence for item in items],
            "lease_s": self.lease_s,
        }
        async with self.database.connection() as connection:
            await connection.execute(_sql(name), parameters)


def _event_row(event: NewEvent) -> dict[str, Any]:
    return {
        "internal_id": event.internal_id,
        "event_id": event.event_id,
        "name": event.body["name"],
        "body": event.body,
    }


def _run_row(run: NewRun) -> dict[str, Any]:
    return {
        "id": run.run_id,
        "function_id": run.function_id,
        "internal_id": run.internal_id,
        "keys": list(run.keys),
        "singleton": run.singleton,
        "job_id": identifiers.job_id(),
        "slots": [slot for slot, _ in run.slots],
        "limits": [limit for _, limit in run.slots],
    }


def _decision_row(decision: Decision) -> dict[str, Any]:
    row = asdict(decision)
    for name in ("due_at", "started_at", "ended_at"):
        row[name] = row[name].isoformat() if row[name] is not None else None
    return row
