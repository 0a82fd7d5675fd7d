"""What a diagnosis reads from the ledger."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from tickover.database import Database
from tickover.ledger.states import Path, State
from tickover.sql import statement
from tickover.verify.facts import ObligationRow, ResponsibilityRow, TickRow

LOOKED_AT = 10_000
"""Of each route's newest ticks, so many are looked at for one that did not go well."""

_PATIENCE = timedelta(seconds=15)  # after which what was accepted and has not begun is worth a look
_KEYS = 1_000  # of which a mistyped one is looked for


class Records:
    """Reads ticks and what became of them.

    Args:
        database: where the ledger stands.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tick(self, dispatch_key: str) -> TickRow | None:
        """A tick; None where none of that key was recorded."""
        rows = await self._database.rows(TickRow, statement("verify/read_tick"), {"dispatch_key": dispatch_key})
        return rows[0] if rows else None

    async def obligations(self, dispatch_key: str) -> list[ObligationRow]:
        """What a tick owes, in the order of its events."""
        parameters = {"dispatch_key": dispatch_key, "running": State.RUNNING, "durable": Path.DURABLE}
        return await self._database.rows(ObligationRow, statement("verify/read_obligations"), parameters)

    async def responsibilities(self, dispatch_key: str) -> list[ResponsibilityRow]:
        """What each responsibility did last for a tick, or for the tick that covered it."""
        return await self._database.rows(
            ResponsibilityRow, statement("verify/list_responsibility_runs"), {"dispatch_key": dispatch_key}
        )

    async def newest_troubled(self, routes: Sequence[str]) -> str | None:
        """The newest tick that did not go well; None where all of the newest did."""
        parameters = {
            "routes": list(routes),
            "most": LOOKED_AT,
            "patience": _PATIENCE,
            "failed": State.FAILED,
            "accepted": State.ACCEPTED,
            "covered": State.COVERED,
            "recovery": Path.RECOVERY,
        }
        keys = await self._keys("verify/find_troubled_tick", parameters)
        return keys[0] if keys else None

    async def newest_keys(self, routes: Sequence[str]) -> list[str]:
        """The newest dispatch keys, the newest first."""
        return await self._keys("verify/list_newest_keys", {"routes": list(routes), "most": _KEYS})

    async def _keys(self, name: str, parameters: Mapping[str, Any]) -> list[str]:
        async with self._database.connection() as connection:
            cursor = await connection.execute(statement(name), parameters)
            return [row[0] for row in await cursor.fetchall()]
