"""A ready-made responsibility: take up again what got stuck half-way, by what the database shows about it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from psycopg import DataError, Error, sql

from tickover import clock
from tickover.database import Async
from tickover.execution.run import Run, Summary
from tickover.maintenance.needs import Need
from tickover.maintenance.tables import Named, identifier, parts

_COUNTED = 10_000  # rows still due are counted up to here
_LONGEST_ERROR = 200


@dataclass(frozen=True, slots=True)
class Evidence:
    """What proves that a row's work was done: a row of another table that names it.

    Args:
        table: its name, `schema.table`.
        column: the column that holds the key of the row in question.
    """

    table: str
    column: str


@dataclass(slots=True)
class _Tally:
    done: int = 0
    undone: int = 0
    failed: list[Any] = field(default_factory=list)  # keys of the rows that could not be moved
    first_error: str | None = None

    @property
    def changed(self) -> int:
        return self.done + self.undone


@dataclass(frozen=True, slots=True)
class StaleRecovery:
    """Moves rows that have stood in one state for too long: on where the evidence shows the work done, else back.

    Each row has a savepoint of its own, so one that cannot be moved does not stop the others; it is counted, reported,
    and does not use up the limit. A row that another transaction has locked is being worked on and is left alone.

    Args:
        table: its name, `schema.table`. Give it an index on `since` for the rows in state `stuck`.
        stuck: the state in which rows get stuck.
        after: how long a row may stand in it.
        evidence: what proves that a row's work was done.
        done: the state of a row with evidence.
        undone: the state of a row without.
        undone_as: the name under which rows without evidence are counted.
        state: the column of the state.
        since: the column of the time of the last move; a recovery sets it too.
        key: the column that identifies a row.
        client: the column of the client, by which a run may be narrowed; None where the table has none.
        batch: rows a transaction moves, at most.
        limit: rows a run moves, at most.

    Raises:
        ValueError: a limit is not above zero, or `after` is negative.
    """

    table: str
    stuck: str
    after: timedelta
    evidence: Evidence
    done: str
    undone: str
    undone_as: str = "undone"
    state: str = "state"
    since: str = "state_changed_at"
    key: str = "id"
    client: str | None = "client_id"
    batch: int = 25
    limit: int = 100

    def __post_init__(self) -> None:
        if min(self.batch, self.limit) < 1 or self.after < timedelta():
            raise ValueError(f"{self}: batch and limit must be at least 1, and after not negative")

    def __str__(self) -> str:
        return f"recovery of {self.table}"

    def names(self) -> Iterator[Named]:
        """The tables and columns that it is configured with."""
        columns = [self.state, self.since, self.key, *([] if self.client is None else [self.client])]
        yield Named(str(self), self.table, columns, self.since)
        yield Named(str(self), self.evidence.table, [self.evidence.column])

    def needs(self) -> Iterator[Need]:
        """The indexes that it needs."""
        yield Need(parts(self.table), {self.state: str(self.stuck)}, self.since, self.key, is_partial=True)
        yield Need(parts(self.evidence.table), {self.evidence.column: None})

    def deletes_from(self) -> Iterator[str]:
        """The tables that it deletes rows from: none."""
        return iter(())

    async def __call__(self, run: Run) -> Summary:
        """Move stuck rows until none is left, the limit is met, or the time is over. A dry run counts them.

        Raises:
            LeaseLostError: another executor has taken over; the batches before this one stand.
        """
        parameters = {
            "stuck": self.stuck,
            "before": clock.now() - self.after,
            "client_id": run.client_id,
        }
        tally = _Tally()
        while not run.dry and run.may_go_on() and max(tally.changed, len(tally.failed)) < self.limit:
            async with run.batch() as connection:
                found = await self._move_batch(run, connection, parameters, tally)
            if not found:
                break
        left = await self._count(run, parameters)
        return self._summary(tally, left)

    def _summary(self, tally: _Tally, left: int) -> Summary:
        errors = len(tally.failed)
        return Summary(
            looked_at=tally.changed + left,
            changed=tally.changed,
            left=left,
            error=f"{errors} could not be moved; the first: {tally.first_error}" if errors else None,
            details={str(self.done): tally.done, self.undone_as: tally.undone, "errors": errors},
        )

    async def _move_batch(self, run: Run, connection: Async, parameters: Mapping[str, Any], tally: _Tally) -> bool:
        """Move the next rows. False where there were none."""
        size = min(self.batch, self.limit - tally.changed)
        cursor = await connection.execute(
            self._lock_query(run), {**parameters, "failed": list(tally.failed), "limit": size}
        )
        keys = [row[0] for row in await cursor.fetchall()]
        for key in keys:
            try:
                was_done = await self._move(connection, {**parameters, "key": key})
            except Error as error:
                if connection.closed:
                    raise  # not this row's fault: there is no connection to go on with
                self._note_failure(run, tally, key, f"{type(error).__name__}: {error}"[:_LONGEST_ERROR])
            else:
                tally.done += was_done
                tally.undone += not was_done
        return bool(keys)

    async def _move(self, connection: Async, parameters: Mapping[str, Any]) -> bool:
        """Move one locked row, inside a savepoint. Whether its work was done.

        Raises:
            DataError: a trigger kept the row as it was, without an error of its own.
        """
        async with connection.transaction():
            row = await (await connection.execute(self._evidence_query(), parameters)).fetchone()
            was_done = row is not None
            target = self.done if was_done else self.undone
            cursor = await connection.execute(self._move_query(), {**parameters, "target": target})
            if cursor.rowcount != 1:
                raise DataError("the row was not updated; look for a trigger that returns NULL")
        return was_done

    @staticmethod
    def _note_failure(run: Run, tally: _Tally, key: Any, error: str) -> None:
        run.log.error("row.not_recovered", key=str(key), error=error)
        tally.failed.append(key)
        tally.first_error = tally.first_error or error

    async def _count(self, run: Run, parameters: Mapping[str, Any]) -> int:
        query = sql.SQL("SELECT count(*) FROM (SELECT FROM {table} WHERE {due} LIMIT %(limit)s) due").format(
            table=identifier(self.table), due=self._due(run)
        )
        async with run.database.connection() as connection:
            row = await (await connection.execute(query, {**parameters, "limit": _COUNTED})).fetchone()
        return int(row[0]) if row else 0

    def _lock_query(self, run: Run) -> sql.Composed:
        return sql.SQL(
            "SELECT {key} FROM {table} WHERE {due} AND {key} <> ALL (%(failed)s) "
            "ORDER BY {since}, {key} LIMIT %(limit)s FOR UPDATE SKIP LOCKED"
        ).format(
            key=sql.Identifier(self.key),
            table=identifier(self.table),
            due=self._due(run),
            since=sql.Identifier(self.since),
        )

    def _evidence_query(self) -> sql.Composed:
        return sql.SQL("SELECT true FROM {table} WHERE {column} = %(key)s LIMIT 1").format(
            table=identifier(self.evidence.table), column=sql.Identifier(self.evidence.column)
        )

    def _move_query(self) -> sql.Composed:
        return sql.SQL("UPDATE {table} SET {state} = %(target)s, {since} = now() WHERE {key} = %(key)s").format(
            table=identifier(self.table),
            state=sql.Identifier(self.state),
            since=sql.Identifier(self.since),
            key=sql.Identifier(self.key),
        )

    def _due(self, run: Run) -> sql.Composed:
        conditions = [
            sql.SQL("{} = %(stuck)s").format(sql.Identifier(self.state)),
            sql.SQL("{} < %(before)s").format(sql.Identifier(self.since)),
        ]
        if run.client_id is not None and self.client is not None:
            conditions.append(sql.SQL("{} = %(client_id)s").format(sql.Identifier(self.client)))
        return sql.SQL(" AND ").join(conditions)
