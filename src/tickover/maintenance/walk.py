"""One run of a retention: a walk over a table in the order of time, batch by batch, that a later run can go on with."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import errors

from tickover import clock
from tickover.database import Async
from tickover.execution.run import Run
from tickover.maintenance.needs import Need, tells_apart
from tickover.maintenance.pace import FIRST, next_size, pause_after, size_after_none
from tickover.maintenance.progress import Place
from tickover.maintenance.statements import Rows, drop_partition, has_rows
from tickover.maintenance.tables import LONGEST_MS, Part, limits, list_indexes, reading
from tickover.sql import statement

COUNTED = 10_000  # rows still due are counted up to here ...
_COUNTING_S = 0.25  # ... and for so long
_HELD_UP = (errors.QueryCanceled, errors.LockNotAvailable, errors.DeadlockDetected)
_NOT_WHOLE = (errors.ForeignKeyViolation, errors.DependentObjectsStillExist, errors.InsufficientPrivilege)
_LOCK_S = 0.85 * LONGEST_MS / 1000  # for the statement that takes the locks; the rest is for its commit
_TRIES = 3  # to lock a partition that is to be dropped, each for a moment only
_READING_S = 5.0  # for a question about one index entry, which nobody waits for

Leaf = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a walk may be.

    Args:
        batch: seconds a batch should take.
        share: of all the time, how much batches may take.
        most: rows of a batch, at most.
        limit: rows of a run, at most; None for as many as its time allows.
    """

    batch: float
    share: float
    most: int
    limit: int | None


@dataclass(slots=True)
class Tally:
    """What a walk has done."""

    deleted: int = 0
    batches: int = 0
    longest_s: float = 0.0
    broken_off: int = 0
    dropped: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Walk:
    """Deletes what is due, from a place on, until nothing is left, the limit is met, or the time is over.

    Args:
        run: under whose lease.
        rows: which rows.
        need: the index that leads through them.
        values: the statement's parameters.
        parts: where the rows stand, the oldest first.
        pace: how fast.
        may_drop: whether a partition whose time is over may go as a whole.
        place: the row at which it goes on; afterwards the one it has come to, None at the end.
    """

    run: Run
    rows: Rows
    need: Need
    values: Mapping[str, Any]
    parts: Sequence[Part]
    pace: Pace
    may_drop: bool
    place: Place | None = None
    tally: Tally = field(default_factory=Tally)
    _size: int = FIRST
    _skips_locked: bool = False  # in the next batch, rows that others have locked are left out
    _unhurried: bool = False  # the next batch is one row, which takes as long as it takes
    _apart: dict[Leaf, bool] = field(default_factory=dict)

    async def carry_out(self) -> None:
        """Walk on.

        Raises:
            LeaseLostError: another executor has taken over; the batches before this one stand.
        """
        if self.place is not None and self.place.part not in {_name(leaf) for leaf in self._leaves()}:
            self.place = None  # that partition is gone
        for part in self.parts:
            if not self._may_go_on():
                self.place = self.place or next((Place(_name(leaf)) for leaf in part.leaves), None)
                return
            is_whole = self.may_drop and part.is_past
            if is_whole and not self.rows.children and await self._drop(part):
                continue
            if self.place is not None and self.place.part not in map(_name, part.leaves):
                continue  # dealt with before the place was reached
            if not await self._walk_part(part):
                return
            if is_whole:
                await self._drop(part)

    async def count(self) -> int | None:
        """How many rows are due from the place on, up to 10,000; None where counting them would take too long."""
        total, left = 0, _COUNTING_S
        for leaf in self._from_place():
            started = clock.monotonic()
            try:
                async with reading(self.run.database, left) as connection:
                    apart = await self._is_apart(connection, leaf)
                    query = self.rows.count(leaf, self._after(leaf), apart=apart)
                    values = self._with_place(limit=COUNTED - total)
                    row = await (await connection.execute(query, values)).fetchone()
            except errors.QueryCanceled:
                return None
            total += int(row[0]) if row else 0
            left -= clock.monotonic() - started
            if total >= COUNTED:
                break
            if left <= 0:
                return None
        return total

    async def _walk_part(self, part: Part) -> bool:
        """Prune the tables of a part. Whether all of them are at their end."""
        for leaf in part.leaves:
            if self.place is not None and self.place.part != _name(leaf):
                continue
            async with reading(self.run.database, _READING_S) as connection:
                apart = await self._is_apart(connection, leaf)
            while self._may_go_on():
                if not await self._batch(leaf, apart=apart):
                    self.place = None
                    break
            else:
                self.place = self.place or Place(_name(leaf))
                return False
        return True

    async def _batch(self, leaf: Leaf, *, apart: bool) -> bool:
        """Delete the next rows of a table, and leave the database to others for a moment. False at its end."""
        size = min(self._size, self.pace.most)
        if self.pace.limit is not None:
            size = min(size, self.pace.limit - self.tally.deleted)
        statement_s, started = self.run.time_left() if self._unhurried else _LOCK_S, 0.0
        try:
            async with self.run.batch() as connection:
                await connection.execute(statement("maintenance/set_limits"), limits(statement_s))
                started = clock.monotonic()  # from here on it holds locks
                row = await self._delete(connection, leaf, size, apart=apart)
        except _HELD_UP as error:
            return await self._after_none(leaf, error, size, apart=apart)
        took = clock.monotonic() - started
        due, gone, since, key = row or (0, 0, None, None)
        self._note(gone, took)
        if due < size:
            return False
        came_to = Place(_name(leaf), since, key)
        if gone == 0 and came_to.since == (self.place and self.place.since) and not apart:
            return False  # a trigger keeps them all, and rows of one time cannot be told apart
        self.place, self._unhurried, self._skips_locked = came_to, False, False
        self._size = next_size(size, took, self.pace.batch, self.pace.most)
        await asyncio.sleep(pause_after(took, self.pace.share, self.run.time_left()))
        return True

    async def _delete(self, connection: Async, leaf: Leaf, size: int, *, apart: bool) -> Any:
        """Delete so many rows: as a range where that can be, and where it must not be waited for others one by one."""
        values, after = self._with_place(limit=size), self._after(leaf)
        if apart and not self.rows.children and not self._skips_locked:
            query = self.rows.delete_range(leaf, after)
            row = await (await connection.execute(query, values)).fetchone()
            if row is not None:
                return row
        query = self.rows.delete(leaf, after, apart=apart)
        return await (await connection.execute(query, values)).fetchone()

    async def _after_none(self, leaf: Leaf, error: psycopg.Error, size: int, *, apart: bool) -> bool:
        """A batch was broken off, and nothing of it stands: make it smaller, or step over the one row it was."""
        self.tally.broken_off += 1
        if not self._skips_locked and not isinstance(error, errors.QueryCanceled):
            self._skips_locked = True
            return True
        self._size = size_after_none(size)
        if size > 1:
            return True
        if isinstance(error, errors.QueryCanceled) and not self._unhurried:
            self._unhurried = True
            self.run.log.warning("row.slow", table=_name(leaf), effect="its locks are held for as long as it takes")
            return True
        self._unhurried = False
        query = self.rows.skip(leaf, self._after(leaf), apart=apart)
        async with reading(self.run.database, _READING_S) as connection:
            # Of times alone, a place is where the walk begins, so the step leads to the next row.
            row = await (await connection.execute(query, self._with_place(over=0 if apart else 1))).fetchone()
        if row is None or (self.place is not None and not apart and self.place.since == row[0]):
            return False
        self.place = Place(_name(leaf), *row)
        return True

    async def _drop(self, part: Part) -> bool:
        """Detach and drop a partition, in a few short tries. Whether nothing is left to do about it in this run."""
        name, reason = _name(part.name), ""
        for _ in range(_TRIES):
            try:
                async with self.run.batch() as connection:
                    await connection.execute(statement("maintenance/set_limits"), limits(_LOCK_S))
                    if self.rows.children and await _has_rows(connection, part):
                        return False
                    await connection.execute(drop_partition(self.rows.table, part.name))
            except _HELD_UP as error:
                reason = str(error)
            except _NOT_WHOLE as error:
                self.run.log.info("partition.kept", partition=name, reason=str(error), effect="its rows are deleted")
                return False
            else:
                self.tally.dropped.append(name)
                return True
        self.run.log.warning("partition.busy", partition=name, reason=reason, effect="the next tick tries again")
        self.tally.busy.append(name)
        return True

    async def _is_apart(self, connection: Async, leaf: Leaf) -> bool:
        if leaf not in self._apart:
            self._apart[leaf] = any(tells_apart(index, self.need) for index in await list_indexes(connection, leaf))
        return self._apart[leaf]

    def _note(self, gone: int, took: float) -> None:
        self.tally.deleted += gone
        self.tally.batches += 1
        self.tally.longest_s = max(self.tally.longest_s, took)

    def _may_go_on(self) -> bool:
        return self.run.may_go_on() and (self.pace.limit is None or self.tally.deleted < self.pace.limit)

    def _leaves(self) -> Iterator[Leaf]:
        for part in self.parts:
            if _name(part.name) not in self.tally.dropped:
                yield from part.leaves

    def _from_place(self) -> Iterator[Leaf]:
        leaves = list(self._leaves())
        names = [_name(leaf) for leaf in leaves]
        yield from leaves[names.index(self.place.part) if self.place else 0 :]

    def _after(self, leaf: Leaf) -> Place | None:
        place = self.place
        return place if place is not None and place.since is not None and place.part == _name(leaf) else None

    def _with_place(self, **more: Any) -> dict[str, Any]:
        place = self.place
        after = {} if place is None else {"after_since": place.since, "after_key": place.key}
        return {**self.values, **after, **more}


async def _has_rows(connection: Async, part: Part) -> bool:
    row = await (await connection.execute(has_rows(part.name))).fetchone()
    return row is not None and bool(row[0])


def _name(leaf: Leaf) -> str:
    return ".".join(leaf)
