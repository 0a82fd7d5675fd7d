"""Acts on all jobs that match a filter: in batches, with progress and a stop, carried on by whoever is alive."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg
import structlog
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from tickover import clock
from tickover.database import Async, Database
from tickover.errors import JobFilterError
from tickover.execution.budget import Budget
from tickover.jobs.acts import MOST, action, move, retried
from tickover.jobs.bulk_states import UNENDED, BulkState, after_batch, share, sources
from tickover.jobs.filters import MAX_ID, JobFilter
from tickover.jobs.looking import Looks, conditions
from tickover.jobs.states import Act, JobState
from tickover.sql import statement

_log = structlog.stdlib.get_logger("tickover.jobs")
_WINDOW = 5000  # jobs that one batch looks at, at most
_LEASE_S = 30.0  # after which another process goes on with what a dead one has begun
_COUNTED_UP_TO = 10_000
_UNENDED = [str(state) for state in UNENDED]
_S = {state.name.lower(): str(state) for state in BulkState}


@dataclass(frozen=True, slots=True)
class BulkAct:
    """A row of `tickover.bulk_act`.

    Args:
        id: its number.
        act: what is done.
        filter: to which jobs, as `JobFilter.as_words` gives it.
        made_before: until when jobs were made that are old enough; None where any are.
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
        fence: under which it was won last.
        created_at: when it was begun.
        updated_at: when its last batch ended.
        ended_at: when it ended.
        error: why it failed.
    """

    id: int
    act: Act
    filter: Mapping[str, str]
    made_before: datetime | None
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
    fence: int
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    error: str | None

    @property
    def share(self) -> float:
        """How much of what there was when it began has been looked at, from 0 to 1."""
        return share(self.from_id, self.position, self.lowest_id)

    @property
    def is_over(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.state not in UNENDED

    def as_json(self) -> dict[str, Any]:
        """The act as one flat JSON object; times are texts in ISO 8601."""
        fields = {name: v.isoformat() if isinstance(v, datetime) else v for name, v in asdict(self).items()}
        return fields | {"share": self.share}


class _Claim(NamedTuple):
    """An act that is held by this process."""

    id: int
    fence: int


class BulkActs:
    """Acts on many jobs. Whoever calls `start`, `stop` or `step` asks the guard first.

    Args:
        database: where the queue stands.
        batch: jobs moved in one transaction, at most.
    """

    def __init__(self, database: Database, batch: int = MOST) -> None:
        self._database = database
        self._batch = batch
        self._looks = Looks(database)

    async def start(self, act: Act, asked: JobFilter, by: str, reason: str, now: datetime | None = None) -> BulkAct:
        """Begin an act on all jobs that match now, with one audit row; `step` carries it out.

        Args:
            act: what is done.
            asked: to which jobs; those that are made later are not touched.
            by: who begins it.
            reason: why; not blank.
            now: the current time, for `older_than`; None reads the clock.

        Raises:
            JobFilterError: it names a state in which no job can be acted on so, or nobody says why.
        """
        of = sources(act, asked)
        if not reason.strip():
            raise JobFilterError("say why: it is kept, and shown to whoever wonders what became of these jobs")
        now = now or clock.now()
        counts = await self._looks.count(asked, _COUNTED_UP_TO, now)
        total = sum(counts[state].n for state in of)
        is_exact = all(counts[state].is_exact for state in of)
        parameters = {
            "act": act,
            "filter": Jsonb(asked.as_words()),
            "made_before": asked.made_before(now),
            "by": by,
            "reason": reason.strip(),
            "total": total,
            "is_total_exact": is_exact,
            "action": action(act),
            **_S,
        }
        (begun,) = await self._acts("jobs/begin_bulk_act", parameters)
        return begun

    async def stop(self, act_id: int, by: str, reason: str = "stopped by hand") -> BulkAct | None:
        """End an act before its end, with an audit row; what is done stays done.

        Args:
            act_id: which one; one that has ended stays as it is.
            by: who stops it.
            reason: why.

        Returns:
            The act: stopped where nobody is at it, else stopping until the batch under way is done. None where there is
            no such act.
        """
        if not 1 <= act_id <= MAX_ID:
            return None
        parameters = {"id": act_id, "by": by, "reason": reason, "action": "jobs.bulk_stop", **_S}
        async with self._database.connection() as connection:
            await connection.execute(statement("jobs/stop_bulk_act"), parameters)
        return await self.read(act_id)

    async def read(self, act_id: int) -> BulkAct | None:
        """How an act stands; None where there is no such act."""
        if not 1 <= act_id <= MAX_ID:
            return None
        found = await self._acts("jobs/list_bulk_acts", {"id": act_id, "limit": 1})
        return found[0] if found else None

    async def recent(self, limit: int = 20) -> list[BulkAct]:
        """The newest acts first."""
        return await self._acts("jobs/list_bulk_acts", {"id": None, "limit": limit})

    async def step(self, budget: Budget, act_id: int | None = None) -> bool:
        """Go on with the oldest act that nobody is at, batch by batch, and let go of it.

        Args:
            budget: how long; one batch is carried out in any case.
            act_id: only this act.

        Returns:
            Whether there was one. One that the database refused has failed, and says why.
        """
        claim = await self._claim(act_id)
        if claim is None:
            return False
        try:
            while await retried(lambda: self._carry_out(claim)) and budget.left() > 0:
                pass
        except psycopg.OperationalError:
            raise  # the server is away, or busy: whoever comes next goes on
        except (psycopg.Error, JobFilterError) as error:
            text = str(error).partition("\n")[0]
            _log.error("jobs.bulk_failed", bulk_act=claim.id, error=text)
            await self._execute("jobs/fail_bulk_act", {**claim._asdict(), "unended": _UNENDED, "error": text, **_S})
            return True
        await self._execute("jobs/release_bulk_act", {**claim._asdict(), "unended": _UNENDED})
        return True

    async def forget(self, keeping: timedelta) -> None:
        """Drop a few of the acts that ended long ago.

        Args:
            keeping: how long they are kept.
        """
        await self._execute("jobs/forget_bulk_acts", {"keeping": keeping})

    async def _claim(self, act_id: int | None) -> _Claim | None:
        async with self._database.connection() as connection:
            cursor = await connection.execute(statement("jobs/claim_bulk_act"), {"id": act_id, "lease_s": _LEASE_S})
            row = await cursor.fetchone()
        return None if row is None else _Claim(*row)

    async def _carry_out(self, claim: _Claim) -> bool:
        """One batch; whether another may follow."""
        async with self._database.transaction() as connection:
            act = await _lock(connection, claim)
            if act is None:
                return False  # somebody else has won it, or it has ended
            moved, skipped, place = 0, 0, None
            if act.state is BulkState.RUNNING:
                ids, place = await self._find(connection, act)
                of = sources(act.act, JobFilter.parse(act.filter))
                moved = len(await move(connection, act.act, ids, of)) if ids else 0
                skipped = len(ids) - moved
            state = after_batch(act.state, is_last=place is None)
            has_ended = state not in UNENDED
            position = act.position if act.state is BulkState.STOPPING else act.lowest_id if place is None else place
            parameters = {"id": act.id, "state": state, "has_ended": has_ended, "lease_s": _LEASE_S}
            parameters |= {"position": position, "done": moved, "skipped": skipped}
            await connection.execute(statement("jobs/advance_bulk_act"), parameters)
        return not has_ended

    async def _find(self, connection: Async, act: BulkAct) -> tuple[list[int], int | None]:
        """The jobs of the next batch, and how far the look for them came; None where nothing is left."""
        asked = JobFilter.parse(act.filter)
        of = sources(act.act, asked)
        parameters: dict[str, Any] = {
            **conditions(asked, act.created_at),
            "made_before": act.made_before,
            "position": act.position,
            "only": JobState.DEAD if of == {JobState.DEAD} else None,
            "sources": list(of),
            "window": max(_WINDOW, self._batch),
            "limit": self._batch,
        }
        cursor = await connection.execute(statement("jobs/find_bulk_batch"), parameters)
        row = await cursor.fetchone()
        return (row[0], row[1]) if row is not None else ([], None)

    async def _acts(self, name: str, parameters: Mapping[str, Any]) -> list[BulkAct]:
        return [_read(row) for row in await self._database.rows(dict, statement(name), parameters)]

    async def _execute(self, name: str, parameters: Mapping[str, Any]) -> None:
        async with self._database.connection() as connection:
            await connection.execute(statement(name), parameters)


async def _lock(connection: Async, claim: _Claim) -> BulkAct | None:
    async with connection.cursor(row_factory=class_row(dict)) as cursor:
        parameters = {**claim._asdict(), "unended": _UNENDED, "limit_ms": int(_LEASE_S * 1000)}
        await cursor.execute(statement("jobs/lock_bulk_act"), parameters)
        row = await cursor.fetchone()
    if row is None:
        return None
    return _read({name: value for name, value in row.items() if name not in {"statements", "idleness"}})


def _read(row: Mapping[str, Any]) -> BulkAct:
    return BulkAct(**{**row, "act": Act(row["act"]), "state": BulkState(row["state"])})
