"""Runs won by hand, for tests that call a responsibility without its executor."""

import itertools
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from tickover import Run
from tickover.clock import monotonic
from tickover.database import Database
from tickover.execution.budget import Budget
from tickover.execution.run import Lease
from tickover.ledger.states import Path
from tickover.ledger.store import Ledger, NewTick

_MINUTE = timedelta(minutes=1)
_numbers = itertools.count()

MakeRun = Callable[..., Awaitable[Run]]


def run_factory(database: Database) -> MakeRun:
    """A function that records a tick, claims its obligation as an executor does, and gives the run."""

    async def make(
        *,
        client_id: str | None = None,
        dry: bool = False,
        seconds: float = 60,
        now: Callable[[], float] = monotonic,
        own: Database | None = None,
    ) -> Run:
        key, ledger = f"tick-{next(_numbers)}", Ledger(database, lease_s=60)
        tick = NewTick(key, "background-jobs", client_id, "test", "inline", "test", "c-1", {"maintain": _MINUTE})
        assert await ledger.record(tick)
        claim = await ledger.claim(key, "maintain", Path.DURABLE, _MINUTE)
        assert claim is not None
        return Run(
            function="maintain",
            responsibility="under-test",
            dispatch_key=key,
            client_id=client_id,
            path=Path.DURABLE,
            attempt=1,
            dry=dry,
            budget=Budget.of(seconds, now),
            database=own or database,
            lease=Lease(claim.id, claim.fence),
            log=structlog.stdlib.get_logger("test"),
        )

    return make


async def take_over(database: Database, run: Run) -> None:
    """Another executor wins the obligation of a run."""
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE tickover.obligation SET fence = fence + 1 WHERE id = %s", (run.lease.obligation_id,)
        )
