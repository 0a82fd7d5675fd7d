"""What operators see of the queue: pages, capped counts, one job's attempts. Every look is bounded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tickover.database import Database
from tickover.jobs.filters import JobFilter
from tickover.jobs.states import JobState


class AttemptOutcome(StrEnum):
    """How one attempt at a job ended, as far as it did not succeed at once."""

    RETRIED = "retried"
    """It failed, and the job was scheduled for another."""
    DEAD = "dead"
    """It failed, or could not be made, and the job became a dead letter."""
    LOST = "lost"
    """Its process died or hung: its lease expired."""
    SUCCEEDED = "succeeded"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class JobAttempt:
    """One attempt at a job.

    Args:
        attempt: 1 for the first; counted anew after a requeue.
        fence: under which it was won; every later attempt has a higher one.
        started_at: when its handler was called; None where it was not, or where nobody knows.
        ended_at: when; of one that was lost, when its lease expired; None while it runs.
        outcome: how it ended.
        error: why it did not succeed.
        dispatch_key: the tick in whose drain it was made; None outside of any.
        path: who carried that tick's work out.
    """

    attempt: int
    fence: int
    started_at: datetime | None
    ended_at: datetime | None
    outcome: AttemptOutcome
    error: str | None
    dispatch_key: str | None
    path: str | None


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A row of `tickover.job`. `payload` is JSON text; a list leaves it out."""

    id: int
    kind: str
    client_id: str | None
    state: JobState
    priority: int
    run_at: datetime
    attempts: int
    max_attempts: int
    timeout_s: float
    dedupe_key: str | None
    fence: int
    lease_expires_at: datetime | None
    last_error: str | None
    created_at: datetime
    finished_at: datetime | None
    payload: str | None = None


@dataclass(frozen=True, slots=True)
class JobPage:
    """A page of jobs, the newest first.

    Args:
        rows: without their payloads.
        next: the cursor of the page after it; None at the end.
        is_cut: the look ended before the page was full, at the most rows that one look takes; `next` goes on there.
    """

    rows: Sequence[StoredJob]
    next: str | None
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """A number of jobs, counted up to a bound.

    Args:
        n: how many were found.
        is_exact: whether there are no more.
    """

    n: int
    is_exact: bool

    def __str__(self) -> str:
        return f"{self.n:,}" if self.is_exact else f"{self.n:,}+"


@dataclass(frozen=True, slots=True)
class Menus:
    """What filters may offer.

    Args:
        kinds: of jobs that are waiting or were made lately, at most 500.
        clients: likewise.
    """

    kinds: Sequence[str]
    clients: Sequence[str]


class Looks:
    """Looks at the queue.

    Args:
        database: where it stands.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, asked: JobFilter, cursor: str | None, limit: int, now: datetime) -> JobPage:
        """See `JobQueue.page`."""
        raise NotImplementedError

    async def count(self, asked: JobFilter, cap: int, now: datetime) -> Mapping[JobState, Count]:
        """See `JobQueue.count`."""
        raise NotImplementedError

    async def menus(self) -> Menus:
        """See `JobQueue.menus`."""
        raise NotImplementedError

    async def attempts(self, job_id: int) -> list[JobAttempt]:
        """See `JobQueue.attempts`."""
        raise NotImplementedError
