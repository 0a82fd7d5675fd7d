"""One tick, from cron to its end, as the ledger has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tickover.database import Database
from tickover.ledger.states import DONE, ENDED, State
from tickover.sql import statement

_MOST_RUNS = 500  # of responsibilities, of one tick; retries of retries beyond that are left out


@dataclass(frozen=True, slots=True)
class ToldTick:
    """A tick's row.

    Args:
        id: its place.
        dispatch_key: its name.
        route: whose.
        client_id: for whom; None for all.
        identity_source: what names it.
        mode: how it was answered.
        reason: why so.
        correlation_id: what its log lines carry.
        event_ids: what the engine calls its events.
        error: why its events were not taken.
        requested_at: when it came.
        completed_at: when it was answered; None while it is not.
        switched_off: why its work was inline whatever was set.
        idle: functions for which it found nothing to do.
    """

    id: int
    dispatch_key: str
    route: str
    client_id: str | None
    identity_source: str
    mode: str
    reason: str
    correlation_id: str
    event_ids: Sequence[str]
    error: Mapping[str, Any] | None
    requested_at: datetime
    completed_at: datetime | None
    switched_off: str | None
    idle: Sequence[str]


@dataclass(frozen=True, slots=True)
class ToldObligation:
    """What became of a function that a tick owes.

    Args:
        id: its place.
        function: which.
        state: where it stands.
        path: who carried it out.
        run_id: what the engine calls that run.
        attempt: of how many attempts it is the last.
        fence: under which it was won.
        fenced_off: executors that were kept from recording anything.
        start_by: when it has to have begun.
        finish_by: when it has to have ended.
        created_at: when it was owed.
        accepted_at: when the engine took its event.
        started_at: when somebody began.
        finished_at: when it ended.
        error: why it failed.
        late: whether it is beyond its time, with nobody at it.
        covered_by: the tick whose run did its work.
        covered_path: by which path that was.
    """

    id: int
    function: str
    state: str
    path: str | None
    run_id: str | None
    attempt: int
    fence: int
    fenced_off: int
    start_by: datetime
    finish_by: datetime | None
    created_at: datetime
    accepted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    late: bool
    covered_by: str | None
    covered_path: str | None

    @property
    def took_s(self) -> float | None:
        """Seconds from start to end; None where it has not ended, or another run did its work."""
        if self.started_at is None or self.finished_at is None or self.state == State.COVERED:
            return None
        return max(0.0, (self.finished_at - self.started_at).total_seconds())


@dataclass(frozen=True, slots=True)
class ToldRun:
    """What a responsibility did.

    Args:
        function: whose.
        responsibility: which.
        path: who carried it out.
        attempt: in which attempt.
        started_at: when it began.
        duration_ms: how long it took.
        summary: what it says of itself.
        error: why it failed, whole.
    """

    function: str
    responsibility: str
    path: str
    attempt: int
    started_at: datetime
    duration_ms: float
    summary: Mapping[str, Any]
    error: str | None


@dataclass(frozen=True, slots=True)
class Story:
    """A tick and all that became of it.

    Args:
        tick: its row.
        obligations: what it owes.
        runs: what each responsibility did, in order.
    """

    tick: ToldTick
    obligations: Sequence[ToldObligation]
    runs: Sequence[ToldRun]

    @property
    def is_over(self) -> bool:
        """Whether nothing of it can change any more, but by a delivery anew."""
        return all(each.state in ENDED for each in self.obligations)

    @property
    def is_done(self) -> bool:
        """Whether all that it owes was carried out."""
        return all(each.state in DONE for each in self.obligations)


class Stories:
    """Reads ticks.

    Args:
        database: where the ledger stands.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, dispatch_key: str) -> Story | None:
        """A tick; None where none of that name was recorded."""
        ticks = await self._database.rows(ToldTick, statement("insight/read_tick"), {"dispatch_key": dispatch_key})
        if not ticks:
            return None
        asked = {"tick": ticks[0].id, "most": _MOST_RUNS}
        obligations = await self._database.rows(ToldObligation, statement("insight/list_obligations"), asked)
        return Story(ticks[0], obligations, await self._database.rows(ToldRun, statement("insight/list_runs"), asked))
