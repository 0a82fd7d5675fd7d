"""The user's tables as the database knows them: columns, partitions, indexes."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from psycopg import sql
from psycopg.rows import args_row

from tickover.database import Async, Database
from tickover.errors import TableError
from tickover.maintenance.needs import Index
from tickover.sql import statement

LONGEST_MS = 100  # no lock is held, or waited for, longer than this
_TIMES = {"timestamp with time zone", "timestamp without time zone", "date"}


class Column(NamedTuple):
    """A column: its number, and its type's name."""

    number: int
    type: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is there.

    Args:
        oid: PostgreSQL's number for it.
        columns: by name.
    """

    oid: int
    columns: dict[str, Column]


@dataclass(frozen=True, slots=True)
class Named:
    """A table that a responsibility is configured with.

    Args:
        by: who names it, for the error: `retention of shop.parcel`.
        table: its name, `schema.table`.
        columns: those it must have.
        time: the one of them that must be a time.
    """

    by: str
    table: str
    columns: Sequence[str]
    time: str | None = None


class Part(NamedTuple):
    """A partition of a table, or the table itself where it has none.

    `leaves` are the tables that hold its rows; `is_past` says that all of its time lies before the moment asked for.
    """

    name: tuple[str, ...]
    is_past: bool
    leaves: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, name: list[str], is_past: bool, leaves: list[list[str]]) -> "Part":
        """One row of the statement."""
        return cls(tuple(name), is_past, tuple(tuple(leaf) for leaf in leaves))


def parts(name: str) -> tuple[str, ...]:
    """The parts of a table's name: `schema.table`, or `table`."""
    return tuple(name.split("."))


def identifier(name: str | Iterable[str]) -> sql.Identifier:
    """A table's name, or its parts, for a statement."""
    return sql.Identifier(*(parts(name) if isinstance(name, str) else name))


def limits(statement_s: float | None, lock_ms: int = LONGEST_MS // 2) -> dict[str, str]:
    """The parameters of `maintenance/set_limits`.

    Args:
        statement_s: seconds a statement may take; None for no end.
        lock_ms: milliseconds to wait for one lock.
    """
    statement_ms = 0 if statement_s is None else max(1, round(statement_s * 1000))
    return {"lock_ms": str(lock_ms), "statement_ms": str(statement_ms)}


@asynccontextmanager
async def reading(database: Database, seconds: float) -> AsyncIterator[Async]:
    """A transaction that cannot write, each of whose statements ends after so many seconds."""
    async with database.transaction() as connection:
        await connection.execute("SET TRANSACTION READ ONLY")
        await connection.execute(statement("maintenance/set_limits"), limits(seconds))
        yield connection


async def read_table(connection: Async, named: Named) -> Table:
    """A table, which has to be there, with its columns.

    Raises:
        TableError: it is not so; the text says what is missing, and what there is.
    """
    quoted, where = identifier(named.table).as_string(), f"{named.by}: {named.table}"
    row = await (await connection.execute(statement("maintenance/read_columns"), {"table": quoted})).fetchone()
    if row is None or not row[1]:
        there = "there is no such table" if row is None else "that is no table"
        raise TableError(f"{where}: {there}; correct its name, or run the migrations that make it")
    table = Table(row[0], {column: Column(*known) for column, known in row[2].items()})
    missing = [column for column in named.columns if column not in table.columns]
    if missing:
        has = ", ".join(sorted(table.columns))
        raise TableError(f"{where} has no column {', '.join(map(repr, missing))}; its columns are: {has}")
    if named.time is not None and table.columns[named.time].type not in _TIMES:
        raise TableError(
            f"{where}.{named.time} is of type {table.columns[named.time].type}; name a timestamp or a date"
        )
    return table


async def list_parts(connection: Async, table: Table, since: str, before: datetime) -> list[Part]:
    """The parts of a table that may hold rows of before a moment, those of the oldest first.

    Args:
        connection: to its database.
        table: which.
        since: the column of the rows' time.
        before: the moment.
    """
    values = {"table": table.oid, "since": table.columns[since].number, "before": before}
    async with connection.cursor(row_factory=args_row(Part.of)) as cursor:
        return await (await cursor.execute(statement("maintenance/list_parts"), values)).fetchall()


async def list_indexes(connection: Async, table: str | Iterable[str]) -> list[Index]:
    """The indexes of a table that can be used."""
    values = {"table": identifier(table).as_string()}
    cursor = await connection.execute(statement("maintenance/list_indexes"), values)
    return [Index(tuple(row[0]), row[1], row[2]) for row in await cursor.fetchall()]
