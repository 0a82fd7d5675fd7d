"""Requests that were refused, counted by cause, so that what keeps the engine or cron out can be named."""

from psycopg.rows import class_row

from tickover.database import Database
from tickover.ledger.facts import RECENT, Refusal
from tickover.sql import statement


class Refusals:
    """The counters of refused requests.

    Args:
        database: where the ledger stands.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self, endpoint: str, cause: str, detail: str, count: int) -> bool:
        """Count refused requests. True where the cause is new, or came back after it was mended."""
        parameters = {"endpoint": endpoint, "cause": cause, "detail": detail, "count": count}
        async with self._database.connection() as connection:
            cursor = await connection.execute(statement("ledger/count_refusal"), parameters)
            row = await cursor.fetchone()
        return row is not None and bool(row[0])

    async def going_on(self) -> list[Refusal]:
        """The causes for which requests are being refused, the newest first."""
        async with (
            self._database.connection() as connection,
            connection.cursor(row_factory=class_row(Refusal)) as cursor,
        ):
            await cursor.execute(statement("ledger/list_refusals"), {"recent": RECENT})
            return await cursor.fetchall()

    async def mend(self, endpoint: str) -> list[str]:
        """A request was accepted: the causes that are over now."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(statement("ledger/mend_refusals"), {"endpoint": endpoint})
            return [row[0] for row in await cursor.fetchall()]
