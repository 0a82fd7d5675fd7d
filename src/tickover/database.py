"""Connections to PostgreSQL, made so that PgBouncer in transaction mode may stand in between."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from psycopg import AsyncConnection, Connection, ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow, class_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from tickover.errors import EnvironmentStateError

# No prepared statement outlives its transaction, so none is made: PgBouncer may hand the next
# transaction another server connection.
_CONNECT: dict[str, Any] = {"autocommit": True, "prepare_threshold": None}

# The query behind it takes the snapshot, after which PostgreSQL lets nobody turn this off again.
_READ_ONLY = "SET TRANSACTION READ ONLY; SELECT 1"

Async = AsyncConnection[TupleRow]
Row = TypeVar("Row")
Sync = Connection[TupleRow]


def require_uri(dsn: str) -> None:
    """Go on with a connection URI that can be read; one that cannot is not shown, for it may hold a password.

    Raises:
        EnvironmentStateError: it cannot.
    """
    try:
        conninfo_to_dict(dsn)
    except ProgrammingError:
        raise EnvironmentStateError("DATABASE_URL is no connection URI that PostgreSQL's own library reads") from None


class _Pool(AsyncConnectionPool[Async]):
    """A pool that gets each connection back, also from a task that is cancelled while it returns one."""

    async def putconn(self, conn: Async) -> None:
        """Take a connection back."""
        await asyncio.shield(super().putconn(conn))


class Database:
    """A pool of connections for async code, and a second, lazy one for sync code that runs in threads.

    Connections are in autocommit mode: a transaction is opened by `transaction()`, or by
    `connection.transaction()` where several are needed.

    Args:
        dsn: a PostgreSQL connection URI.
        size: the most connections each pool may hold.
        wait: seconds to wait for a free connection before giving up.
    """

    def __init__(self, dsn: str, size: int = 10, wait: float = 10.0) -> None:
        self.dsn = dsn
        self._pool = _Pool(dsn, min_size=1, max_size=size, timeout=wait, open=False, kwargs=_CONNECT, name="tickover")
        self._sync = ConnectionPool[Sync](
            dsn, min_size=0, max_size=size, timeout=wait, open=False, kwargs=_CONNECT, name="tickover-threads"
        )

    async def open(self) -> None:
        """Open the async pool; returns at once, the first use waits for a connection."""
        await self._pool.open()

    async def close(self) -> None:
        """Give all connections back to the server."""
        await self._pool.close()
        self._sync.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Async]:
        """A pooled connection in autocommit mode."""
        async with self._pool.connection() as connection:
            yield connection

    async def rows(self, row: type[Row], query: bytes, parameters: Mapping[str, Any]) -> list[Row]:
        """Everything that one query finds.

        Args:
            row: what each row becomes; its fields are the query's columns.
            query: as `tickover.sql.statement` gives it.
            parameters: by name.
        """
        async with self.connection() as connection, connection.cursor(row_factory=class_row(row)) as cursor:
            await cursor.execute(query, parameters)
            return await cursor.fetchall()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Async]:
        """A pooled connection inside one transaction; an exception rolls it back."""
        async with self._pool.connection() as connection, connection.transaction():
            yield connection

    @contextmanager
    def sync_transaction(self) -> Iterator[Sync]:
        """As `transaction`, for sync callables, which run in threads."""
        self._sync.open()
        with self._sync.connection() as connection, connection.transaction():
            yield connection


class ReadOnlyDatabase(Database):
    """The connections of another one, with every write refused by PostgreSQL, whatever the statement.

    Args:
        database: whose connections; it stays open and is closed by whoever opened it.
    """

    def __init__(self, database: Database) -> None:
        self.dsn = database.dsn
        self._pool, self._sync = database._pool, database._sync  # noqa: SLF001 - a view of the same pools

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Async]:
        """A pooled connection inside one read-only transaction: outside of one there would be no such promise."""
        async with self.transaction() as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Async]:
        """A pooled connection inside one read-only transaction."""
        async with super().transaction() as connection:
            await connection.execute(_READ_ONLY)
            yield connection

    @contextmanager
    def sync_transaction(self) -> Iterator[Sync]:
        """As `transaction`, for sync callables."""
        with super().sync_transaction() as connection:
            connection.execute(_READ_ONLY)
            yield connection
