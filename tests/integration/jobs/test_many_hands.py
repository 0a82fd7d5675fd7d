"""Two hundred thousand mixed jobs, and four processes, of which two are killed and started again all the time."""

import asyncio
import logging
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import cycle, pairwise
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from tests.forks import forking
from tests.integration.conftest import Rows
from tickover import (
    BatchError,
    DrainSettings,
    Job,
    Limit,
    NewJob,
    RetryJobError,
    batch,
    clock,
    drain,
    enqueue_many_sync,
    telemetry,
)
from tickover.database import Database
from tickover.jobs.handler import Handlers

JOBS, HANDS, KILLED = 200_000, 4, 2
SEED = 20261126
SETTINGS = DrainSettings(lease=timedelta(seconds=2), limits={"limited": Limit(running=3)}, max_running=4000)
EFFECT = "INSERT INTO effect (job_id) VALUES (%s)"
# Of every thousand jobs so many; the rest are quick.
MIX = {"own": 20, "thread": 20, "slow": 5, "limited": 5, "again": 20, "never": 5, "many": 100}
BEGUN, ENDED = "b", "e"


class Entry(NamedTuple):
    """A line of the log: what happened, to which attempt, and when, on the machine's one monotonic clock."""

    what: str
    job_id: int
    fence: int
    at: int


class Log:
    """What handlers write, a line in one go, so that a process that is killed loses none.

    Args:
        path: the process's own file.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    @contextmanager
    def attempt(self, *jobs: Job) -> Iterator[None]:
        """An attempt under way."""
        self._write(BEGUN, jobs)
        try:
            yield
        finally:
            self._write(ENDED, jobs)

    def _write(self, what: str, jobs: Sequence[Job]) -> None:
        now = time.monotonic_ns()
        os.write(self._file, "".join(f"{what} {job.id} {job.fence} {now}\n" for job in jobs).encode())


def handlers(log: Log) -> Handlers:
    """A kind of each sort: quick, in its own transaction, in a thread, slow, limited, failing, and many at once."""

    async def quick(job: Job) -> None:
        with log.attempt(job):
            pass

    async def own(job: Job) -> None:
        with log.attempt(job):
            async with job.transaction() as connection:
                await connection.execute(EFFECT, (job.id,))

    def thread(job: Job) -> None:
        with log.attempt(job):
            pass

    async def slow(job: Job) -> None:
        with log.attempt(job):
            await asyncio.sleep(0.01)

    async def again(job: Job) -> None:
        with log.attempt(job):
            if job.attempt == 1:
                raise RetryJobError(clock.now(), "once more")

    async def never(job: Job) -> None:
        with log.attempt(job):
            raise ValueError("never")

    @batch(max=50)
    async def many(jobs: Sequence[Job]) -> None:
        with log.attempt(*jobs):
            if failed := {
                job.id: RetryJobError(clock.now(), "odd") for job in jobs if job.attempt == 1 and job.id % 7 == 0
            }:
                raise BatchError(failed)

    return {
        "quick": quick, "own": own, "thread": thread, "slow": slow, "limited": slow, "again": again, "never": never,
        "many": many,
    }  # fmt: skip


def work(dsn: str, path: Path) -> None:
    """Drain, slice after slice, until told to stop or killed."""
    telemetry.configure_logs(json=True, level=logging.CRITICAL)  # a thousand tracebacks in colour take their time
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))

    async def slices() -> None:
        database = Database(dsn)
        await database.open()
        known = handlers(Log(path))
        while not stopped:
            await drain(database, known, budget=timedelta(seconds=1), settings=SETTINGS)
            await asyncio.sleep(0.05)
        await database.close()

    asyncio.run(slices())


class Hands:
    """The four processes."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self._dsn = dsn
        self._folder = folder
        self._started = 0
        self.processes: dict[int, tuple[ForkServerProcess, Path]] = {}
        self.deaths: dict[Path, int] = {}

    def start(self, number: int) -> None:
        """Start one, with a log of its own."""
        path = self._folder / f"{self._started}.log"
        self._started += 1
        process = forking().Process(target=work, args=(self._dsn, path), daemon=True)
        process.start()
        self.processes[number] = process, path

    async def kill(self, number: int) -> None:
        """SIGKILL, wherever it is."""
        process, path = self.processes[number]
        self.deaths[path] = time.monotonic_ns()
        process.kill()
        await asyncio.to_thread(process.join)

    async def stop(self) -> None:
        """Let them end by themselves."""
        for process, _ in self.processes.values():
            process.terminate()
        for process, _ in self.processes.values():
            await asyncio.to_thread(process.join, 30)
            assert process.exitcode == 0


@pytest.fixture
def queue_of_all_kinds(database_dsn: str) -> Counter[str]:
    """The jobs, of a hundred clients, a third of them for one; how many of each kind."""
    kinds = [kind for kind, count in MIX.items() for _ in range(count)]
    kinds += ["quick"] * (1000 - len(kinds))
    random.Random(SEED).shuffle(kinds)  # noqa: S311 - the same each time
    jobs = [
        NewJob(
            kind, n, client_id="big" if n % 3 == 0 else f"c{n % 100}", max_attempts=2 if kind == "never" else 100
        )
        for n, kind in zip(range(JOBS), cycle(kinds), strict=False)
    ]  # fmt: skip
    with psycopg.connect(database_dsn) as connection:
        connection.execute("CREATE TABLE effect (job_id bigint NOT NULL)")
        enqueue_many_sync(connection, jobs)
    return Counter(job.kind for job in jobs)


@pytest.mark.timeout(300)
async def test_i4_while_processes_are_killed_no_job_is_in_two_hands_and_none_is_lost(
    database_dsn: str, rows: Rows, tmp_path: Path, queue_of_all_kinds: Counter[str]
) -> None:
    """Every job has one outcome, its effect once, and never two attempts at a time, by what handlers wrote."""
    chance, hands = random.Random(SEED), Hands(database_dsn, tmp_path)  # noqa: S311 - the same each time

    def left() -> int:
        rows(
            "UPDATE tickover.job SET run_at = now() WHERE state = 'scheduled' AND kind = 'never'"
        )  # spares the backoff
        return int(rows("SELECT count(*) AS n FROM tickover.job WHERE state NOT IN ('succeeded', 'dead')")[0]["n"])

    for number in range(HANDS):
        hands.start(number)
    async with asyncio.timeout(240):
        while left() > 0:
            await asyncio.sleep(chance.uniform(0.2, 0.8))
            number = chance.randrange(KILLED)
            await hands.kill(number)
            hands.start(number)
    await hands.stop()

    ended = rows("SELECT kind, state, count(*) AS n FROM tickover.job GROUP BY 1, 2")
    assert {(row["kind"], row["state"]): row["n"] for row in ended} == {
        (kind, "dead" if kind == "never" else "succeeded"): count for kind, count in queue_of_all_kinds.items()
    }
    (effects,) = rows("SELECT count(*) AS n, count(DISTINCT job_id) AS jobs FROM effect")
    assert effects["n"] == effects["jobs"] == queue_of_all_kinds["own"]
    struck: Any = rows("SELECT count(*) AS n FROM tickover.job WHERE kind = 'quick' AND attempts > 1")[0]["n"]
    assert struck > 0, "kills struck jobs under way"
    attempts = read_attempts(tmp_path, hands.deaths)
    succeeded = {row["id"] for row in rows("SELECT id FROM tickover.job WHERE state = 'succeeded'")}
    assert succeeded <= set(attempts)
    assert [
        (rows("SELECT * FROM tickover.job WHERE id = %s", job), attempts[job]) for job in in_two_hands(attempts)
    ] == []


def read_attempts(folder: Path, deaths: dict[Path, int]) -> dict[int, list[tuple[int, int, int]]]:
    """Each job's attempts: begin, end, fence. One that its process did not survive ended with it at the latest."""
    attempts: dict[int, list[tuple[int, int, int]]] = {}
    for path in folder.glob("*.log"):
        begun: dict[tuple[int, int], int] = {}
        for line in path.read_text().splitlines():
            what, *numbers = line.split()
            entry = Entry(what, *map(int, numbers))
            if entry.what == BEGUN:
                begun[entry.job_id, entry.fence] = entry.at
            else:
                began = begun.pop((entry.job_id, entry.fence))
                attempts.setdefault(entry.job_id, []).append((began, entry.at, entry.fence))
        for (job_id, fence), began in begun.items():
            attempts.setdefault(job_id, []).append((began, deaths[path], fence))
    return attempts


def in_two_hands(attempts: dict[int, list[tuple[int, int, int]]]) -> list[int]:
    """The jobs of which one attempt began before the one before it had ended, or not under a higher fence."""
    struck = []
    for job_id, of_job in attempts.items():
        of_job.sort()
        for (_, ended, fence), (began, _, next_fence) in pairwise(of_job):
            if began < ended or next_fence <= fence:
                struck.append(job_id)
    return struck
