"""How long does each page of the dashboard take with a million obligations and a million jobs, and what does an open
overview cost the database?

Run `make bench`, or `python -m bench.pages` with `--jobs` and `--ticks` for fewer. Real PostgreSQL, real HTTP on
loopback. Two figures: the median of each page, whose goal is 100 ms; and the share of its time that PostgreSQL spends
for an overview that is asked for every five seconds, whose goal is 1 %, from what PostgreSQL itself counts
(`pg_stat_database`).
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import psycopg
from bench.queue_pages import fill as fill_queue
from fastapi import FastAPI

from tickover import Contract, Function, Responsibility, Route, Run, Summary, Tickover, embedded, telemetry
from tickover.testing.serving import serve

JOBS, TICKS = 1_000_000, 500_000
"""A tick owes two obligations."""

CLIENTS = 10_000
ROUNDS = 25
GOAL_MS, GOAL_SHARE = 100.0, 0.01
EVERY_S = 5.0
"""How often an open page asks again."""

TOLD_AFTER_S = 11.0
"""When an idle connection has told what it spent: before that, what came before would be counted, and the end not."""

TOKEN = "an-operators-token-of-a-benchmark"  # noqa: S105 - of no use anywhere else
_FILL, _SAMPLES = (Path(__file__).with_name(name).read_bytes() for name in ("fill_ledger.sql", "fill_samples.sql"))
_SPENT = b"SELECT active_time FROM pg_stat_database WHERE datname = current_database()"
_FLUSH = b"SELECT pg_stat_force_next_flush()"


async def nothing(_run: Run) -> Summary:
    """Nobody calls this: the pages only look."""
    return Summary()


def contract() -> Contract:
    """The functions of which the filled ledger tells."""
    drain, memory, health = (
        Responsibility(name, nothing) for name in ("queue-drain", "prune-lead-memory", "queue-health")
    )
    process = Function("process-background-jobs", "background/process.requested", (drain,))
    maintain = Function("background-maintenance", "background/maintenance.requested", (memory, health))
    owed = (drain.id, memory.id, health.id)
    return Contract((Route("background-jobs", "BACKGROUND_JOBS_USE_INNGEST", owed, (process, maintain)),))


@contextmanager
def full(jobs: int, ticks: int) -> Iterator[str]:
    """The URI of a database with so many jobs and ticks, for as long as this lasts."""
    with tempfile.TemporaryDirectory() as folder, embedded.postgres(Path(folder) / "postgres") as dsn:
        fill_queue(dsn, jobs, CLIENTS)
        with psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
            connection.execute(_FILL, {"ticks": ticks})
            connection.execute(_SAMPLES)
            connection.execute("VACUUM ANALYZE")
        yield dsn


@contextmanager
def dashboard(dsn: str) -> Iterator[httpx.Client]:
    """Somebody who is signed in at the dashboard over that database."""
    os.environ |= {
        "DATABASE_URL": dsn,
        "TICKOVER_OPERATOR_TOKEN": TOKEN,
        "INNGEST_DEV": "1",
        "CRON_SECRET": TOKEN[::-1],
    }
    app = FastAPI()
    Tickover(contract(), app_id="bench").mount(app)
    served = serve(app, "pages")
    try:
        with httpx.Client(base_url=f"{served.url}/tickover", timeout=60) as client:
            answer = client.post("/enter", data={"name": "bench", "token": TOKEN})
            if answer.status_code != httpx.codes.SEE_OTHER:
                raise SystemExit(f"nobody is let in: {answer.text}")
            yield client
    finally:
        served.stop()


def paths(dsn: str) -> list[str]:
    """Every page, and those of one tick and one job from the midst of them."""
    with psycopg.connect(dsn) as connection:
        tick = connection.execute(
            "SELECT dispatch_key FROM tickover.tick ORDER BY id DESC OFFSET 500 LIMIT 1"
        ).fetchone()
        job = connection.execute("SELECT id FROM tickover.job WHERE state = 'dead' ORDER BY id DESC LIMIT 1").fetchone()
    if tick is None or job is None:
        raise SystemExit("the database was not filled")
    one = [
        f"/ticks/{quote(tick[0])}",
        f"/jobs/{job[0]}",
        "/functions/process-background-jobs",
        "/jobs?state=dead&error=lead",
    ]
    return ["/", "/ticks", "/jobs", "/clients", "/rollout", "/notices", "/audit", "/check", *one]


def median_ms(client: httpx.Client, path: str, rounds: int) -> tuple[float, float]:
    """The median and the slowest of what a page takes, once it was asked for before."""
    took = []
    for number in range(rounds + 1):
        began = time.perf_counter()
        client.get(path).raise_for_status()
        if number:
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took), max(took)


def share(client: httpx.Client, dsn: str, rounds: int) -> float:
    """The part of its time that the database spends for an open overview."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        time.sleep(TOLD_AFTER_S)
        before = _spent(connection)
        began = time.monotonic()
        for number in range(rounds):
            client.get("/").raise_for_status()
            time.sleep(max(0.0, began + (number + 1) * EVERY_S - time.monotonic()))
        lasted = time.monotonic() - began
        time.sleep(TOLD_AFTER_S)
        return (_spent(connection) - before) / 1000 / lasted


def _spent(connection: psycopg.Connection) -> float:
    connection.execute(_FLUSH)
    row = connection.execute(_SPENT).fetchone()
    return float(row[0]) if row is not None else 0.0


def main() -> int:
    """Measure, and print; 1 where a goal is not met."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages")
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--ticks", type=int, default=TICKS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    telemetry.configure_logs(json=True, level=40)
    with full(options.jobs, options.ticks) as dsn, dashboard(dsn) as client:
        print(f"{options.jobs:,} jobs, {2 * options.ticks:,} obligations")
        print(f"{'page':40}{'median ms':>12}{'slowest ms':>12}")
        slowest = 0.0
        for path in paths(dsn):
            median, most = median_ms(client, path, options.rounds)
            slowest = max(slowest, median)
            print(f"{path[:38]:40}{median:12.1f}{most:12.1f}", flush=True)
        spent = share(client, dsn, 12)
    print(f"an open overview costs the database {spent:.2%} of its time")
    met = slowest <= GOAL_MS and spent <= GOAL_SHARE
    print(
        f"goals: each page within {GOAL_MS:.0f} ms in the median, under {GOAL_SHARE:.0%}: {'met' if met else 'not met'}"
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
