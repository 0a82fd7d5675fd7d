"""What the pages show. Every question is answered from an index, or about a bounded number of rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from psycopg.rows import class_row

from tickover.database import Database
from tickover.localengine.states import MOVES, CallOutcome, RunState
from tickover.sql import statement

Row = TypeVar("Row")
ON_A_PAGE = 50
LOOKED_AT = 20_000
"""Rows among which a filter looks; the page says so, and leads on."""

_CALLS = 3_000  # a run has at most 1,000 steps
_FUNCTIONS = 1_000
_HEAD = 20_000  # characters of an output


def _sql(name: str) -> bytes:
    return statement(f"pages/{name}", "tickover.localengine.sql")


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in a list; `event` is the name of what started it."""

    id: str
    function_id: str
    internal_id: str
    state: RunState
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    event: str | None


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event in a list."""

    internal_id: str
    event_id: str
    name: str
    received_at: datetime
    runs: int


@dataclass(frozen=True, slots=True)
class Event:
    """An event."""

    internal_id: str
    event_id: str
    name: str
    body: dict[str, Any]
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """A run; its output as text, which is `cut` where it is long."""

    id: str
    function_id: str
    internal_id: str
    state: RunState
    output: str | None
    cut: bool
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    event: str | None


@dataclass(frozen=True, slots=True)
class Call:
    """What became of a call, or of a sleep.

    Args:
        step_id: what was asked for.
        attempt: from 0.
        outcome: what became of it.
        name: of the step.
        http_status: of the answer; 0: none.
        error: what went wrong.
        queued_at: when it was.
        started_at: when it was made, or the sleep began.
        ended_at: when its answer was there, or the sleep ended.
    """

    step_id: str
    attempt: int
    outcome: CallOutcome
    name: str | None
    http_status: int
    error: str | None
    queued_at: datetime
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Pending:
    """What a run waits for.

    Args:
        step_id: what will be asked for.
        attempt: from 0.
        name: of the step that sleeps.
        sleeps: whether it is the end of a sleep, not a call.
        called: whether the call is being made.
        queued_at: since when.
        due_at: until when; None: for ever.
    """

    step_id: str
    attempt: int
    name: str | None
    sleeps: bool
    called: bool
    queued_at: datetime
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Served:
    """A function that is registered, with when its cron triggers fire next."""

    id: str
    app: str
    url: str
    config: dict[str, Any]
    crons: Sequence[str]
    times: Sequence[datetime]


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """A part of a list. `older` is where the next part begins; None at the end of all."""

    rows: Sequence[Row]
    older: str | None


class Reader:
    """Reads what the pages show.

    Args:
        database: of the engine.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def runs(self, state: RunState | None, function: str | None, before: str | None) -> Page[RunLine]:
        """The newest runs before an id, of a state and a function or of all."""
        alive = state is not None and bool(MOVES[state])
        lines, last = ("list_alive_runs", "last_alive_run_looked_at") if alive else ("list_runs", "last_run_looked_at")
        rows = await self._rows(RunLine, lines, state=state, function=function, before=before)
        return Page(rows, rows[-1].id if len(rows) == ON_A_PAGE else await self._last(last, before))

    async def events(self, name: str | None, before: str | None) -> Page[EventLine]:
        """The newest events before an id, of a name or of all."""
        rows = await self._rows(EventLine, "list_events", name=name, before=before)
        older = rows[-1].internal_id if len(rows) == ON_A_PAGE else await self._last("last_event_looked_at", before)
        return Page(rows, older)

    async def event(self, id_: str) -> Event | None:
        """An event by the engine's id."""
        rows = await self._rows(Event, "read_event", id=id_)
        return rows[0] if rows else None

    async def runs_of(self, id_: str) -> Sequence[RunLine]:
        """The runs that an event started."""
        return await self._rows(RunLine, "list_runs_of_event", id=id_)

    async def run(self, id_: str) -> Run | None:
        """A run."""
        rows = await self._rows(Run, "read_run", id=id_, head=_HEAD)
        return rows[0] if rows else None

    async def calls(self, id_: str) -> Sequence[Call]:
        """What became of a run's calls, in order."""
        return await self._rows(Call, "read_calls", id=id_, most=_CALLS)

    async def pending(self, id_: str) -> Sequence[Pending]:
        """What a run waits for."""
        return await self._rows(Pending, "read_pending", id=id_, most=_CALLS)

    async def functions(self) -> Sequence[Served]:
        """Everything that is registered."""
        return await self._rows(Served, "list_functions", most=_FUNCTIONS)

    async def _last(self, name: str, before: str | None) -> str | None:
        """Where a look back that did not fill its page ended, if there is more."""
        async with self._database.connection() as connection:
            row = await (await connection.execute(_sql(name), {"window": LOOKED_AT, "before": before})).fetchone()
            return None if row is None else str(row[0])

    async def _rows(self, kind: type[Row], statement_: str, /, **parameters: Any) -> list[Row]:
        given = {"window": LOOKED_AT, "most": ON_A_PAGE} | parameters
        async with (
            self._database.connection() as connection,
            connection.cursor(row_factory=class_row(kind)) as cursor,
        ):
            await cursor.execute(_sql(statement_), given)
            return await cursor.fetchall()
