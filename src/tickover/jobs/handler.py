"""What a job handler is given, and how it asks for another time."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from tickover.database import Async, Database, Sync
from tickover.execution.budget import Budget
from tickover.jobs.transaction import JobTransaction


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at one job.

    Args:
        id: the row in `tickover.job`.
        kind: which handler it is for.
        client_id: whose it is, or None.
        payload: what was enqueued, as parsed JSON.
        attempt: 1 for the first attempt.
        max_attempts: attempts before it becomes a dead letter.
        fence: the number under which this attempt was won; a later attempt has a higher one.
        budget: by when the attempt has to have ended (the job's timeout, cut to the drain's own budget).
        database: connections; `database.transaction()` for what does not end the job.
        own: the attempt's one transaction; see `transaction`.
        log: bound to id, kind, client and attempt.
    """

    id: int
    kind: str
    client_id: str | None
    payload: Any
    attempt: int
    max_attempts: int
    fence: int
    budget: Budget
    database: Database
    own: JobTransaction
    log: structlog.stdlib.BoundLogger

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
        return self.own.begin()

    def sync_transaction(self) -> AbstractContextManager[Sync]:
        """As `transaction`, for a sync handler, which runs in a thread."""
        return self.own.begin_sync()


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


Handler = Callable[[Job], Awaitable[None]] | Callable[[Job], None]
"""Carries out one job: sync or async. Returning means done; raising means this attempt failed."""

Handlers = Mapping[str, Handler]
"""The handler of each job kind."""
