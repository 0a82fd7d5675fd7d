"""Pruning a deep table: rows a second against one big DELETE, and what the application's own traffic feels of each.

Run `make bench`, or `python -m bench.prune` with `--rows` for fewer. Real PostgreSQL with its shipped durability, on
disk. Half of the rows are expired, and one artifact hangs on each. The big DELETE and the retention work on identical
copies of the database, in turn; beside each, another process updates one row at a time, first undisturbed.
"""

import argparse
import asyncio
import os
import platform
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import structlog
from bench.one_row import Traffic, traffic
from bench.tick import p99

from tickover import Run, Summary, embedded
from tickover.database import Database
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


async def make_run(database: Database, seconds: float) -> Run:
    """An obligation of a new tick, claimed as the executor claims it."""
    minute, ledger = timedelta(minutes=1), Ledger(database, lease_s=600)
    owed = {"maintain": minute}
    await ledger.record(NewTick("bench", "background-jobs", None, "bench", "inline", "bench", "bench", owed))
    claim = await ledger.claim("bench", "maintain", Way.INLINE, minute)
    if claim is None:
        raise SystemExit("the obligation could not be claimed")
    return Run(
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


async def delete_at_once(dsn: str) -> tuple[int, float]:
    """Rows, and the seconds one DELETE took for all of them."""
    began = time.perf_counter()
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        count = (await connection.execute(_BIG, (KEEP,))).rowcount
    return count, time.perf_counter() - began


async def prune(dsn: str, retention: Retention) -> tuple[Summary, float]:
    """What the retention did, and the seconds it took."""
    database = Database(dsn)
    await database.open()
    try:
        run = await make_run(database, 600)
        began = time.perf_counter()
        summary = await retention(run)
        return summary, time.perf_counter() - began
    finally:
        await database.close()


async def undisturbed(other: Traffic) -> list[float]:
    """Milliseconds of the other process's updates, with nothing else going on."""
    await asyncio.to_thread(other.take)
    await asyncio.sleep(UNDISTURBED_S)
    return await asyncio.to_thread(other.take)


@dataclass
class Seen:
    """What was seen of one way to delete, over its rounds."""

    rows: int = 0
    seconds: float = 0.0
    updates: list[float] = field(default_factory=list)

    def figures(self, name: str) -> dict[str, float]:
        """As numbers by name."""
        return {
            f"{name}_rows_per_s": self.rows / self.seconds,
            f"{name}_median_ms": statistics.median(self.updates),
            f"{name}_p99_ms": p99(self.updates),
            f"{name}_longest_ms": max(self.updates),
        }


async def measure(rows: int = ROWS, retention: Retention = RETENTION, rounds: int = ROUNDS) -> dict[str, float]:
    """Measure everything.

    Args:
        rows: of the table; half of them are expired.
        retention: what prunes it.
        rounds: how often each way is measured, on a fresh copy each time.
    """
    ids = (rows - min(rows // 4, 10_000), rows)
    alone: list[float] = []
    big, pruned, details = Seen(), Seen(), {"batches": 0.0, "broken_off": 0.0, "longest_batch_ms": 0.0}
    with tempfile.TemporaryDirectory() as folder, embedded.postgres(Path(folder) / "postgres") as server:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("CREATE DATABASE filled")
            version = connection.info.server_version // 10000
        await asyncio.to_thread(fill, server.replace("/postgres?", "/filled?"), rows)
        for turn in [big, pruned, pruned, big] * (rounds // 2) or [big, pruned]:
            async with copy(server, "copied") as dsn:
                with traffic(dsn, ids) as other:
                    alone += await undisturbed(other)
                    if turn is big:
                        count, seconds = await delete_at_once(dsn)
                    else:
                        summary, seconds = await prune(dsn, retention)
                        count = summary.changed
                        details = _joined(details, summary.details)
                    turn.updates += await asyncio.to_thread(other.take)
                    turn.rows, turn.seconds = turn.rows + count, turn.seconds + seconds
    if big.rows != pruned.rows:
        raise SystemExit(f"the retention deleted {pruned.rows} rows; there were {big.rows}")
    figures = {"rows": rows, "server": version, "alone_p99_ms": p99(alone), "alone_median_ms": statistics.median(alone)}
    figures |= big.figures("delete") | pruned.figures("retention") | details
    figures["rate_ratio"] = figures["retention_rows_per_s"] / figures["delete_rows_per_s"]
    figures["p99_ratio"] = figures["retention_p99_ms"] / figures["alone_p99_ms"]
    figures["delete_p99_ratio"] = figures["delete_p99_ms"] / figures["alone_p99_ms"]
    return figures


def _joined(before: dict[str, float], details: dict[str, Any]) -> dict[str, float]:
    """Batches of all rounds, and the longest of them."""
    return {
        "batches": before["batches"] + details["batches"],
        "broken_off": before["broken_off"] + details.get("broken_off", 0),
        "longest_batch_ms": max(before["longest_batch_ms"], details["longest_batch_ms"]),
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=ROWS)
    report(asyncio.run(measure(parser.parse_args().rows)))
