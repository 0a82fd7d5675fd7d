"""A ready-made responsibility: delete rows whose time is over, in small batches."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from psycopg import sql

from tickover import clock
from tickover.execution.run import Run, Summary

_COUNTED = 10_000  # rows still due are counted up to here


@dataclass(frozen=True, slots=True)
class Retention:
    """Deletes the rows of one table that are past their time, oldest first, each batch committed by itself.

    A row without a time is never deleted, nor is one that another transaction has locked. What hangs on a row goes with
    it where the foreign key says `ON DELETE CASCADE`. Give the table an index on `only`'s columns and `since`.

    Args:
        table: its name, `schema.table`.
        since: the column of timestamps that says from when on a row's time counts.
        keep: how long a row is kept after that.
        only: rows are deleted only where each of these columns has this value.
        key: the column that identifies a row.
        client: the column of the client, by which a run may be narrowed; None where the table has none.
        batch: rows a transaction deletes, at most.
        limit: rows a run deletes, at most.

    Raises:
        ValueError: a limit is not above zero, or `keep` is negative.
    """

    table: str
    since: str
    keep: timedelta = timedelta()
    only: Mapping[str, str] = field(default_factory=dict)
    key: str = "id"
    client: str | None = "client_id"
    batch: int = 500
    limit: int = 50_000

    def __post_init__(self) -> None:
        if min(self.batch, self.limit) < 1 or self.keep < timedelta():
            raise ValueError(f"retention of {self.table}: batch and limit must be at least 1, and keep not negative")

    async def __call__(self, run: Run) -> Summary:
        """Delete until nothing is due, the limit is met, or the time is over. A dry run counts what is due.

        Raises:
            LeaseLostError: another executor has taken over; the batches before this one stand.
        """
        parameters = self._parameters(run)
        deleted = 0 if run.dry else await self._delete(run, parameters)
        left = await self._count(run, parameters)
        return Summary(looked_at=deleted + left, changed=deleted, left=left)

    async def _delete(self, run: Run, parameters: Mapping[str, Any]) -> int:
        query, deleted = self._delete_query(run), 0
        while run.may_go_on() and deleted < self.limit:
            size = min(self.batch, self.limit - deleted)
            async with run.batch() as connection:
                count = (await connection.execute(query, {**parameters, "limit": size})).rowcount
            deleted += count
            if count < size:
                break
        return deleted

    async def _count(self, run: Run, parameters: Mapping[str, Any]) -> int:
        query = sql.SQL("SELECT count(*) FROM (SELECT FROM {table} WHERE {due} LIMIT %(limit)s) due").format(
            table=self._table(), due=self._due(run)
        )
        async with run.database.connection() as connection:
            row = await (await connection.execute(query, {**parameters, "limit": _COUNTED})).fetchone()
        return int(row[0]) if row else 0

    def _delete_query(self, run: Run) -> sql.Composed:
        return sql.SQL(
            "WITH due AS MATERIALIZED ("
            "SELECT {key} FROM {table} WHERE {due} ORDER BY {since} LIMIT %(limit)s FOR UPDATE SKIP LOCKED) "
            "DELETE FROM {table} gone USING due WHERE gone.{key} = due.{key}"
        ).format(
            key=sql.Identifier(self.key), table=self._table(), due=self._due(run), since=sql.Identifier(self.since)
        )

    def _table(self) -> sql.Identifier:
        return sql.Identifier(*self.table.split("."))

    def _due(self, run: Run) -> sql.Composed:
        """The condition under which a row's time is over; a column without a value never meets it."""
        conditions = [sql.SQL("{} < %(before)s").format(sql.Identifier(self.since))]
        conditions += [
            sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder(f"only_{place}"))
            for place, column in enumerate(self.only)
        ]
        if run.client_id is not None and self.client is not None:
            conditions.append(sql.SQL("{} = %(client_id)s").format(sql.Identifier(self.client)))
        return sql.SQL(" AND ").join(conditions)

    def _parameters(self, run: Run) -> dict[str, Any]:
        only = {f"only_{place}": value for place, value in enumerate(self.only.values())}
        return {"before": clock.now() - self.keep, "client_id": run.client_id, **only}
