"""Two replicas drain 20,000 jobs, and one or the other is killed fifty times, at random."""

import asyncio
import os
import random
from contextlib import suppress
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from typing import Any

import httpx
import psycopg
import pytest
import uvicorn
from fastapi import FastAPI

from tests.forks import forking
from tests.integration.conftest import SECRET, Rows
from tests.ports import free_port
from tests.waiting import eventually
from tickover import (
    Contract,
    DrainSettings,
    Function,
    Job,
    NewJob,
    Responsibility,
    Route,
    Tickover,
    enqueue_many_sync,
    queue_drain,
)

JOBS, KILLS, ROUTES, REPLICAS = 20_000, 50, 4, 2
SEED = 20261124
LEASE = timedelta(seconds=2)
EFFECT = "INSERT INTO effect (job_id, fence) VALUES (%s, %s)"


async def inside(job: Job) -> None:
    """The effect is written in the job's own transaction."""
    async with job.transaction() as connection:
        await connection.execute(EFFECT, (job.id, job.fence))


async def outside(job: Job) -> None:
    """The effect is written in another."""
    async with job.database.transaction() as connection:
        await connection.execute(EFFECT, (job.id, job.fence))


def contract() -> Contract:
    """Several routes over one queue: a function is carried out once at a time, and that of a dead replica waits."""
    handlers = {"inside": inside, "outside": outside}
    drains = [
        Responsibility(f"drain-{n}", queue_drain(handlers, DrainSettings(batch=50, lease=LEASE))) for n in range(ROUTES)
    ]
    return Contract(
        tuple(
            Route(f"r-{n}", f"R{n}_USE_INNGEST", (drain.id,), (Function(f"f-{n}", f"drain/{n}.requested", (drain,)),))
            for n, drain in enumerate(drains)
        )
    )


def serve(dsn: str, port: int) -> None:
    """A replica, in a process of its own."""
    os.environ.update(
        DATABASE_URL=dsn, CRON_SECRET=SECRET, INNGEST_DEV="1", TICKOVER_LEASE="3", TICKOVER_INLINE_BUDGET="1"
    )
    app = FastAPI()
    Tickover(contract(), app_id="killed").mount(app)
    uvicorn.run(app, port=port, log_level="critical", access_log=False)


class Replicas:
    """Two processes, each of which may be killed and is started again at once."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.ports = [free_port() for _ in range(REPLICAS)]
        self.processes: list[ForkServerProcess | None] = [None] * REPLICAS

    def start(self, number: int) -> None:
        """Start one."""
        process = forking().Process(target=serve, args=(self.dsn, self.ports[number]), daemon=True)
        process.start()
        self.processes[number] = process

    async def kill(self, number: int) -> None:
        """SIGKILL, wherever it is."""
        process = self.processes[number]
        if process is not None:
            process.kill()
            await asyncio.to_thread(process.join)


async def cron(replicas: Replicas, route: int, client: httpx.AsyncClient, stop: asyncio.Event) -> None:
    """Fire a route's ticks, at one replica after the other, as fast as they are answered."""
    number = 0
    while not stop.is_set():
        number += 1
        port = replicas.ports[(number + route) % REPLICAS]
        headers = {"authorization": f"Bearer {SECRET}", "idempotency-key": f"{route}-{number}"}
        with suppress(httpx.HTTPError):
            await client.post(f"http://127.0.0.1:{port}/api/cron/r-{route}", headers=headers)
        await asyncio.sleep(0.02)


@pytest.fixture
def queue(database_dsn: str) -> None:
    """20,000 jobs, every tenth of which writes outside of its own transaction."""
    with psycopg.connect(database_dsn) as connection:
        connection.execute("CREATE TABLE effect (job_id bigint NOT NULL, fence bigint NOT NULL)")
        kinds = ["outside" if n % 10 == 0 else "inside" for n in range(JOBS)]
        enqueue_many_sync(connection, [NewJob(kind, {}, max_attempts=50) for kind in kinds])


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("queue")
async def test_i4_after_fifty_kills_every_job_has_one_outcome_and_its_effect_once(
    database_dsn: str, rows: Rows
) -> None:
    """20,000 outcomes, none by a fenced executor; what was written in a job's transaction happened exactly once."""
    chance, stop, replicas = random.Random(SEED), asyncio.Event(), Replicas(database_dsn)  # noqa: S311 - the same each time
    for number in range(REPLICAS):
        replicas.start(number)

    def left() -> int:
        return int(rows("SELECT count(*) AS n FROM tickover.job WHERE state <> 'succeeded'")[0]["n"])

    async def begun() -> bool:
        return left() < JOBS

    async def over() -> bool:
        return left() == 0

    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
        crons = [asyncio.create_task(cron(replicas, route, client, stop)) for route in range(ROUTES)]
        await eventually(begun, within=60)
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.1, 0.5))  # the random moment itself
            number = chance.randrange(REPLICAS)
            await replicas.kill(number)
            replicas.start(number)
        was_left = left()
        await eventually(over, within=150)
        stop.set()
        await asyncio.gather(*crons)
    for number in range(REPLICAS):
        await replicas.kill(number)

    assert rows("SELECT state, count(*) AS n FROM tickover.job GROUP BY 1") == [{"state": "succeeded", "n": JOBS}]
    assert was_left > 0, "the last kill struck a drain that was under way"
    effects = rows(EFFECTS)
    assert [(row["kind"], row["jobs"]) for row in effects] == [("inside", JOBS * 9 // 10), ("outside", JOBS // 10)]
    within, beside = effects
    assert (within["effects"], within["under_another_fence"]) == (within["jobs"], 0)
    assert beside["effects"] >= beside["jobs"]
    struck: Any = rows("SELECT count(*) AS n FROM tickover.job WHERE attempts > 1")[0]["n"]
    assert struck > 0, "kills struck jobs under way"


EFFECTS = """
  SELECT j.kind, count(DISTINCT j.id) AS jobs, count(e.job_id) AS effects,
    count(*) FILTER (WHERE e.fence <> j.fence) AS under_another_fence
  FROM tickover.job j JOIN effect e ON e.job_id = j.id GROUP BY j.kind ORDER BY j.kind
"""
