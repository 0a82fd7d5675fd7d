"""What a case left behind: cron's notes, the ledger's rows, and the marks of the work itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import psycopg
from psycopg.rows import class_row

from tickover.drill.contract import SQL
from tickover.sql import statement

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Answer:
    """A tick as cron fired it. `status`: of the answer, 0 where there was none."""

    slot: datetime
    status: int
    mode: str | None
    recovered: int
    causes: tuple[str, ...]
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwedRow:
    """An obligation. `path`: who carried it out, or the run that covered it; `source`: of its tick's identity."""

    id: int
    dispatch_key: str
    source: str
    function: str
    state: str
    path: str | None
    attempt: int
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunRow:
    """What a responsibility did for an obligation, once."""

    obligation_id: int
    responsibility: str
    path: str
    started_at: datetime
    duration_ms: float
    changed: int
    error: str | None


@dataclass(frozen=True, slots=True)
class MarkRow:
    """A batch that was committed under a fence, in the order in which they were."""

    obligation_id: int
    fence: int
    responsibility: str
    at: datetime


@dataclass(frozen=True, slots=True)
class JobsRow:
    """The jobs: how many there are, have succeeded, and left an effect; effects of all together."""

    jobs: int
    succeeded: int
    with_effect: int
    effects: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it.

    Args:
        began: when cron fired first.
        ended: when it had fired last, and everything had settled or the wait was over.
        faults: the times while something was broken.
        kills: when a process was killed.
        answers: cron's notes, deliveries of one tick each for itself.
        owed: obligations.
        runs: what responsibilities did.
        marks: batches that were committed.
        jobs: figures of the queue.
        circuit: what was announced of the circuit, in order.
    """

    began: datetime
    ended: datetime
    faults: Sequence[tuple[datetime, datetime]]
    kills: Sequence[datetime]
    answers: Sequence[Answer]
    owed: Sequence[OwedRow]
    runs: Sequence[RunRow]
    marks: Sequence[MarkRow]
    jobs: JobsRow
    circuit: Sequence[str] = field(default_factory=tuple)


def read_rows(
    dsn: str,
) -> tuple[list[OwedRow], list[RunRow], list[MarkRow], JobsRow, list[str]]:
    """What stands in a case's database."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        (jobs,) = _all(connection, JobsRow, "count_jobs")
        actions = [row[0] for row in connection.execute(statement("list_circuit", SQL)).fetchall()]
        return (
            _all(connection, OwedRow, "list_owed"),
            _all(connection, RunRow, "list_runs"),
            _all(connection, MarkRow, "list_marks"),
            jobs,
            actions,
        )


def unsettled(dsn: str) -> int:
    """How many obligations have not ended, and jobs not succeeded."""
    with psycopg.connect(dsn, autocommit=True, connect_timeout=2) as connection:
        row = connection.execute(statement("count_unsettled", SQL)).fetchone()
    return int(row[0]) if row else 0


def _all(connection: psycopg.Connection[tuple[object, ...]], row: type[Row], name: str) -> list[Row]:
    with connection.cursor(row_factory=class_row(row)) as cursor:
        return cursor.execute(statement(name, SQL)).fetchall()
