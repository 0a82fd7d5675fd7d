"""The job queue as its users see it: enqueue, look, requeue dead letters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection, Connection
from psycopg.rows import class_row, dict_row, scalar_row

from tickover import clock
from tickover.database import Database
from tickover.jobs.filters import MAX_ID, JobFilter
from tickover.jobs.looking import MOST_LISTED, Count, JobAttempt, JobPage, Looks, Menus, StoredJob
from tickover.jobs.new_job import Checking, NewJob, Reserved, as_columns, as_copied, check
from tickover.jobs.states import JobState
from tickover.sql import statement

COUNTED_UP_TO = 10_000
"""Due jobs are counted up to here, so that looking is quick at any depth."""

_ENQUEUE, _RESERVE, _COPY = "jobs/enqueue_jobs", "jobs/reserve_ids", "jobs/copy_jobs"
_COPY_FROM = 50  # jobs: below, two more round trips cost more than they save
_COPY_AT_A_TIME = 1000
_REQUEUE_BATCH = 1000
_S = {state.name.lower(): str(state) for state in JobState}


@dataclass(frozen=True, slots=True)
class OldestDue:
    """The job that has been due for the longest time."""

    id: int
    kind: str
    run_at: datetime


@dataclass(frozen=True, slots=True)
class QueueHealth:
    """What is due.

    Args:
        due: jobs that are due, counted up to `COUNTED_UP_TO`.
        more: whether there are more than that.
        oldest: the one that has been due for the longest time.
    """

    due: int
    more: bool
    oldest: OldestDue | None


class JobQueue:
    """The job queue.

    Args:
        database: where it stands.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looks = Looks(database)

    async def enqueue(
        self,
        kind: str,
        payload: Any,
        *,
        client_id: str | None = None,
        run_at: datetime | None = None,
        priority: int = 0,
        max_attempts: int = 5,
        timeout_s: float = 60,
        dedupe_key: str | None = None,
        connection: AsyncConnection[Any] | None = None,
    ) -> int:
        """Store one job.

        Args:
            kind: which handler it is for.
            payload: any JSON value, at most 1 MiB.
            client_id: whose it is, or None.
            run_at: not before this time, aware; None is now.
            priority: higher goes first; from -1000 to 1000.
            max_attempts: attempts before it becomes a dead letter; from 1 to 100.
            timeout_s: seconds one attempt may take; at most 3600.
            dedupe_key: while an unfinished job of this kind holds the same key, that one stands for this.
            connection: the caller's own, where the job is to be stored or not together with its other writes.

        Returns:
            The job's id, or that of the unfinished job that holds its dedupe key.

        Raises:
            EnqueueError: it cannot be stored as given; the text says why.
        """
        job = NewJob(kind, payload, client_id, run_at, priority, max_attempts, timeout_s, dedupe_key)
        return (await self.enqueue_many([job], connection=connection))[0]

    async def enqueue_many(
        self, jobs: Sequence[NewJob], *, connection: AsyncConnection[Any] | None = None
    ) -> list[int]:
        """Store many jobs in one round trip: all of them, or none.

        Args:
            jobs: what to store.
            connection: the caller's own, where the jobs are to be stored or not together with its other writes.

        Returns:
            One id a job, in the order given.

        Raises:
            EnqueueError: at least one cannot be stored as given; the text names each fault.
        """
        if connection is not None:
            return await _enqueue(connection, jobs)
        async with self._database.connection() as own:
            return await _enqueue(own, jobs)

    async def show(self, job_id: int) -> StoredJob | None:
        """One job with its payload, or None where there is none of that id."""
        if not 1 <= job_id <= MAX_ID:
            return None
        rows = await self._all("jobs/read_job", {"id": job_id})
        return _stored(rows[0]) if rows else None

    async def requeue(self, ids: Sequence[int] | None = None, *, kind: str | None = None) -> list[int]:
        """Make dead letters due again, with all their attempts; committed a thousand at a time.

        Args:
            ids: which ones; or
            kind: all of a kind.

        Returns:
            The ids of those that were dead and now are due. One whose dedupe key an unfinished job holds stays dead.

        Raises:
            ValueError: neither or both of `ids` and `kind` are given.
        """
        if (ids is None) == (kind is None):
            raise ValueError("name either the ids or the kind of the dead letters to requeue")
        known = None if ids is None else [job_id for job_id in ids if 1 <= job_id <= MAX_ID]
        requeued: list[int] = []
        parameters = {"ids": known, "kind": kind, "limit": _REQUEUE_BATCH, "after": 0, **_S}
        while True:
            batch = sorted(row["id"] for row in await self._all("jobs/requeue_jobs", parameters))
            requeued += batch
            if len(batch) < _REQUEUE_BATCH:
                return requeued
            parameters["after"] = batch[-1]  # what dies again meanwhile is not taken again

    async def health(
        self, now: datetime, client_id: str | None = None, count_up_to: int = COUNTED_UP_TO
    ) -> QueueHealth:
        """What is due.

        Args:
            now: the current time.
            client_id: count this client's jobs only.
            count_up_to: more than so many are not counted.
        """
        parameters = {"now": now, "client_id": client_id, "bound": count_up_to + 1}
        rows = await self._all("jobs/read_health" if client_id is None else "jobs/read_client_health", parameters)
        if not rows:
            return QueueHealth(due=0, more=False, oldest=None)
        due = rows[0].pop("due")
        return QueueHealth(min(due, count_up_to), due > count_up_to, OldestDue(**rows[0]))

    async def kinds(self, most: int | None = None) -> list[str]:
        """The kinds of all jobs that have not ended.

        Args:
            most: look only at so many that wait, will wait and run: those that come next.
        """
        name = "jobs/list_kinds" if most is None else "jobs/list_next_kinds"
        async with self._database.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute(statement(name), _S | {"most": most})
            return await cursor.fetchall()

    async def list(self, *, state: JobState | None = None, kind: str | None = None, limit: int = 50) -> list[StoredJob]:
        """The newest jobs first, without payloads.

        Args:
            state: only those in this state.
            kind: only those of this kind.
            limit: at most so many, up to 1000.

        Raises:
            ValueError: the limit is not from 1 to 1000.
        """
        if not 1 <= limit <= MOST_LISTED:
            raise ValueError(f"limit must lie between 1 and {MOST_LISTED}")
        return [
            _stored(row) for row in await self._all("jobs/list_jobs", {"state": state, "kind": kind, "limit": limit})
        ]

    async def page(
        self, asked: JobFilter, cursor: str | None = None, limit: int = 50, now: datetime | None = None
    ) -> JobPage:
        """The newest jobs that match, without payloads; bounded, whatever the queue holds.

        Args:
            asked: which ones.
            cursor: of the page, as the one before it named it; None for the first.
            limit: at most so many, up to 1000.
            now: the current time, for `older_than`; None reads the clock.

        Raises:
            CursorError: no page can have named the cursor.
            ValueError: the limit is not from 1 to 1000.
        """
        return await self._looks.page(asked, cursor, limit, now or clock.now())

    async def count(
        self, asked: JobFilter, cap: int = COUNTED_UP_TO, now: datetime | None = None
    ) -> Mapping[JobState, Count]:
        """How many jobs of each state match, whatever state is asked for; counted up to a bound.

        Args:
            asked: which ones.
            cap: at most so many are looked at in each state.
            now: the current time, for `older_than`; None reads the clock.
        """
        return await self._looks.count(asked, cap, now or clock.now())

    async def menus(self) -> Menus:
        """The kinds and clients that filters may offer: of jobs that wait, or were made lately."""
        return await self._looks.menus()

    async def attempts(self, job_id: int) -> Sequence[JobAttempt]:
        """The attempts at a job that are known, the first one first.

        Those that failed or were lost, the one under way, and the one that succeeded.

        Args:
            job_id: of the job; one that is not there has none.
        """
        return await self._looks.attempts(job_id)

    async def _all(self, name: str, parameters: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
        async with self._database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement(name), parameters)
            return await cursor.fetchall()


def enqueue_sync(connection: Connection[Any], kind: str, payload: Any, **options: Any) -> int:
    """As `JobQueue.enqueue`, for sync callers.

    Args:
        connection: the caller's own; the job is stored together with its other writes.
        kind: as there.
        payload: as there.
        options: the further fields of `NewJob`.

    Raises:
        EnqueueError: it cannot be stored as given; the text says why.
    """
    return enqueue_many_sync(connection, [NewJob(kind, payload, **options)])[0]


def enqueue_many_sync(connection: Connection[Any], jobs: Sequence[NewJob]) -> list[int]:
    """As `JobQueue.enqueue_many`, for sync callers.

    Args:
        connection: the caller's own; the jobs are stored together with its other writes.
        jobs: what to store.

    Raises:
        EnqueueError: at least one cannot be stored as given; the text names each fault.
    """
    if not _may_be_copied(jobs):
        with connection.cursor(row_factory=scalar_row) as cursor:
            return cursor.execute(statement(_ENQUEUE), as_columns(check(jobs, clock.now()))).fetchall()
    checking = Checking(clock.now(), len(jobs))
    with connection.transaction(), connection.cursor(row_factory=class_row(Reserved)) as cursor:
        (reserved,) = cursor.execute(statement(_RESERVE), {"count": len(jobs)}).fetchall()
        with cursor.copy(statement(_COPY)) as copy:
            for start in range(0, len(jobs), _COPY_AT_A_TIME):
                checked = checking.check(jobs[start : start + _COPY_AT_A_TIME])
                if not checking.faults:
                    copy.write(as_copied(checked, reserved.part(start, _COPY_AT_A_TIME)))
            checking.require()
    return list(reserved.ids)


async def _enqueue(connection: AsyncConnection[Any], jobs: Sequence[NewJob]) -> list[int]:
    if not _may_be_copied(jobs):
        columns = as_columns(check(jobs, clock.now()))
        async with connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute(statement(_ENQUEUE), columns)
            return await cursor.fetchall()
    checking = Checking(clock.now(), len(jobs))
    async with connection.transaction(), connection.cursor(row_factory=class_row(Reserved)) as cursor:
        await cursor.execute(statement(_RESERVE), {"count": len(jobs)})
        (reserved,) = await cursor.fetchall()
        async with cursor.copy(statement(_COPY)) as copy:
            for start in range(0, len(jobs), _COPY_AT_A_TIME):  # checked while the server takes in those before
                checked = checking.check(jobs[start : start + _COPY_AT_A_TIME])
                if not checking.faults:
                    await copy.write(as_copied(checked, reserved.part(start, _COPY_AT_A_TIME)))
            checking.require()
    return list(reserved.ids)


def _may_be_copied(jobs: Sequence[NewJob]) -> bool:
    """Many jobs are copied, which is several times as fast; where one may stand for another, each is looked at."""
    return len(jobs) >= _COPY_FROM and all(job.dedupe_key is None for job in jobs)


def _stored(row: dict[str, Any]) -> StoredJob:
    return StoredJob(**{**row, "state": JobState(row["state"])})
