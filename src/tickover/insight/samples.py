"""How the queue stood over time: a row a minute, written beside ticks by whoever comes first."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tickover.database import Database
from tickover.sql import statement

COUNTED_UP_TO = 10_000
"""More due jobs than this are not counted."""


@dataclass(frozen=True, slots=True)
class QueueSample:
    """How the queue stood.

    Args:
        at: the minute.
        due: jobs that were due, counted up to 10,000.
        oldest_age_s: seconds for which the oldest of them had been due.
    """

    at: datetime
    due: int
    oldest_age_s: float


class QueueSamples:
    """Writes and reads samples.

    Args:
        database: where they stand.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, now: datetime) -> None:
        """Write how the queue stands, unless somebody has in this minute."""
        await self._execute("insight/sample_queue", {"now": now, "bound": COUNTED_UP_TO})

    async def since(self, since: datetime) -> list[QueueSample]:
        """All samples since then, in order."""
        return await self._database.rows(QueueSample, statement("insight/list_samples"), {"since": since})

    async def forget(self, keep: timedelta) -> None:
        """Drop those that are older."""
        await self._execute("insight/forget_samples", {"keep": keep})

    async def _execute(self, name: str, parameters: dict[str, object]) -> None:
        async with self._database.connection() as connection:
            await connection.execute(statement(name), parameters)
