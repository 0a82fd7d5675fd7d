"""The rows that findings stand on."""

from collections.abc import Sequence
from datetime import timedelta

from tickover.database import Database
from tickover.ledger.facts import CronTick, FencedOff, RecentRun
from tickover.sql import statement


class Evidence:
    """Reads what findings stand on.

    Args:
        database: where the ledger stands.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ticks(self, route: str, most: int) -> list[CronTick]:
        """A route's newest ticks as cron fired them, the newest first."""
        return await self._database.rows(CronTick, statement("ledger/list_cron_ticks"), {"route": route, "most": most})

    async def runs(self, responsibilities: Sequence[str], most: int) -> list[RecentRun]:
        """The newest runs of each responsibility, together, the newest first."""
        parameters = {"responsibilities": list(responsibilities), "most": most}
        return await self._database.rows(RecentRun, statement("ledger/list_recent_runs"), parameters)

    async def fenced_off(self, functions: Sequence[str], within: timedelta) -> list[FencedOff]:
        """Obligations of late that two executors were at."""
        return await self._database.rows(
            FencedOff, statement("ledger/list_fenced_off"), {"functions": list(functions), "within": within}
        )
