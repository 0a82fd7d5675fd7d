"""What operators see of the queue: pages, capped counts, one job's attempts. Every look is bounded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from tickover.database import Database
from tickover.jobs.filters import MAX_ID, NO_CLIENT, JobFilter, cursor_at, place_of
from tickover.jobs.states import JobState
from tickover.sql import statement

MOST_LISTED = 1000
"""Rows of a page, at most."""
WINDOW = 50_000
"""Jobs that one look for a page takes in: so many are read in less time than a page may take."""
FEW = 10_000
"""Where no more jobs than this are in a state, all of them are looked at."""

_ERROR_COSTS = 5  # times as much as anything else that is compared
_MENU_WINDOW, _MENU_BOUND, _MENU_MOST = 5000, 1000, 500
_TRANSACTIONS_LAST = timedelta(seconds=10)  # jobs of one that lasts longer may be left out where an age is asked for
_INDEXED = frozenset(JobState) - {JobState.SUCCEEDED}  # states that have an index of their own


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
        window: jobs that one look for a page takes in, at most.
        few: where no more jobs than this are in a state, all of them are looked at.
    """

    def __init__(self, database: Database, window: int = WINDOW, few: int = FEW) -> None:
        self._database = database
        self._window = window
        self._few = few

    async def page(self, asked: JobFilter, cursor: str | None, limit: int, now: datetime) -> JobPage:
        """See `JobQueue.page`."""
        if not 1 <= limit <= MOST_LISTED:
            raise ValueError(f"limit must lie between 1 and {MOST_LISTED}")
        before = await self._start(asked, place_of(cursor), now)
        parameters = {**conditions(asked, now), "before": before, "limit": limit + 1}
        if asked.state in _INDEXED and await self._are_few(asked):
            found = await self._stored("jobs/list_few", {**parameters, "bound": self._few})
            return _page(found, limit)
        window = self._window if asked.error is None else self._window // _ERROR_COSTS
        parameters |= {"only": only(asked), "window": window}
        found = await self._stored("jobs/list_newest", parameters)
        if len(found) > limit:
            return _page(found, limit)
        ends = await self._database.rows(_Id, statement("jobs/find_end_of_look"), parameters)
        return JobPage(found, cursor_at(ends[0].id), is_cut=True) if ends else JobPage(found, None)

    async def count(self, asked: JobFilter, cap: int, now: datetime) -> Mapping[JobState, Count]:
        """See `JobQueue.count`."""
        parameters = {
            **conditions(asked, now),
            "before": await self._start(asked, place_of(None), now),
            "bound": cap + 1,
            "states": sorted(_INDEXED),
            "succeeded": JobState.SUCCEEDED,
        }
        rows = await self._database.rows(_Counted, statement("jobs/count_jobs"), parameters)
        counts = {JobState(row.state): Count(min(row.n, cap), row.is_exact) for row in rows}
        return {state: counts.get(state, Count(0, is_exact=True)) for state in JobState}

    async def menus(self) -> Menus:
        """See `JobQueue.menus`."""
        parameters = {"window": _MENU_WINDOW, "bound": _MENU_BOUND, "most": _MENU_MOST, "states": sorted(_INDEXED)}
        kinds = await self._database.rows(_Kind, statement("jobs/list_newest_kinds"), parameters)
        clients = await self._database.rows(_Client, statement("jobs/list_newest_clients"), parameters)
        return Menus([row.kind for row in kinds], [row.client_id for row in clients])

    async def attempts(self, job_id: int) -> list[JobAttempt]:
        """See `JobQueue.attempts`."""
        parameters = {"id": job_id, "limit": MOST_LISTED, "running": JobState.RUNNING, "succeeded": JobState.SUCCEEDED}
        if not 1 <= job_id <= MAX_ID:
            return []
        found = await self._database.rows(JobAttempt, statement("jobs/list_attempts"), parameters)
        return [replace(attempt, outcome=AttemptOutcome(attempt.outcome)) for attempt in found]

    async def _start(self, asked: JobFilter, before: int, now: datetime) -> int:
        """Below which id to look: jobs that are too young are not even looked at."""
        made_before = asked.made_before(now)
        if made_before is None:
            return before
        at = {"at": made_before + _TRANSACTIONS_LAST}
        (newest,) = await self._database.rows(_Newest, statement("jobs/find_newest_before"), at)
        return min(before, newest.newest_job_before + 1)

    async def _are_few(self, asked: JobFilter) -> bool:
        parameters = {"state": asked.state, "client_id": stored_client(asked), "bound": self._few + 1}
        (counted,) = await self._database.rows(_Number, statement("jobs/count_in_state"), parameters)
        return counted.count <= self._few

    async def _stored(self, name: str, parameters: Mapping[str, Any]) -> list[StoredJob]:
        found = await self._database.rows(StoredJob, statement(name), parameters)
        return [replace(job, state=JobState(job.state)) for job in found]


def conditions(asked: JobFilter, now: datetime) -> dict[str, Any]:
    """The parameters of every statement that looks for jobs.

    Args:
        asked: which ones.
        now: the current time.
    """
    return {
        "state": asked.state,
        "kind": asked.kind,
        "client_id": stored_client(asked),
        "made_before": asked.made_before(now),
        "error": asked.error,
    }


def stored_client(asked: JobFilter) -> str | None:
    """The client that is asked for, as statements compare it: empty for none."""
    return "" if asked.client_id == NO_CLIENT else asked.client_id


def only(asked: JobFilter) -> JobState | None:
    """The state whose jobs alone are looked at, because it has an index in the order of ids."""
    return asked.state if asked.state in {JobState.DEAD, JobState.DISCARDED} else None


def _page(found: Sequence[StoredJob], limit: int) -> JobPage:
    """A page of what was found, where one more was asked for."""
    return JobPage(found[:limit], cursor_at(found[limit - 1].id) if len(found) > limit else None)


@dataclass(frozen=True, slots=True)
class _Id:
    id: int


@dataclass(frozen=True, slots=True)
class _Newest:
    newest_job_before: int


@dataclass(frozen=True, slots=True)
class _Number:
    count: int


@dataclass(frozen=True, slots=True)
class _Counted:
    state: str
    n: int
    is_exact: bool


@dataclass(frozen=True, slots=True)
class _Kind:
    kind: str


@dataclass(frozen=True, slots=True)
class _Client:
    client_id: str
