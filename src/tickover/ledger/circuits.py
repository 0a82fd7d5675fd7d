"""The rows that a route's circuit follows from, and those that tell of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tickover.database import Database
from tickover.ledger.facts import RECENT, Attempt, CircuitRows, Refusal
from tickover.sql import statement


@dataclass(frozen=True, slots=True)
class Announcement:
    """That a route's circuit changed, for the audit.

    Args:
        route: whose.
        state: what it is now.
        action: what happened, as the audit names it.
        by: who saw it first.
        reason: why.
        evidence: what it stands on, JSON values only.
    """

    route: str
    state: str
    action: str
    by: str
    reason: str
    evidence: Mapping[str, Any]


class Circuits:
    """What is known of routes' circuits.

    Args:
        database: where the ledger stands.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, route: str, most: int) -> CircuitRows:
        """What decides about a route's circuit.

        Args:
            route: whose.
            most: how many attempts to look at.
        """
        parameters = {"route": route, "most": most, "recent": RECENT}
        async with self._database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement("ledger/read_circuit"), parameters)
            rows = await cursor.fetchall()
        attempts = [Attempt(**{name: row[name] for name in Attempt.__slots__}) for row in rows if row["dispatch_key"]]
        first = rows[0]
        refusals = [Refusal.of(found) for found in first["refusals"] or ()]
        return CircuitRows(
            first["now"], first["announced"], first["announced_at"], first["probed_at"], attempts, refusals
        )

    async def claim_probe(self, route: str, rest: timedelta) -> bool:
        """Whether this tick may probe; one does per rest, in all replicas together."""
        return await self._changes("ledger/claim_probe", {"route": route, "rest": rest})

    async def divert(self, dispatch_key: str, mode: str, reason: str) -> None:
        """Keep what the circuit made of a tick that was recorded for dispatch."""
        await self._changes("ledger/divert_tick", {"dispatch_key": dispatch_key, "mode": mode, "reason": reason})

    async def announce(self, announcement: Announcement) -> bool:
        """Keep that a circuit changed. True for the one who is the first to say so."""
        parameters = asdict(announcement) | {"evidence": Jsonb(dict(announcement.evidence))}
        return await self._changes("ledger/announce_circuit", parameters)

    async def _changes(self, name: str, parameters: Mapping[str, Any]) -> bool:
        async with self._database.connection() as connection:
            return (await connection.execute(statement(name), parameters)).rowcount > 0
