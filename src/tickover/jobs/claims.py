"""A drain's hold on jobs: claim them, renew their leases, record what became of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from psycopg.rows import args_row, scalar_row

from tickover.database import Async, Database
from tickover.jobs.states import ENDED, LEADS_TO, Ending, JobState
from tickover.sql import statement

_S = {state.name.lower(): str(state) for state in JobState}
_ENDED = [str(state) for state in ENDED]


class Claimed(NamedTuple):
    """A job that was claimed, under a fence. `attempt` counts the one to come; `payload` is JSON text."""

    id: int
    fence: int
    kind: str
    client_id: str | None
    payload: str
    attempt: int
    max_attempts: int
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a claimed job.

    Args:
        job: the job.
        ending: how it ended.
        attempts: how many it has used up by now.
        error: why it did not succeed, compact.
        run_at: when it is attempted again; None leaves the time as it was.
        cause: what its handler raised, for the log.
        committed: recorded already, by the job's own transaction.
    """

    job: Claimed
    ending: Ending
    attempts: int
    error: str | None = None
    run_at: datetime | None = None
    cause: BaseException | None = None
    committed: bool = False


class Standing(NamedTuple):
    """How a job stands: its row's fence and state."""

    fence: int
    state: JobState


class Claims:
    """What drains do to the rows of `tickover.job`.

    Args:
        database: where they stand.
        lease_s: seconds a claim lasts unless it is renewed.
    """

    def __init__(self, database: Database, lease_s: float) -> None:
        self._database = database
        self.lease_s = lease_s

    async def claim(self, connection: Async, limit: int, client_id: str | None) -> list[Claimed]:
        """Win jobs that are due, in the order in which they are to be started.

        Args:
            connection: inside the transaction that fences the drain itself.
            limit: at most so many.
            client_id: only this client's, or None for all.
        """
        parameters = {"limit": limit, "client_id": client_id, "lease_s": self.lease_s, **_S}
        async with connection.cursor(row_factory=args_row(Claimed)) as cursor:
            await cursor.execute(statement("jobs/claim_jobs"), parameters)
            return await cursor.fetchall()

    async def record(self, outcomes: Sequence[Outcome]) -> set[int]:
        """Record outcomes, each only where its job is still held; returns the ids of those.

        A job that is in its own transaction at the moment is passed over; `standings` tells it from a lost one.
        """
        parameters = {
            "id": [outcome.job.id for outcome in outcomes],
            "fence": [outcome.job.fence for outcome in outcomes],
            "state": [str(LEADS_TO[outcome.ending]) for outcome in outcomes],
            "attempts": [outcome.attempts for outcome in outcomes],
            "run_at": [outcome.run_at for outcome in outcomes],
            "error": [outcome.error for outcome in outcomes],
            "ended": _ENDED,
            **_S,
        }
        return await self._ids("jobs/record_outcomes", parameters)

    async def renew(self, jobs: Collection[Claimed]) -> set[int]:
        """Hold on to jobs for another lease; returns the ids of those that nobody else has won."""
        parameters = {
            "id": [job.id for job in jobs],
            "fence": [job.fence for job in jobs],
            "lease_s": self.lease_s,
            **_S,
        }
        return await self._ids("jobs/renew_leases", parameters)

    async def standings(self, jobs: Collection[Claimed]) -> dict[int, Standing]:
        """How the rows of these jobs stand, by id; a row that is gone is left out."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(statement("jobs/read_standings"), {"id": [job.id for job in jobs]})
            return {row[0]: Standing(row[1], JobState(row[2])) for row in await cursor.fetchall()}

    async def _ids(self, name: str, parameters: dict[str, object]) -> set[int]:
        async with self._database.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute(statement(name), parameters)
            return set(await cursor.fetchall())
