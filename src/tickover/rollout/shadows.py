"""The rows of shadow runs: what was asked for, and what came of it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from psycopg.types.json import Jsonb

from tickover.database import Database
from tickover.rollout.version import Version
from tickover.sql import statement


class Shadows:
    """Which ticks are shadowed, and what each dry run found.

    Args:
        database: where they stand.
        version: which deployment this is: it is kept on both sides, and compared.
    """

    def __init__(self, database: Database, version: Version) -> None:
        self._database = database
        self._version = Jsonb(version.as_json())

    async def record(self, dispatch_key: str, functions: Mapping[str, timedelta]) -> None:
        """Keep that functions of a recorded tick are to be shadowed.

        Args:
            dispatch_key: the tick.
            functions: each with the time allowed until its dry run starts.
        """
        parameters = {
            "dispatch_key": dispatch_key,
            "functions": list(functions),
            "start_by": list(functions.values()),
            "sender": self._version,
        }
        await self._execute("rollout/record_shadow", parameters)

    async def fail(self, dispatch_key: str, functions: Sequence[str], error: str) -> None:
        """Keep why the engine could not be asked."""
        parameters = {"dispatch_key": dispatch_key, "functions": list(functions), "error": error}
        await self._execute("rollout/fail_shadow", parameters)

    async def begin(self, dispatch_key: str, function: str, run_id: str) -> tuple[str | None] | None:
        """A dry run begins: the client that its tick is narrowed to. None where there is nothing to be run dry.

        Args:
            dispatch_key: the tick.
            function: which of its functions.
            run_id: the engine's run.
        """
        parameters = {
            "dispatch_key": dispatch_key,
            "function": function,
            "run_id": run_id,
            "runner": self._version,
        }
        async with self._database.connection() as connection:
            cursor = await connection.execute(statement("rollout/begin_shadow"), parameters)
            row = await cursor.fetchone()
        return None if row is None else (row[0],)

    async def finish(
        self, dispatch_key: str, function: str, run_id: str, summaries: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """Keep what a dry run would have done, by responsibility."""
        parameters = {
            "dispatch_key": dispatch_key,
            "function": function,
            "run_id": run_id,
            "summaries": Jsonb(dict(summaries)),
        }
        await self._execute("rollout/finish_shadow", parameters)

    async def _execute(self, name: str, parameters: Mapping[str, Any]) -> None:
        async with self._database.connection() as connection:
            await connection.execute(statement(name), parameters)
