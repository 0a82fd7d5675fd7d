"""A ready-made responsibility: delete rows whose time is over, in small batches."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tickover import clock
from tickover.execution.run import Run, Summary
from tickover.maintenance.needs import Need
from tickover.maintenance.pace import MOST
from tickover.maintenance.progress import Progress, keep_progress, read_progress, to_go_on_with
from tickover.maintenance.statements import Child, Rows
from tickover.maintenance.tables import Named, Table, list_parts, parts, read_table, reading
from tickover.maintenance.walk import Pace, Walk

__all__ = ["Child", "Retention"]

_LOOKING_S = 5.0  # for the questions before a walk


@dataclass(frozen=True, slots=True)
class Retention:
    """Deletes the rows of one table that are past their time, oldest first, each batch committed by itself.

    A row without a time is never deleted, nor is one that another transaction has locked: a later run finds it. A run
    that stops at its budget is gone on with at the next tick. What hangs on a row goes with it where the foreign key
    says `ON DELETE CASCADE`, or where it is named in `cascade`. Give the table an index on `only`'s columns, `since`
    and `key`, and each foreign key that refers to it one on its column. Partitions by ranges of `since` whose time is
    over are dropped, where nothing but time decides.

    Args:
        table: its name, `schema.table`.
        since: the column of timestamps that says from when on a row's time counts.
        keep: how long a row is kept after that.
        only: rows are deleted only where each of these columns has this value.
        where: and only where this condition holds, in SQL. It is not escaped: never make it of what users write.
        cascade: tables whose rows go first, in the same batch.
        key: the column that identifies a row.
        client: the column of the client, by which a run may be narrowed; None where the table has none.
        batch_time: how long a batch should take; its size follows from it.
        share: of its time, how much of it a run's batches may take; the rest is left to others.
        batch: rows a transaction deletes, at most.
        limit: rows a run deletes, at most; None for as many as its time allows.

    Raises:
        ValueError: a limit is not above zero, `keep` is negative, or `share` is no share.
    """

    table: str
    since: str
    keep: timedelta = timedelta()
    only: Mapping[str, str] = field(default_factory=dict)
    where: str | None = None
    cascade: Sequence[Child] = ()
    key: str = "id"
    client: str | None = "client_id"
    batch_time: timedelta = timedelta(milliseconds=50)
    # No pause by default: each commit lets go of every lock. Measured beside single-row updates on two cores, a pause
    # costs as many rows a second as it takes time, and makes no update's p99 shorter: a slow update waits mostly for a
    # core, and not for a lock or for the disk (docs/benchmarks.md).
    share: float = 1.0
    batch: int = MOST
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.batch < 1 or (self.limit is not None and self.limit < 1) or self.keep < timedelta():
            raise ValueError(f"{self}: batch and limit must be at least 1, and keep not negative")
        if not 0 < self.share <= 1 or self.batch_time <= timedelta():
            raise ValueError(f"{self}: share must be above 0 and at most 1, and batch_time longer than nothing")

    def __str__(self) -> str:
        return f"retention of {self.table}"

    async def __call__(self, run: Run) -> Summary:
        """Delete until nothing is due, the limit is met, or the time is over. A dry run counts what is due.

        Raises:
            LeaseLostError: another executor has taken over; the batches before this one stand.
            TableError: a table or a column that it names is not there.
        """
        now = clock.now()
        walk, kept, of = await self._prepare(run, now)
        if run.dry:
            walk.place = None
        else:
            await walk.carry_out()
            held = to_go_on_with(kept, of, now)
            come_to = None if walk.place is None else Progress(walk.place, held.began if held else now, of)
            if come_to != kept:
                async with run.batch() as connection:
                    await keep_progress(connection, self._name(run), come_to)
        return self._summary(walk, await walk.count())

    async def _prepare(self, run: Run, now: datetime) -> tuple[Walk, Progress | None, str]:
        """The walk, at the place where it goes on; what was kept of it; and what tells it from other walks."""
        before = now - self.keep
        async with reading(run.database, _LOOKING_S) as connection:
            table, *_ = [await read_table(connection, named) for named in self.names()]
            stretches = await list_parts(connection, table, self.since, before)
            kept = await read_progress(connection, self._name(run))
        of = self._identity(table)
        held = to_go_on_with(kept, of, now)
        client = self.client if run.client_id is not None else None
        rows = Rows(self.table, self.since, self.key, self.only, self.where, client, self.cascade)
        values = {f"only_{place}": value for place, value in enumerate(self.only.values())}
        walk = Walk(
            run=run,
            rows=rows,
            need=self._need(),
            values={"before": before, "client_id": run.client_id, **values},
            parts=stretches,
            pace=Pace(self.batch_time.total_seconds(), self.share, self.batch, self.limit),
            may_drop=not self.only and self.where is None and client is None,
            place=held.place if held else None,
        )
        return walk, kept, of

    def names(self) -> Iterator[Named]:
        """The tables and columns that it is configured with."""
        columns = [self.since, self.key, *self.only, *([] if self.client is None else [self.client])]
        yield Named(str(self), self.table, columns, self.since)
        yield from (Named(str(self), child.table, [child.column]) for child in self.cascade)

    def deletes_from(self) -> Iterator[str]:
        """The tables that it deletes rows from."""
        yield self.table
        yield from (child.table for child in self.cascade)

    def needs(self) -> Iterator[Need]:
        """The indexes that it needs."""
        yield self._need()
        yield from (Need(parts(child.table), {child.column: None}) for child in self.cascade)

    def _need(self) -> Need:
        return Need(parts(self.table), dict(self.only), self.since, self.key, self.where)

    def _summary(self, walk: Walk, left: int | None) -> Summary:
        tally = walk.tally
        details: dict[str, Any] = {"batches": tally.batches, "longest_batch_ms": round(1000 * tally.longest_s, 1)}
        if tally.broken_off:
            details["broken_off"] = tally.broken_off
        if left is None:
            details["counted"] = False
            left = int(walk.place is not None)
        if any(part.is_past for part in walk.parts):
            details |= {"partitions_dropped": tally.dropped, "partitions_busy": tally.busy}
        return Summary(looked_at=tally.deleted + left, changed=tally.deleted, left=left, details=details)

    def _name(self, run: Run) -> str:
        return f"{run.responsibility} of {run.client_id or 'all'}: {self.table}"

    def _identity(self, table: Table) -> str:
        """What is walked, and how: a place kept under other conditions, or other types of columns, says nothing."""
        types = [table.columns[column].type for column in (self.since, self.key)]
        return json.dumps([self.table, self.since, self.key, *types, sorted(self.only.items()), self.where])
