"""Acts on all jobs that match a filter: in batches, with progress and a stop, carried on by whoever is alive."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tickover.database import Database
from tickover.execution.budget import Budget
from tickover.jobs.bulk_states import BulkState
from tickover.jobs.filters import JobFilter
from tickover.jobs.states import Act


@dataclass(frozen=True, slots=True)
class BulkAct:
    """A row of `tickover.bulk_act`.

    Args:
        id: its number.
        act: what is done.
        filter: to which jobs, as `JobFilter.as_words` gives it.
        by: who began it.
        reason: why.
        state: where it stands.
        done: jobs that were moved.
        skipped: jobs that matched and were not: claimed meanwhile, or their dedupe key was taken.
        total: jobs that matched when it began, counted up to 10,000.
        is_total_exact: whether there were no more of them.
        from_id: jobs below this id are acted on, the newest first.
        position: jobs from here on have been looked at.
        lowest_id: the lowest id there was when it began.
        created_at: when it was begun.
        updated_at: when its last batch ended.
        ended_at: when it ended.
        error: why it failed.
    """

    id: int
    act: Act
    filter: Mapping[str, str]
    by: str
    reason: str
    state: BulkState
    done: int
    skipped: int
    total: int
    is_total_exact: bool
    from_id: int
    position: int
    lowest_id: int
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    error: str | None

    @property
    def share(self) -> float:
        """How much of the queue has been looked at, from 0 to 1."""
        raise NotImplementedError


class BulkActs:
    """Acts on many jobs. Whoever calls `start`, `stop` or `step` asks the guard first.

    Args:
        database: where the queue stands.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(self, act: Act, asked: JobFilter, by: str, reason: str, now: datetime | None = None) -> BulkAct:
        """Begin an act on all jobs that match now; `step` carries it out. With one audit row.

        Raises:
            JobFilterError: it names a state in which no job can be acted on so, or says not why.
        """
        raise NotImplementedError

    async def stop(self, act_id: int, by: str) -> BulkAct | None:
        """End an act before its end; what is done stays done. None where there is no such act."""
        raise NotImplementedError

    async def read(self, act_id: int) -> BulkAct | None:
        """How an act stands; None where there is no such act."""
        raise NotImplementedError

    async def recent(self, limit: int = 20) -> list[BulkAct]:
        """The newest acts first."""
        raise NotImplementedError

    async def step(self, budget: Budget) -> bool:
        """Go on with the oldest act that nobody is at, batch by batch; whether there may be more to do."""
        raise NotImplementedError


class BulkRunner:
    """Carries acts on in the background of a process, beside the ticks of all.

    Args:
        acts: what is carried on.
        gate: asked before every step.
    """

    def __init__(self, acts: BulkActs, gate: Any) -> None:
        self._acts = acts
        self._gate = gate

    def urge(self) -> None:
        """There is something to do: called after `start`."""
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of what is under way, for whoever goes on with it."""
        raise NotImplementedError
