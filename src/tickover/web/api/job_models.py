"""What the API takes and gives of the queue."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field, RootModel, StringConstraints

from tickover.jobs.bulk_states import BulkState
from tickover.jobs.filters import LONGEST_ERROR, JobFilter
from tickover.jobs.looking import AttemptOutcome
from tickover.jobs.states import Act as JobAct
from tickover.jobs.states import JobState
from tickover.web.api.models import Act, Model

_Word = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00]*$")]


class Filter(Model):
    """Which jobs are meant: those for which all of this holds."""

    model_config = ConfigDict(extra="ignore")

    kind: _Word = ""
    client: _Word = Field("", description="`-` for jobs without a client")
    state: JobState | None = None
    older_than: _Word = Field("", alias="olderThan", description="made so long ago: 90s, 15m, 2h, 3d")
    error: Annotated[str, StringConstraints(max_length=LONGEST_ERROR, pattern=r"^[^\x00]*$")] = Field(
        "", description="its last error contains this"
    )

    def as_filter(self) -> JobFilter:
        """The same for the queue.

        Raises:
            JobFilterError: a value is malformed.
        """
        words = {"kind": self.kind, "client": self.client, "older_than": self.older_than, "error": self.error}
        return JobFilter.parse(words | {"state": self.state or ""})


class Job(Model):
    """A job, without its payload."""

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


class JobPage(Model):
    """A page of jobs; `isCut` says that the look ended before it was full, and goes on at `next`."""

    rows: list[Job]
    next: str | None
    is_cut: bool


class Count(Model):
    """A number, counted up to a bound."""

    n: int
    is_exact: bool


class Counts(RootModel[Mapping[JobState, Count]]):
    """How many jobs there are in each state."""

    model_config = ConfigDict(from_attributes=True)


class Attempt(Model):
    """One attempt at a job."""

    attempt: int
    fence: int
    started_at: datetime | None
    ended_at: datetime | None
    outcome: AttemptOutcome
    error: str | None
    dispatch_key: str | None
    path: str | None


class JobWithAttempts(Model):
    """A job, its payload with secrets masked, and its attempts."""

    job: Job
    payload: Any
    attempts: list[Attempt]


class BulkOrder(Act):
    """An act on all jobs that match."""

    act: JobAct
    filter: Filter


class BulkAct(Model):
    """How far an act on many jobs is."""

    id: int
    act: JobAct
    filter: Mapping[str, str]
    by: str
    reason: str
    state: BulkState
    done: int
    skipped: int
    total: int
    is_total_exact: bool
    share: float
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    error: str | None


class ClientQueue(Model):
    """How a client's jobs stand."""

    client_id: str | None
    due: Count
    oldest_run_at: datetime
    running: int
    quota: int | None
    max_running: int | None
    is_throttled: bool


class ClientPage(Model):
    """A page of clients."""

    rows: list[ClientQueue]
    next: str | None
    is_cut: bool
