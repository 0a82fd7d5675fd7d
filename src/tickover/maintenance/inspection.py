"""Whether the tables that a contract's maintenance names are there, and have the indexes that it needs."""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from tickover.contract import Contract
from tickover.database import Async, Database
from tickover.errors import TableError
from tickover.maintenance.needs import Need, serves, statement
from tickover.maintenance.tables import Named, identifier, list_indexes, read_table, reading
from tickover.sql import statement as load

_log = structlog.stdlib.get_logger("tickover.maintenance")
_ASKING_S = 5.0  # seconds for one question to the catalogue


@runtime_checkable
class Maintains(Protocol):
    """A responsibility over tables of the user's own."""

    def names(self) -> Iterator[Named]:
        """The tables and columns that it is configured with."""
        ...

    def needs(self) -> Iterator[Need]:
        """The indexes that it needs."""
        ...

    def deletes_from(self) -> Iterator[str]:
        """The tables that it deletes rows from."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is missing.

    Args:
        responsibility: who needs it.
        table: where.
        text: what is wrong.
        statements: what mends it, to be run one by one outside a transaction; empty where it is the declaration that
            has to be mended.
    """

    responsibility: str
    table: str
    text: str
    statements: tuple[str, ...] = ()


def maintained(contract: Contract) -> dict[str, Maintains]:
    """The responsibilities over the user's own tables, by id."""
    found: dict[str, Maintains] = {}
    for function in contract.functions:
        for part in function.responsibilities:
            work: object = part.run
            if isinstance(work, Maintains):
                found[part.id] = work
    return found


async def inspect(database: Database, responsibilities: dict[str, Maintains]) -> list[Finding]:
    """What is missing in a database; it is only asked.

    Args:
        database: where the tables are.
        responsibilities: see `maintained`.

    Raises:
        psycopg.Error: it cannot be asked.
        psycopg_pool.PoolTimeout: likewise.
    """
    findings: list[Finding] = []
    async with reading(database, _ASKING_S) as connection:
        for name, work in responsibilities.items():
            unknown = [found async for found in _unknown(connection, name, work)]
            if unknown:
                findings += unknown
                continue
            keys = await _foreign_keys(connection, work.deletes_from())
            for need in _once([*work.needs(), *keys]):
                findings += await _missing(connection, name, need)
    return findings


async def report(database: Database, responsibilities: dict[str, Maintains]) -> None:
    """Log what is missing. A database that cannot be asked is one line, and no more."""
    try:
        findings = await inspect(database, responsibilities)
    except (psycopg.Error, PoolTimeout) as error:
        _log.warning("maintenance.not_inspected", reason=str(error).partition("\n")[0] or type(error).__name__)
        return
    for found in findings:
        about = {"responsibility": found.responsibility, "table": found.table, "text": found.text}
        if found.statements:
            _log.warning("maintenance.index_missing", **about, remedy="; ".join(found.statements))
        else:
            _log.error("maintenance.table_unknown", **about)


async def _unknown(connection: Async, responsibility: str, work: Maintains) -> AsyncIterator[Finding]:
    for named in work.names():
        try:
            await read_table(connection, named)
        except TableError as error:
            yield Finding(responsibility, named.table, str(error))


async def _missing(connection: Async, responsibility: str, need: Need) -> list[Finding]:
    """The finding about one need, if it is not met in some table or partition."""
    cursor = await connection.execute(load("maintenance/list_leaves"), {"table": identifier(need.table).as_string()})
    leaves = await cursor.fetchall()
    lacking = [leaf[0] for leaf in leaves if not any(serves(i, need) for i in await list_indexes(connection, leaf[0]))]
    if not lacking:
        return []
    statements = [statement(need, leaf) for leaf in lacking]
    if leaves[0][1]:  # made in each partition, it is taken over by the one of the whole, which new partitions inherit
        statements.append(statement(need, need.table, concurrently=False))
    return [Finding(responsibility, ".".join(need.table), _text(need), tuple(statements))]


async def _foreign_keys(connection: Async, tables: Iterable[str]) -> list[Need]:
    quoted = [identifier(table).as_string() for table in tables]
    cursor = await connection.execute(load("maintenance/list_foreign_keys"), {"tables": quoted})
    return [Need(tuple(row[0]), dict.fromkeys(row[1])) for row in await cursor.fetchall()]


def _once(needs: Iterable[Need]) -> list[Need]:
    """A foreign key that is named in the declaration too is one need."""
    found: list[Need] = []
    for need in needs:
        if need not in found:
            found.append(need)
    return found


def _text(need: Need) -> str:
    table = ".".join(need.table)
    if need.then is None:
        return f"{table} is searched by {', '.join(need.equal)} for every row, and no index serves that"
    kind = "".join(f"{column} = {value}, " for column, value in need.equal.items())
    return f"{table} is walked in the order of {kind}{need.then}, and no index serves that"
