"""The local engine's rows: functions, events, runs and the queue of calls. States move here only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from tickover.database import Async, Database
from tickover.localengine import identifiers
from tickover.localengine.states import RunState
from tickover.localengine.wire import Registered
from tickover.sql import statement

_S = {state.name.lower(): str(state) for state in RunState}


def _sql(name: str) -> bytes:
    return statement(name, "tickover.localengine.sql")


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be stored. `internal_id` is the engine's own id; `body` has the caller's, or the same."""

    internal_id: str
    body: dict[str, Any]

    @property
    def event_id(self) -> str:
        """The id that repeats are known by."""
        return str(self.body["id"])


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be queued for an event.

    Args:
        run_id: its id.
        function_id: of what.
        event_id: the event that starts it.
        once: a key that starts no second run within 24 h, or None.
        slots: each concurrency slot it takes while a call is made, with how many may.
    """

    run_id: str
    function_id: str
    event_id: str
    once: str | None
    slots: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Item:
    """A call that was claimed, with all that it says; or no call, where it `wakes` a step that has slept."""

    id: int
    job_id: str
    run_id: str
    step_id: str
    attempt: int
    fence: int
    wakes: str | None
    function_id: str
    event: dict[str, Any]
    version: int
    steps: dict[str, Any]
    stack: list[str]
    url: str
    config: dict[str, Any]

    @property
    def retries(self) -> int | None:
        """Attempts after the first one, where the function names a number."""
        retries = self.config["steps"]["step"].get("retries")
        return None if retries is None else int(retries["attempts"])


class Held:
    """One call that is still held, inside the transaction that decides what comes of it."""

    def __init__(self, connection: Async, item: Item) -> None:
        self._connection = connection
        self._item = item

    async def retry(self, *, delay_s: float, at: datetime | None) -> None:
        """Make the same call again, after a delay or at a time."""
        await self._run("retry_item", delay_s=delay_s, at=at)

    async def version(self, version: int) -> None:
        """Keep which version of the protocol the application speaks for this run."""
        await self._run("set_version", version=version)

    async def memoize(self, step_id: str, memo: Any) -> None:
        """Keep a step's result."""
        await self._run("memoize_step", step_id=step_id, value=Jsonb(memo))

    async def sleep(self, step_id: str, until: datetime) -> None:
        """Come back at a time, to wake a step."""
        await self._run("sleep_item", step_id=step_id, until=until)

    async def queue(self, step_id: str) -> None:
        """Queue another call of the run."""
        await self._run("queue_item", step_id=step_id, job_id=identifiers.job_id())

    async def others(self) -> int:
        """How many other calls of the run are still to be made or being made."""
        cursor = await self._connection.execute(_sql("count_items"), self._named())
        row = await cursor.fetchone()
        return 0 if row is None else int(row[0])

    async def finish(self) -> None:
        """This call is done."""
        await self._run("finish_item")

    async def end(self, state: RunState, output: Any) -> None:
        """The run has ended; calls of it that are still queued are dropped."""
        await self._run("end_run", state=state, output=Jsonb(output))
        await self._run("drop_items")

    async def accept(self, events: Sequence[NewEvent], runs: Sequence[NewRun]) -> None:
        """Store the events that tell of the run's end, in the same transaction."""
        await self._connection.execute(_sql("accept_events"), _accepted(events, runs))

    def _named(self) -> dict[str, Any]:
        return {"item_id": self._item.id, "run_id": self._item.run_id, **_S}

    async def _run(self, name: str, **parameters: Any) -> None:
        await self._connection.execute(_sql(name), self._named() | parameters)


class EngineStore:
    """The engine's state in PostgreSQL.

    Args:
        database: where.
        lease_s: seconds a claimed call is held unless it is renewed.
    """

    def __init__(self, database: Database, lease_s: float) -> None:
        self.database = database
        self.lease_s = lease_s

    async def accept(self, events: Sequence[NewEvent], runs: Sequence[NewRun]) -> None:
        """Store events and queue their runs; committed when this returns."""
        async with self.database.connection() as connection:
            await connection.execute(_sql("accept_events"), _accepted(events, runs))

    async def claim(self, most: int) -> list[Item]:
        """Claim calls that are due, at most so many."""
        parameters = {"most": most, "lease_s": self.lease_s, **_S}
        async with self.database.transaction() as connection:
            await connection.execute(_sql("take_turn"))
            async with connection.cursor(row_factory=class_row(Item)) as cursor:
                await cursor.execute(_sql("claim_items"), parameters)
                items = await cursor.fetchall()
            if items:
                await connection.execute(_sql("start_run"), {"run_ids": [item.run_id for item in items], **_S})
            return items

    async def renew(self, items: Sequence[Item]) -> None:
        """Keep the leases of calls that are being made."""
        await self._held("renew_items", items)

    async def release(self, items: Sequence[Item]) -> None:
        """Give up calls, so that they are due again at once."""
        await self._held("release_items", items)

    async def lock(self, connection: Async, item: Item) -> Held | None:
        """The call, if it is still held under its fence and its run is alive; otherwise None.

        Two statements: the second sees what was committed while the first one waited for its lock.
        """
        parameters = {"item_id": item.id, "run_id": item.run_id, "fence": item.fence, **_S}
        for name in ("lock_run", "lock_item"):
            if await (await connection.execute(_sql(name), parameters)).fetchone() is None:
                return None
        return Held(connection, item)

    async def register(self, app: str, functions: Sequence[Registered]) -> bool:
        """Store an app's functions in place of those it had. Whether anything changed."""
        parameters = {
            "app": app,
            "ids": [function.id for function in functions],
            "urls": [function.url for function in functions],
            "configs": [Jsonb(function.config) for function in functions],
        }
        async with self.database.connection() as connection:
            row = await (await connection.execute(_sql("register_functions"), parameters)).fetchone()
            return row is not None and row[0] > 0

    async def functions(self) -> list[Registered]:
        """Everything that is registered."""
        async with (
            self.database.connection() as connection,
            connection.cursor(row_factory=class_row(Registered)) as cur,
        ):
            await cur.execute(_sql("list_functions"))
            return await cur.fetchall()

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


def _accepted(events: Sequence[NewEvent], runs: Sequence[NewRun]) -> Mapping[str, Any]:
    return {
        "internal_ids": [event.internal_id for event in events],
        "event_ids": [event.event_id for event in events],
        "names": [event.body["name"] for event in events],
        "bodies": [Jsonb(event.body) for event in events],
        "run_ids": [run.run_id for run in runs],
        "function_ids": [run.function_id for run in runs],
        "run_event_ids": [run.event_id for run in runs],
        "once": [run.once for run in runs],
        "job_ids": [identifiers.job_id() for _ in runs],
        "slots": [Jsonb(list(run.slots)) for run in runs],
        **_S,
    }
