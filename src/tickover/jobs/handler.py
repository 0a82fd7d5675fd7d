"""What a job handler is given, how it asks for another time, and how one is made to take many jobs at once."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from tickover.database import Async, Database, Sync
from tickover.execution.budget import Budget
from tickover.jobs.claims import Claimed
from tickover.jobs.transaction import JobTransaction

_parse = json.JSONDecoder().decode


class Job:
    """One attempt at one job. To be read, not changed.

    Args:
        claimed: its row, as it was won.
        budget: by when the attempt has to have ended (the job's timeout, cut to the drain's own budget).
        database: connections; `database.transaction()` for what does not end the job.
        log: the drain's.

    Attributes:
        id: the row in `tickover.job`.
        kind: which handler it is for.
        client_id: whose it is, or None.
        payload: what was enqueued, as parsed JSON.
        attempt: 1 for the first attempt.
        max_attempts: attempts before it becomes a dead letter.
        fence: the number under which this attempt was won; a later attempt has a higher one.

    Raises:
        ValueError: Python cannot parse the payload.
    """

    __slots__ = (
        "_log",
        "_own",
        "attempt",
        "budget",
        "client_id",
        "database",
        "fence",
        "id",
        "kind",
        "max_attempts",
        "payload",
    )

    def __init__(self, claimed: Claimed, budget: Budget, database: Database, log: structlog.stdlib.BoundLogger) -> None:
        self.id = claimed.id
        self.kind = claimed.kind
        self.client_id = claimed.client_id
        self.payload: Any = _parse(claimed.payload)
        self.attempt = claimed.attempt
        self.max_attempts = claimed.max_attempts
        self.fence = claimed.fence
        self.budget = budget
        self.database = database
        self._log = log
        self._own: JobTransaction | None = None

    @property
    def log(self) -> structlog.stdlib.BoundLogger:
        """Bound to id, kind, client and attempt."""
        return self._log.bind(
            job_id=self.id, kind=self.kind, job_client_id=self.client_id, job_attempt=self.attempt
        )  # not before it is asked for: most handlers say nothing

    @property
    def own(self) -> JobTransaction | None:
        """The job's own transaction, where its handler has asked for it."""
        return self._own

    def time_left(self) -> float:
        """Seconds until this attempt is cut off."""
        return self.budget.left()

    def transaction(self) -> AbstractAsyncContextManager[Async]:
        """The job's own transaction, for an async handler: its commit records the job as succeeded.

        What is written in it happens exactly once. Raising inside rolls it back, and the attempt has failed. An attempt
        has one; whatever the handler does after the commit, the job has succeeded and is not attempted again.

        Raises:
            LeaseLostError: the job has ended, or another drain has won it; nothing was changed.
            JobTransactionError: the attempt has had its transaction.
        """
        return self._transaction().begin()

    def sync_transaction(self) -> AbstractContextManager[Sync]:
        """As `transaction`, for a sync handler, which runs in a thread."""
        return self._transaction().begin_sync()

    def _transaction(self) -> JobTransaction:
        if self._own is None:
            self._own = JobTransaction(self.database, self.id, self.fence, self.budget)
        return self._own


class RetryJobError(Exception):
    """Raised by a handler that wants its job attempted again at a time of its own choosing.

    It uses up an attempt, so a job cannot be put off for ever.

    Args:
        at: when, aware.
        reason: why, kept as the job's last error.
    """

    def __init__(self, at: datetime, reason: str) -> None:
        super().__init__(reason)
        self.at = at
        self.reason = reason


class BatchError(Exception):
    """Raised by a handler of many jobs where some of them failed; the others have succeeded.

    Args:
        errors: what went wrong, by the job's id; a `RetryJobError` asks for another time.
    """

    def __init__(self, errors: Mapping[int, BaseException]) -> None:
        super().__init__(f"{len(errors)} jobs of the batch failed")
        self.errors = dict(errors)


OneHandler = Callable[[Job], Awaitable[None]] | Callable[[Job], None]
"""Carries out one job: sync or async. Returning means done; raising means this attempt failed."""

ManyHandler = Callable[[Sequence[Job]], Awaitable[None]] | Callable[[Sequence[Job]], None]
"""Carries out several jobs of one kind, as `OneHandler` does one."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A handler that takes several jobs at once; made by `batch`.

    Args:
        handle: carries them out.
        max: how many, at most.
    """

    handle: ManyHandler
    max: int


def batch(*, max: int) -> Callable[[ManyHandler], Batch]:  # noqa: A002 - what it is
    """Hand a handler several due jobs of its kind in one call, as many as were claimed together.

    Returning means all are done; raising means all have failed, each with retries of its own; a `BatchError` names
    those that have. The time limit is that of the job with the shortest.

    Args:
        max: jobs in one call, at most.

    Raises:
        ValueError: it is below 1.
    """
    if max < 1:
        raise ValueError("a batch holds at least one job")
    return lambda handle: Batch(handle, max)


Handler = OneHandler | Batch

Handlers = Mapping[str, Handler]
"""The handler of each job kind."""
