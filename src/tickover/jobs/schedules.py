"""Recurring jobs in the database: each occurrence is enqueued once, whoever asks; and how the schedules stand."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog
from psycopg.rows import dict_row, scalar_row

from tickover.database import Async, Database
from tickover.jobs.queue import JobQueue
from tickover.jobs.recurring import Begin, Due, Kept, Recurring, decide, require_distinct
from tickover.sql import statement

_log = structlog.stdlib.get_logger("tickover.jobs")


@dataclass(frozen=True, slots=True)
class RecurringCounts:
    """What one look at the recurring jobs came to.

    Args:
        enqueued: occurrences that made a job.
        overlapped: occurrences that made none, because the job of an earlier one was unfinished.
        skipped: older occurrences that were missed during a pause, counted up to 1000 a schedule.
        begun: schedules that were new, or whose expression or zone had changed.
    """

    enqueued: int = 0
    overlapped: int = 0
    skipped: int = 0
    begun: int = 0


class Declared(StrEnum):
    """Whether an application declares a schedule as the database knows it."""

    YES = "yes"
    NEW = "new"  # and no drain has seen it yet
    CHANGED = "changed"  # with another expression or zone, and no drain has seen that yet
    NO = "no"  # it never fires


@dataclass(frozen=True, slots=True)
class Schedule:
    """A row of `tickover.recurring`."""

    name: str
    cron: str
    timezone: str
    next_at: datetime | None
    last_at: datetime | None = None
    last_job_id: int | None = None
    declared: Declared | None = None


async def enqueue_recurring(database: Database, schedules: Sequence[Recurring], now: datetime) -> RecurringCounts:
    """Enqueue the occurrences that are due, each once, however many callers there are.

    One query where nothing is due. The row of a schedule moves on in the transaction that enqueues its job. Rows of
    schedules that are not given are left alone.

    Args:
        database: where the queue stands.
        schedules: all that the caller declares.
        now: the current time.

    Raises:
        ScheduleError: two of the schedules have one name.
    """
    require_distinct(schedules)
    if not schedules:
        return RecurringCounts()
    kept = await _read(database, schedules)
    begin: list[tuple[Recurring, Begin]] = []
    due: list[tuple[Recurring, Due]] = []
    for schedule in schedules:
        match decide(schedule, kept.get(schedule.name), now):
            case Begin() as decided:
                begin.append((schedule, decided))
            case Due() as decided:
                due.append((schedule, decided))
                await asyncio.sleep(0)  # after a long pause each takes tens of milliseconds to count
    begun = await _begin(database, begin) if begin else 0
    won, made = await _enqueue(database, due, kept) if due else ([], set())
    return RecurringCounts(len(made), len(won) - len(made), sum(decided.skipped for _, decided in won), begun)


async def is_recurring_due(database: Database, schedules: Sequence[Recurring], now: datetime) -> bool:
    """Whether `enqueue_recurring` would do anything.

    Args:
        database: where the queue stands.
        schedules: all that the caller declares.
        now: the current time.
    """
    if not schedules:
        return False
    kept = await _read(database, schedules)
    return any(decide(schedule, kept.get(schedule.name), now) is not None for schedule in schedules)


async def list_schedules(database: Database, declared: Sequence[Recurring] | None = None) -> list[Schedule]:
    """Every schedule that is known, by name.

    Args:
        database: where the queue stands.
        declared: what an application declares; None where no application is at hand, and that stays open.
    """
    async with database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement("recurring/list_schedules"))
        rows = {row["name"]: row for row in await cursor.fetchall()}
    if declared is None:
        return [Schedule(**row) for row in rows.values()]
    wanted = {schedule.name: schedule for schedule in declared}
    new = [
        Schedule(name, schedule.cron, schedule.timezone, next_at=None, declared=Declared.NEW)
        for name, schedule in wanted.items()
        if name not in rows
    ]
    seen = [Schedule(**row, declared=_declared(row, wanted.get(name))) for name, row in rows.items()]
    return sorted(new + seen, key=lambda schedule: schedule.name)


def _declared(row: Mapping[str, Any], declared: Recurring | None) -> Declared:
    if declared is None:
        return Declared.NO
    same = (row["cron"], row["timezone"]) == (declared.cron, declared.timezone)
    return Declared.YES if same else Declared.CHANGED


async def _read(database: Database, schedules: Sequence[Recurring]) -> dict[str, Kept]:
    async with database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement("recurring/read_kept"), {"names": [schedule.name for schedule in schedules]})
        return {row.pop("name"): Kept(**row) for row in await cursor.fetchall()}


async def _begin(database: Database, begin: Sequence[tuple[Recurring, Begin]]) -> int:
    """Let schedules count from now on; how many of them another caller had not begun already."""
    parameters = {**_expressions(begin), "next_at": [decided.next_at for _, decided in begin]}
    async with database.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(statement("recurring/begin_schedules"), parameters)
        begun = set(await cursor.fetchall())
    for schedule, decided in begin:
        if schedule.name in begun:
            _log.info(
                "recurring.begun",
                recurring=schedule.name,
                cron=schedule.cron,
                timezone=schedule.timezone,
                next_at=decided.next_at.isoformat(),
            )
    return len(begun)


async def _enqueue(
    database: Database, due: Sequence[tuple[Recurring, Due]], kept: Mapping[str, Kept]
) -> tuple[Sequence[tuple[Recurring, Due]], set[str]]:
    """Enqueue what no other caller has; what that was, and the names of those that made a job."""
    async with database.transaction() as connection:
        held = await _lock(connection, due, kept)
        won = [(schedule, decided) for schedule, decided in due if schedule.name in held]
        if not won:
            return won, set()
        jobs = [schedule.job(decided.at) for schedule, decided in won]
        ids = await JobQueue(database).enqueue_many(jobs, connection=connection)
        made = await _advance(connection, won, ids)
    for (schedule, decided), job_id in zip(won, ids, strict=True):
        _tell(schedule, decided, job_id, is_new=schedule.name in made)
    return won, made


async def _lock(connection: Async, due: Sequence[tuple[Recurring, Due]], kept: Mapping[str, Kept]) -> set[str]:
    parameters = {**_expressions(due), "next_at": [kept[schedule.name].next_at for schedule, _ in due]}
    async with connection.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(statement("recurring/lock_due"), parameters)
        return set(await cursor.fetchall())


async def _advance(connection: Async, won: Sequence[tuple[Recurring, Due]], ids: Sequence[int]) -> set[str]:
    parameters = {
        "names": [schedule.name for schedule, _ in won],
        "next_at": [decided.next_at for _, decided in won],
        "last_at": [decided.at for _, decided in won],
        "job_ids": list(ids),
    }
    async with connection.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(statement("recurring/advance_schedules"), parameters)
        return set(await cursor.fetchall())


def _expressions(decided: Sequence[tuple[Recurring, object]]) -> dict[str, list[str]]:
    return {
        "names": [schedule.name for schedule, _ in decided],
        "crons": [schedule.cron for schedule, _ in decided],
        "timezones": [schedule.timezone for schedule, _ in decided],
    }


def _tell(schedule: Recurring, decided: Due, job_id: int, *, is_new: bool) -> None:
    log = _log.bind(
        recurring=schedule.name,
        kind=schedule.kind,
        job_id=job_id,
        occurrence=decided.at.isoformat(),
        skipped=decided.skipped,
        next_at=decided.next_at.isoformat(),
    )
    if is_new:
        log.info("recurring.enqueued")
    else:
        log.warning("recurring.overlapped", cause="the job of an earlier occurrence is unfinished and stands for this")
