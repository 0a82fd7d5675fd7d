"""Jobs that ended long ago are dropped, a few at a time, beside the drain's own work."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from psycopg.types.json import Jsonb

from tickover.database import Database
from tickover.jobs.states import JobState
from tickover.settings import JobSettings
from tickover.sql import statement
from tickover.waiting import within

_PAGE = 500  # rows looked at by one statement: a few milliseconds
_PAUSE_S = (
    0.05  # seconds between two, so that forgetting takes a small share of the database, and never keeps up claims
)
_WALK = {"name": "tickover.job"}


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long jobs are kept after they have ended.

    Args:
        ended: those that succeeded, or were discarded.
        dead: dead letters.

    Raises:
        ValueError: one is not above nothing.
    """

    ended: timedelta
    dead: timedelta

    def __post_init__(self) -> None:
        if min(self.ended, self.dead) <= timedelta():
            raise ValueError("jobs that have ended are kept for longer than nothing")

    @classmethod
    def of_the_environment(cls) -> Self:
        """As `TICKOVER_JOB_RETENTION_DAYS` and `TICKOVER_DEAD_JOB_RETENTION_DAYS` say.

        Raises:
            SettingsError: one of them is malformed.
        """
        settings = JobSettings.read()
        return cls(timedelta(days=settings.job_retention_days), timedelta(days=settings.dead_job_retention_days))


async def forget_jobs(database: Database, keeping: Keeping, now: datetime, stop: asyncio.Event) -> int:
    """Drop what is older, until there is no more of it or the work beside it has ended; how many jobs.

    The walk goes by the order in which jobs were made, goes on where the last one was stopped, and begins anew once it
    has met jobs too young to be dropped.

    Args:
        database: where the queue stands.
        keeping: how long jobs are kept.
        now: the current time.
        stop: set when it is to end.
    """
    await within(_PAUSE_S, stop)  # the work comes first
    began = after = await _place(database)
    forgotten = 0
    while True:
        after, dropped, is_to_go_on = await _forget(database, keeping, now, after)
        forgotten += dropped
        if not is_to_go_on or stop.is_set():
            break
        await within(_PAUSE_S, stop)
    if began or is_to_go_on:
        await _keep_place(database, after if is_to_go_on else None)
    return forgotten


async def _forget(database: Database, keeping: Keeping, now: datetime, after: int) -> tuple[int, int, bool]:
    parameters = {
        "after": after,
        "limit": _PAGE,
        "ended_before": now - keeping.ended,
        "dead_before": now - keeping.dead,
        "ended": [JobState.SUCCEEDED, JobState.DISCARDED],
        "dead": JobState.DEAD,
    }
    async with database.connection() as connection:
        (row,) = await (await connection.execute(statement("jobs/forget_jobs"), parameters)).fetchall()
    return row[0], row[1], row[2]


async def _place(database: Database) -> int:
    async with database.connection() as connection:
        row = await (await connection.execute(statement("maintenance/read_progress"), _WALK)).fetchone()
    return 0 if row is None else int(row[0]["id"])


async def _keep_place(database: Database, after: int | None) -> None:
    async with database.connection() as connection:
        if after is None:
            await connection.execute(statement("maintenance/forget_progress"), _WALK)
        else:
            await connection.execute(
                statement("maintenance/keep_progress"), {**_WALK, "position": Jsonb({"id": after})}
            )
