"""A job's own transaction: what its handler writes and the job's outcome are one commit."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from tickover.database import Async, Database, Sync
from tickover.errors import LeaseLostError, TickoverError
from tickover.execution.budget import Budget
from tickover.jobs.states import JobState
from tickover.sql import statement

_LOCK, _FINISH = "jobs/lock_job", "jobs/finish_job"
_MARGIN_S = 1.0  # beyond the attempt's time, so that the attempt's own limit is what is seen


class JobTransactionError(TickoverError):
    """A second transaction of its own was asked for by one attempt at a job."""


class JobTransaction:
    """The one transaction of one attempt at a job.

    Args:
        database: where the job stands.
        job_id: the row.
        fence: under which the attempt was won.
        budget: by when the attempt has to have ended; the server ends a transaction that outlives it by a second.

    Attributes:
        committed: whether the job is known to have succeeded with it. After a commit whose answer was lost it is
            False; then only the job's row knows.
    """

    def __init__(self, database: Database, job_id: int, fence: int, budget: Budget) -> None:
        self._database = database
        self._job_id = job_id
        self._fence = fence
        self._budget = budget
        self._begun = False
        self.committed = False

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Async]:
        """The transaction, for an async handler.

        Raises:
            LeaseLostError: the job has ended, or another drain has won it; nothing was changed.
            JobTransactionError: the attempt has had its transaction.
        """
        self._begin()
        finished = False
        async with self._database.transaction() as connection:
            self._require(await (await connection.execute(statement(_LOCK), self._parameters())).fetchone())
            yield connection
            self._require(await (await connection.execute(statement(_FINISH), self._parameters())).fetchone())
            finished = True
        self.committed = finished  # not where the handler rolled it back on purpose

    @contextmanager
    def begin_sync(self) -> Iterator[Sync]:
        """As `begin`, for a sync handler."""
        self._begin()
        finished = False
        with self._database.sync_transaction() as connection:
            self._require(connection.execute(statement(_LOCK), self._parameters()).fetchone())
            yield connection
            self._require(connection.execute(statement(_FINISH), self._parameters()).fetchone())
            finished = True
        self.committed = finished

    def _begin(self) -> None:
        if self._begun:
            raise JobTransactionError(
                "an attempt has one job.transaction(), and it ends the job; use job.database.transaction() for what"
                " comes before it, and put the rest into the one"
            )
        self._begun = True

    def _parameters(self) -> Mapping[str, Any]:
        return {
            "id": self._job_id,
            "fence": self._fence,
            "limit_ms": int((max(self._budget.left(), 0.0) + _MARGIN_S) * 1000),
            "running": str(JobState.RUNNING),
            "succeeded": str(JobState.SUCCEEDED),
        }

    def _require(self, row: object) -> None:
        if row is None:
            raise LeaseLostError(
                f"job {self._job_id}: not held under fence {self._fence} any more, it has ended or another drain has"
                " won it; nothing of this transaction is kept"
            )
