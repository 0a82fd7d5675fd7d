"""A drain's hold on jobs: claim them, renew their leases, record what became of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from psycopg.errors import ObjectNotInPrerequisiteState
from psycopg.rows import scalar_row

from tickover.jobs.slice import Slice
from tickover.jobs.states import ENDED, LEADS_TO, Ending, JobState
from tickover.sql import statement

_S = {state.name.lower(): str(state) for state in JobState}
_ENDED = [str(state) for state in ENDED]
_FAILED = frozenset({Ending.RETRIED, Ending.DEAD})


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
    lane: int


class Outcome(NamedTuple):
    """What became of a claimed job.

    Args:
        job: the job.
        ending: how it ended.
        attempts: how many it has used up by now.
        error: why it did not succeed, compact.
        run_at: when it is attempted again; None leaves the time as it was.
        cause: what its handler raised, for the log.
        committed: recorded already, by the job's own transaction.
        started_at: when its handler was called, of an attempt that failed.
        is_plain: a success without a transaction of its own, so that nothing can hold the job's row.
    """

    job: Claimed
    ending: Ending
    attempts: int
    error: str | None = None
    run_at: datetime | None = None
    cause: BaseException | None = None
    committed: bool = False
    is_plain: bool = False
    started_at: datetime | None = None


class Standing(NamedTuple):
    """How a job stands: its row's fence and state."""

    fence: int
    state: JobState


@dataclass(frozen=True, slots=True)
class Terms:
    """How jobs are claimed.

    Args:
        fairly: round by round among the clients; otherwise first in, first out, by priority.
        lease_s: seconds a claim lasts unless it is renewed.
        quota: jobs a client gets in each round, unless `tickover.client_quota` says otherwise.
        max_running: jobs of a client that may be running, unless that table says otherwise; None for any number.
    """

    fairly: bool = True
    lease_s: float = 60.0
    quota: int = 1
    max_running: int | None = None


class Claims:
    """What drains do to the rows of `tickover.job`.

    Args:
        slice_: on whose behalf.
        terms: how jobs are claimed.
    """

    def __init__(self, slice_: Slice, terms: Terms) -> None:
        self._slice = slice_
        self._database = slice_.database
        self._terms = terms
        self.lease_s = terms.lease_s

    async def claim(self, room: int, *, reap: bool, but: Sequence[str] = ()) -> list[Claimed]:
        """Win jobs that are due, in the order in which they are to be started.

        Args:
            room: at most so many.
            reap: first let go of jobs whose lease has expired.
            but: kinds to be left where they are.

        Raises:
            LeaseLostError: another executor has taken over the drain itself; nothing was claimed.
        """
        lease = self._slice.lease
        parameters = {
            "room": room,
            "fairly": self._terms.fairly,
            "client_id": self._slice.client_id,
            "lease_s": self.lease_s,
            "quota": self._terms.quota,
            "max_running": self._terms.max_running,
            "except_kinds": list(but),
            "reap": reap,
            "obligation_id": None if lease is None else lease.obligation_id,
            "fence": None if lease is None else lease.fence,
        }
        async with self._database.connection() as connection:
            try:
                cursor = await connection.execute(statement("jobs/claim_jobs"), parameters)
            except ObjectNotInPrerequisiteState as error:
                raise self._slice.lost() from error
            return list(map(Claimed._make, await cursor.fetchall()))

    async def record(self, outcomes: Sequence[Outcome]) -> set[int]:
        """Record outcomes, each only where its job is still held; returns the ids of those.

        A job that is in its own transaction at the moment is passed over; `standings` tells it from a lost one.
        """
        plain = [outcome for outcome in outcomes if outcome.is_plain]
        others = [outcome for outcome in outcomes if not outcome.is_plain]
        return (await self._record_successes(plain) if plain else set()) | (
            await self._record_others(others) if others else set()
        )

    async def _record_successes(self, outcomes: Sequence[Outcome]) -> set[int]:
        parameters = {
            "id": _array([outcome.job.id for outcome in outcomes]),
            "fence": _array([outcome.job.fence for outcome in outcomes]),
            **_S,
        }
        return await self._ids("jobs/record_successes", parameters)

    async def _record_others(self, outcomes: Sequence[Outcome]) -> set[int]:
        parameters = {
            "id": [outcome.job.id for outcome in outcomes],
            "fence": [outcome.job.fence for outcome in outcomes],
            "state": [str(LEADS_TO[outcome.ending]) for outcome in outcomes],
            "attempts": [outcome.attempts for outcome in outcomes],
            "run_at": [outcome.run_at for outcome in outcomes],
            "error": [outcome.error for outcome in outcomes],
            "failed": [str(o.ending) if o.ending in _FAILED else None for o in outcomes],
            "started_at": [outcome.started_at for outcome in outcomes],
            "dispatch_key": self._slice.dispatch_key,
            "path": self._slice.path,
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

    async def _ids(self, name: str, parameters: Mapping[str, object]) -> set[int]:
        async with self._database.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute(statement(name), parameters)
            return set(await cursor.fetchall())


def _array(numbers: Sequence[int]) -> str:
    """An array of PostgreSQL as text, in one go: thousands of numbers are converted one by one otherwise."""
    return "{" + ",".join(map(str, numbers)) + "}"
