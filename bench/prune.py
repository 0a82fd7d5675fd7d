"""Pruning a deep table: rows a second against one big DELETE, and what the application's own traffic feels of each.

Run `make bench`, or `python -m bench.prune` with `--rows` for fewer. Real PostgreSQL with its shipped durability, on
disk. Half of the rows are expired, and one artifact hangs on each. The big DELETE and the retention work on identical
copies of the database, in turn; beside each, another process updates one row at a time, first undisturbed. With
`--picture`, the updates beside the retention are drawn into `docs/img/prune.svg`.
"""

import argparse
import asyncio
import os
import platform
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import structlog
from bench.environments import ROOT
from bench.one_row import Traffic, traffic
from bench.tick import p99
from bench.timeline import Batch, Shares, Timeline, Update, draw

from tickover import Run, embedded
from tickover.database import Async, Database
from tickover.execution.budget import Budget
from tickover.execution.run import Lease
from tickover.ledger.states import Path as Way
from tickover.ledger.store import Ledger, NewTick
from tickover.maintenance.retention import Retention
from tickover.migrations import migrate

ROWS = 2_000_000
UNDISTURBED_S = 3.0
ROUNDS = 2  # of each, in turn, so that what else the machine does falls on both
KEEP = timedelta(days=30)
PICTURE = ROOT / "docs" / "img" / "prune.svg"
GOAL_RATE, GOAL_P99, GOAL_LOCK_MS = 0.7, 2.0, 100.0

_FILL = Path(__file__).with_name("fill_expired.sql").read_bytes()
_BIG = b"DELETE FROM bench.run WHERE created_at < now() - %s::interval"
RETENTION = Retention("bench.run", since="created_at", keep=KEEP)


def fill(dsn: str, rows: int) -> None:
    """Make the database that is copied."""
    migrate(dsn)
    with psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(_FILL, {"rows": rows})
        connection.execute("VACUUM ANALYZE")


@asynccontextmanager
async def copy(server: str, name: str) -> AsyncIterator[str]:
    """A copy of the filled database, and nothing left to be written of it."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE filled STRATEGY file_copy".encode())
        connection.execute("CHECKPOINT")
        yield server.replace("/postgres?", f"/{name}?")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@dataclass(frozen=True)
class TimedRun(Run):
    """A run that notes when each batch began and ended.

    Args:
        batches: what was noted.
    """

    batches: list[Batch] = field(default_factory=list)

    @asynccontextmanager
    async def batch(self) -> AsyncIterator[Async]:
        """As a run's own."""
        began = time.monotonic()
        try:
            async with super().batch() as connection:
                yield connection
        finally:
            self.batches.append(Batch(began, time.monotonic()))


@dataclass(frozen=True)
class Deleted:
    """What one way to delete did, once.

    Args:
        rows: how many went.
        began: when, in seconds of the monotonic clock.
        seconds: it took.
        batches: if there were any.
        details: what the retention says of itself.
    """

    rows: int
    began: float
    seconds: float
    batches: Sequence[Batch] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


async def make_run(database: Database, seconds: float) -> TimedRun:
    """An obligation of a new tick, claimed as the executor claims it."""
    minute, ledger = timedelta(minutes=1), Ledger(database, lease_s=600)
    owed = {"maintain": minute}
    await ledger.record(NewTick("bench", "background-jobs", None, "bench", "inline", "bench", "bench", owed))
    claim = await ledger.claim("bench", "maintain", Way.INLINE, minute)
    if claim is None:
        raise SystemExit("the obligation could not be claimed")
    return TimedRun(
        function="maintain",
        responsibility="prune",
        dispatch_key="bench",
        client_id=None,
        path=Way.INLINE,
        attempt=1,
        dry=False,
        budget=Budget.of(seconds),
        database=database,
        lease=Lease(claim.id, claim.fence),
        log=structlog.stdlib.get_logger("bench"),
    )


async def delete_at_once(dsn: str) -> Deleted:
    """One DELETE for all rows."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        began = time.monotonic()
        count = (await connection.execute(_BIG, (KEEP,))).rowcount
        return Deleted(count, began, time.monotonic() - began)


async def prune(dsn: str, retention: Retention) -> Deleted:
    """One run of the retention."""
    database = Database(dsn)
    await database.open()
    try:
        run = await make_run(database, 600)
        began = time.monotonic()
        summary = await retention(run)
        return Deleted(summary.changed, began, time.monotonic() - began, run.batches, summary.details)
    finally:
        await database.close()


async def undisturbed(other: Traffic) -> list[Update]:
    """The other process's updates, with nothing else going on."""
    await asyncio.to_thread(other.take)
    await asyncio.sleep(UNDISTURBED_S)
    return await asyncio.to_thread(other.take)


@dataclass
class Seen:
    """What was seen of one way to delete, over its rounds."""

    rows: int = 0
    seconds: float = 0.0
    updates: list[Update] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    details: dict[str, float] = field(
        default_factory=lambda: {"batches": 0.0, "broken_off": 0.0, "longest_batch_ms": 0}
    )

    def note(self, deleted: Deleted, updates: Sequence[Update]) -> None:
        """Add a round, with those of the updates that began while it deleted."""
        ended = deleted.began + deleted.seconds
        self.rows, self.seconds = self.rows + deleted.rows, self.seconds + deleted.seconds
        self.updates += [update for update in updates if deleted.began <= update.began <= ended]
        self.batches += deleted.batches
        self.details = _joined(self.details, deleted.details)

    def figures(self, name: str) -> dict[str, float]:
        """As numbers by name."""
        took = [update.took_ms for update in self.updates]
        if not took:
            raise SystemExit("no update began while rows were deleted: measure with more rows")
        return {
            f"{name}_rows_per_s": self.rows / self.seconds,
            f"{name}_median_ms": statistics.median(took),
            f"{name}_p99_ms": p99(took),
            f"{name}_longest_ms": max(took),
        }


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Args:
        figures: by name.
        timeline: the updates and the batches of all rounds of the retention.
    """

    figures: dict[str, float]
    timeline: Timeline


async def measure(rows: int = ROWS, retention: Retention = RETENTION, rounds: int = ROUNDS) -> Measured:
    """Measure everything.

    Args:
        rows: of the table; half of them are expired.
        retention: what prunes it.
        rounds: how often each way is measured, on a fresh copy each time.
    """
    ids = (rows - min(rows // 4, 10_000), rows)
    alone: list[float] = []
    big, pruned = Seen(), Seen()
    with tempfile.TemporaryDirectory() as folder, embedded.postgres(Path(folder) / "postgres") as server:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("CREATE DATABASE filled")
            version = connection.info.server_version // 10000
        await asyncio.to_thread(fill, server.replace("/postgres?", "/filled?"), rows)
        for turn in [big, pruned, pruned, big] * (rounds // 2) or [big, pruned]:
            async with copy(server, "copied") as dsn:
                with traffic(dsn, ids) as other:
                    alone += [update.took_ms for update in await undisturbed(other)]
                    deleted = await (delete_at_once(dsn) if turn is big else prune(dsn, retention))
                    turn.note(deleted, await asyncio.to_thread(other.take))
    if big.rows != pruned.rows:
        raise SystemExit(f"the retention deleted {pruned.rows} rows; there were {big.rows}")
    figures = {"rows": rows, "server": version, "alone_p99_ms": p99(alone), "alone_median_ms": statistics.median(alone)}
    figures |= big.figures("delete") | pruned.figures("retention") | pruned.details
    figures["rate_ratio"] = figures["retention_rows_per_s"] / figures["delete_rows_per_s"]
    figures["p99_ratio"] = figures["retention_p99_ms"] / figures["alone_p99_ms"]
    figures["delete_p99_ratio"] = figures["delete_p99_ms"] / figures["alone_p99_ms"]
    return Measured(figures, Timeline(pruned.updates, pruned.batches, GOAL_P99 * figures["alone_p99_ms"]))


def _joined(before: Mapping[str, float], details: Mapping[str, Any]) -> dict[str, float]:
    """Batches of all rounds, and the longest of them."""
    return {
        "batches": before["batches"] + details.get("batches", 0),
        "broken_off": before["broken_off"] + details.get("broken_off", 0),
        "longest_batch_ms": max(before["longest_batch_ms"], details.get("longest_batch_ms", 0)),
    }


def report(figures: dict[str, float]) -> None:
    """Print the table."""
    machine = f"Python {platform.python_version()}, PostgreSQL {figures['server']:.0f}, {os.cpu_count()} cores"
    print(f"{figures['rows']:,.0f} rows, half expired, {machine}")
    print(f"{'':14}{'rows/s':>10}{'update median ms':>18}{'p99 ms':>10}{'longest ms':>12}")
    print(f"{'undisturbed':14}{'':10}{figures['alone_median_ms']:18.2f}{figures['alone_p99_ms']:10.2f}")
    for name in ("delete", "retention"):
        rate, median, last, longest = (
            figures[f"{name}_{figure}"] for figure in ("rows_per_s", "median_ms", "p99_ms", "longest_ms")
        )
        print(f"{name:14}{rate:10,.0f}{median:18.2f}{last:10.2f}{longest:12.1f}")
    longest = figures["longest_batch_ms"]
    batches, broken_off = figures["batches"], figures["broken_off"]
    print(f"{batches:.0f} batches, {broken_off:.0f} broken off; the longest held its locks for {longest:.0f} ms")
    rate, last = figures["rate_ratio"], figures["p99_ratio"]
    met = rate >= GOAL_RATE and last <= GOAL_P99 and longest <= GOAL_LOCK_MS
    print(
        f"rows/s of the big DELETE: {rate:.2f} (goal {GOAL_RATE}); p99 over undisturbed: {last:.2f} (goal {GOAL_P99})"
    )
    print(f"goals: {'met' if met else 'not met'}")


def main() -> None:
    """Measure, print, and draw if asked to."""
    parser = argparse.ArgumentParser(prog="python -m bench.prune")
    parser.add_argument("--rows", type=int, default=ROWS, help="of the table; half of them are expired")
    parser.add_argument("--picture", action="store_true", help=f"draw {PICTURE.relative_to(ROOT)}")
    options = parser.parse_args()
    measured = asyncio.run(measure(options.rows))
    report(measured.figures)
    print("\n".join(Shares.of(measured.timeline).lines()))
    if options.picture:
        PICTURE.parent.mkdir(exist_ok=True)
        title = f"Single-row updates beside a retention that prunes {options.rows // 2:,} of {options.rows:,} rows"
        PICTURE.write_text(draw(title, measured.timeline))


if __name__ == "__main__":
    main()
