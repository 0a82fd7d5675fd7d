"""What the watchdog, the circuit and the findings ask of a ledger with a million obligations, and how long that takes.

Run `make bench`. Real PostgreSQL on loopback, no other load. Each question is asked as a tick asks it: over the pool,
without a prepared statement, so that planning counts.
"""

import asyncio
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import psycopg
from bench.tick import ROUTE, p99

from tickover import embedded
from tickover.database import Database
from tickover.ledger.circuits import Circuits
from tickover.ledger.evidence import Evidence
from tickover.ledger.store import Ledger
from tickover.migrations import migrate
from tickover.ticks.findings import IDLE_RUNS, TICKS_LOOKED_AT

TICKS = int(os.environ.get("BENCH_TICKS", "500000"))  # with two obligations each
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "300"))
LATE = 20  # obligations that are late, of each function
GOAL_MS = 5.0

_FILL = Path(__file__).with_name("fill_ledger.sql").read_bytes()
_MAKE_LATE = b"""
  UPDATE tickover.obligation SET state = 'accepted', path = NULL, started_at = NULL, finished_at = NULL
  WHERE id > (SELECT max(id) FROM tickover.obligation) - %(late)s
"""

Question = Callable[[], Awaitable[object]]


def fill(dsn: str) -> None:
    """A million obligations, of which a few are late."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_FILL, {"ticks": TICKS})
        connection.execute(_MAKE_LATE, {"late": 2 * LATE})
        connection.execute(b"VACUUM ANALYZE")


def questions(database: Database) -> dict[str, Question]:
    """What is asked, by name."""
    ledger, circuits, evidence = Ledger(database, lease_s=30), Circuits(database), Evidence(database)
    functions = [function.id for function in ROUTE.functions]
    responsibilities = ["queue-drain", "prune-lead-memory", "queue-health"]
    return {
        "what is overdue": lambda: ledger.overdue(functions),
        "the circuit": lambda: circuits.read(ROUTE.id, 3),
        "findings: ticks": lambda: evidence.ticks(ROUTE.id, TICKS_LOOKED_AT),
        "findings: runs": lambda: evidence.runs(responsibilities, IDLE_RUNS),
        "findings: fenced off": lambda: evidence.fenced_off(functions, timedelta(hours=1)),
        "forget (none is old)": lambda: ledger.forget(timedelta(days=3650)),
    }


async def measure(ask: Question) -> list[float]:
    """Milliseconds of each round."""
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        await ask()
        times.append((time.perf_counter() - begin) * 1000)
    return times


async def main() -> None:
    """Fill, measure, report."""
    with (
        tempfile.TemporaryDirectory(prefix="tickover-bench-") as folder,
        embedded.postgres(Path(folder) / "data") as dsn,
    ):
        migrate(dsn)
        database = Database(dsn)
        await database.open()
        asked = questions(database)
        empty = {name: await measure(ask) for name, ask in asked.items()}
        await asyncio.to_thread(fill, dsn)
        full = {name: await measure(ask) for name, ask in asked.items()}
        await database.close()
    print(f"{2 * TICKS:,} obligations, {ROUNDS} rounds, Python {platform.python_version()}, {os.cpu_count()} cores")
    print(f"{'':28}{'empty, median ms':>18}{'full, median ms':>18}{'full, p99 ms':>16}")
    for name, values in full.items():
        print(f"{name:28}{statistics.median(empty[name]):18.2f}{statistics.median(values):18.2f}{p99(values):16.2f}")
    slowest = max(statistics.median(values) for values in full.values())
    print(f"goal: a few milliseconds each ({GOAL_MS:g}): {'met' if slowest <= GOAL_MS else 'not met'}")


if __name__ == "__main__":
    asyncio.run(main())
