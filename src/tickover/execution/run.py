"""What a responsibility is given while it runs, and what it gives back."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import structlog

from tickover.database import Async, Database, Sync
from tickover.errors import LeaseLostError
from tickover.execution.budget import Budget
from tickover.ledger.states import Path, State
from tickover.sql import statement

_HOLDS = "ledger/check_lease"


@dataclass(frozen=True, slots=True)
class Summary:
    """What a responsibility did, small enough to be kept and shown.

    Args:
        looked_at: rows or items examined.
        changed: rows or items changed.
        left: items still due when it stopped, as far as it knows; more than zero means it stopped early.
        error: why it counts as failed although it returned; the executor fills it in when it raised.
        details: further figures, JSON values only.
    """

    looked_at: int = 0
    changed: int = 0
    left: int = 0
    error: str | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The summary as one flat JSON object."""
        return {
            "looked_at": self.looked_at,
            "changed": self.changed,
            "left": self.left,
            "error": self.error,
            **self.details,
        }


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to carry out one obligation.

    Args:
        obligation_id: the ledger's row.
        fence: the number under which it was won; it only grows.
        lost: set, from any thread, as soon as it is known that another executor took over.
    """

    obligation_id: int
    fence: int
    lost: Event = field(default_factory=Event)


@dataclass(frozen=True, slots=True)
class Run:
    """One responsibility being carried out for one tick.

    Args:
        function: id of the durable function that carries it.
        responsibility: its own id.
        dispatch_key: the tick.
        client_id: the client a tick is narrowed to, or None for all.
        path: who carries it out.
        attempt: 1 for the first attempt at this obligation.
        dry: look, count, and change nothing. `database` refuses every write then, and there is no lease.
        budget: by when it has to have ended.
        database: connections; see `batch` for writing.
        lease: what its writes are fenced with.
        log: bound to all of the above.
    """

    function: str
    responsibility: str
    dispatch_key: str
    client_id: str | None
    path: Path
    attempt: int
    dry: bool
    budget: Budget
    database: Database
    lease: Lease
    log: structlog.stdlib.BoundLogger

    def time_left(self) -> float:
        """Seconds until this responsibility has to have ended."""
        return self.budget.left()

    def may_go_on(self) -> bool:
        """Whether another batch may be started: there is time, and the lease is not known to be lost."""
        return self.budget.left() > 0 and not self.lease.lost.is_set()

    @asynccontextmanager
    async def batch(self) -> AsyncIterator[Async]:
        """A transaction for one batch of work, refused to whoever lost the lease. In a dry run it can only read.

        Raises:
            LeaseLostError: another executor has taken over; nothing was changed.
        """
        async with self.database.transaction() as connection:
            if not self.dry:
                cursor = await connection.execute(statement(_HOLDS), self._held())
                self._require(await cursor.fetchone())
            yield connection

    @contextmanager
    def sync_batch(self) -> Iterator[Sync]:
        """As `batch`, for sync responsibilities, which run in a thread."""
        with self.database.sync_transaction() as connection:
            if not self.dry:
                self._require(connection.execute(statement(_HOLDS), self._held()).fetchone())
            yield connection

    def _held(self) -> dict[str, Any]:
        return {"id": self.lease.obligation_id, "fence": self.lease.fence, "running": State.RUNNING}

    def _require(self, row: object) -> None:
        if row is None:
            self.lease.lost.set()
            raise LeaseLostError(f"{self.function}: the lease under fence {self.lease.fence} is gone; stop")


Work = Callable[[Run], Awaitable[Summary]] | Callable[[Run], Summary]
"""The body of a responsibility: sync or async. Sync ones run in a thread."""
