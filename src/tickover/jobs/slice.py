"""One slice of draining: how long it may take, on whose behalf, and whether it may still go on."""

from dataclasses import dataclass

import structlog

from tickover.database import Database
from tickover.errors import LeaseLostError
from tickover.execution.budget import Budget
from tickover.execution.run import Lease, Run

_log = structlog.stdlib.get_logger("tickover.jobs")


@dataclass(frozen=True, slots=True)
class Slice:
    """What a drain is given.

    Args:
        database: where the queue stands.
        budget: by when it has to have ended.
        whole_s: seconds the budget had in all.
        client_id: only this client's jobs, or None for all.
        lease: of the obligation that is carried out so; None where there is none.
        log: bound to what is drained for.
        dispatch_key: of the tick it belongs to; None where there is none.
        path: who carries that tick's work out.
    """

    database: Database
    budget: Budget
    whole_s: float
    client_id: str | None
    lease: Lease | None
    log: structlog.stdlib.BoundLogger
    dispatch_key: str | None = None
    path: str | None = None

    @classmethod
    def of(cls, run: Run) -> "Slice":
        """The slice that a run has."""
        left, tick = run.budget.left(), (run.dispatch_key, str(run.path))
        return cls(run.database, run.budget, left, run.client_id, run.lease, run.log, *tick)

    @classmethod
    def lasting(cls, database: Database, seconds: float, client_id: str | None = None) -> "Slice":
        """A slice that begins now and belongs to no tick."""
        return cls(database, Budget.of(seconds), seconds, client_id, None, _log)

    @property
    def is_held(self) -> bool:
        """Whether the lease, where there is one, is not known to be lost."""
        return self.lease is None or not self.lease.lost.is_set()

    def may_go_on(self) -> bool:
        """Whether there is time, and the lease is not known to be lost."""
        return self.budget.left() > 0 and self.is_held

    def lost(self) -> LeaseLostError:
        """Note that the lease is gone; the error to raise."""
        if self.lease is None:
            return LeaseLostError("the lease is gone; stop")
        self.lease.lost.set()
        return LeaseLostError(f"the lease under fence {self.lease.fence} is gone; stop")
