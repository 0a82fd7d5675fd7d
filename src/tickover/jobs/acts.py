"""What somebody does to single jobs by hand: requeue, discard, run now; each with an audit row."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from psycopg.errors import UniqueViolation
from psycopg.rows import scalar_row
from psycopg.types.json import Jsonb

from tickover.database import Async, Database
from tickover.jobs.filters import MAX_ID
from tickover.jobs.states import ACTS_ON, Act, JobState, refusal
from tickover.sql import statement

MOST = 1000
"""Jobs that are moved in one transaction."""
Answer = TypeVar("Answer")

_RACES = 5
_STATEMENTS = {Act.REQUEUE: "jobs/requeue_jobs", Act.DISCARD: "jobs/discard_jobs", Act.RUN_NOW: "jobs/hasten_jobs"}
_S = {state.name.lower(): str(state) for state in JobState}
_KEY_IS_TAKEN = "an unfinished job, or a newer dead letter, holds its dedupe key"
_BEING_CLAIMED = "a drain is about to claim it"


@dataclass(frozen=True, slots=True)
class Acted:
    """What came of an act on some jobs.

    Args:
        done: the ids of those that were moved.
        refused: why each of the others was not, by its id.
    """

    done: Sequence[int]
    refused: Mapping[int, str]


class JobActs:
    """Acts on jobs by their ids. Whoever calls asks the guard first.

    Args:
        database: where the queue stands.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def act(self, act: Act, ids: Sequence[int], by: str, reason: str) -> Acted:
        """Do it to those jobs that may be acted on so, in one transaction with one audit row.

        Args:
            act: what is done.
            ids: of the jobs, at most 1000.
            by: who does it.
            reason: why.

        Raises:
            ValueError: there are more than 1000 ids.
            psycopg.errors.UniqueViolation: others enqueued the same dedupe key again and again meanwhile.
        """
        if len(ids) > MOST:
            raise ValueError(f"name at most {MOST} jobs, or act on all that match a filter")
        return await retried(lambda: self._act(act, sorted(set(ids)), by, reason))

    async def _act(self, act: Act, ids: Sequence[int], by: str, reason: str) -> Acted:
        known = [job_id for job_id in ids if 1 <= job_id <= MAX_ID]
        async with self._database.transaction() as connection:
            done = await move(connection, act, known, ACTS_ON[act])
            left = sorted(set(ids) - set(done))
            rows = await (await connection.execute(statement("jobs/read_standings"), {"id": left})).fetchall()
            states = {row[0]: JobState(row[2]) for row in rows}
            refused = {job_id: _why(act, states.get(job_id)) for job_id in left}
            if done:
                subject = f"job {done[0]}" if len(done) == 1 else "jobs"
                told = {"action": action(act), "subject": subject, "by": by, "reason": reason}
                evidence = Jsonb({"ids": done, "refused": len(refused)})
                await connection.execute(statement("jobs/record_act"), {**told, "evidence": evidence})
        return Acted(done, refused)


async def retried(work: Callable[[], Awaitable[Answer]]) -> Answer:
    """Do what others may be in the way of, by enqueueing the same dedupe keys just then; again, but not for ever.

    Args:
        work: one transaction.

    Raises:
        psycopg.errors.UniqueViolation: they were in the way each time.
    """
    for _ in range(_RACES - 1):
        with suppress(UniqueViolation):
            return await work()
    return await work()


async def move(connection: Async, act: Act, ids: Sequence[int], sources: Iterable[JobState]) -> list[int]:
    """Move jobs as an act does; the ids of those that were.

    Args:
        connection: inside a transaction.
        act: what is done.
        ids: of the jobs.
        sources: the states in which they may be.
    """
    parameters = {"ids": list(ids), "sources": list(map(str, sources)), "kind": None, "after": 0, "limit": len(ids)}
    async with connection.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(statement(_STATEMENTS[act]), {**parameters, **_S})
        return sorted(await cursor.fetchall())


def action(act: Act) -> str:
    """The name of an act in the audit."""
    return f"jobs.{act}"


def _why(act: Act, state: JobState | None) -> str:
    if (why := refusal(act, state)) is not None:
        return why
    return _KEY_IS_TAKEN if act is Act.REQUEUE else _BEING_CLAIMED
