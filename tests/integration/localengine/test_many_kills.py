"""The engine is killed two hundred times, at random, under two thousand runs: each ends as it must."""

import asyncio
import functools
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.context import ForkServerProcess
from typing import Any

import httpx
import inngest
import inngest.fast_api
import pytest
from fastapi import FastAPI

from tests.forks import forking
from tests.integration.localengine.conftest import serving
from tests.ports import free_port
from tests.sdk import make_client
from tests.waiting import eventually
from tickover import clock
from tickover.localengine.options import EngineOptions
from tickover.localengine.server import run

KILLS, RUNS, BATCH = 200, 2_000, 50
SEED = 20261123
STEPS = {"first", "nap", "left", "right", "last"}


@dataclass
class Work:
    """What the steps of the application did, and when."""

    done: list[tuple[str, str, datetime]] = field(default_factory=list)

    async def __call__(self, run_id: str, step: str) -> str:
        """The body of every step."""
        self.done.append((run_id, step, clock.now()))
        return step


def application(work: Work, engine: str) -> FastAPI:
    """One function with a step, a sleep, a parallel group and another step."""
    logging.getLogger("inngest").setLevel(logging.CRITICAL)  # a killed engine refuses many a sync
    sdk = make_client("mixed", engine, "any")

    @sdk.create_function(fn_id="mixed", retries=3, trigger=inngest.TriggerEvent(event="mixed/go"))
    async def mixed(context: inngest.Context) -> Any:
        def step(name: str) -> Any:
            return functools.partial(context.step.run, name, functools.partial(work, context.run_id, name))

        first = await step("first")()
        await context.step.sleep("nap", timedelta(milliseconds=50))
        left, right = await context.group.parallel((step("left"), step("right")))
        return [first, left, right, await step("last")()]

    app = FastAPI()
    inngest.fast_api.serve(app, sdk, [mixed])
    return app


@dataclass
class Engines:
    """One engine process after the other."""

    options: EngineOptions
    client: httpx.AsyncClient
    process: ForkServerProcess | None = None

    async def start(self) -> None:
        """Start one, and wait until it answers."""
        self.process = forking().Process(target=run, args=(self.options,), daemon=True)
        self.process.start()
        await eventually(self.answers, within=30)

    async def answers(self) -> bool:
        """Whether it is there, and knows the function."""
        try:
            return bool((await self.client.get("/health")).json().get("functions"))
        except (httpx.HTTPError, ValueError):
            return False

    async def kill(self) -> None:
        """Kill it without warning."""
        if self.process is not None:
            self.process.kill()
            await asyncio.to_thread(self.process.join)


@asynccontextmanager
async def engines(options: EngineOptions) -> AsyncIterator[Engines]:
    """Engines on one port; the last one is killed in the end."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{options.port}", timeout=30) as client:
        running = Engines(options, client)
        try:
            yield running
        finally:
            await running.kill()


async def send(client: httpx.AsyncClient, first: int) -> None:
    """Send a batch of events until it is accepted; by their ids none starts a second run."""
    events = [{"name": "mixed/go", "id": f"e-{n}", "data": {}} for n in range(first, first + BATCH)]

    async def accepted() -> bool:
        try:
            return (await client.post("/e/any", json=events)).is_success
        except httpx.HTTPError:
            return False

    await eventually(accepted, within=120)


@pytest.mark.timeout(600)
async def test_after_200_kills_every_run_has_ended_as_it_must(database_dsn: str, rows: Any) -> None:
    """2,000 runs with steps, sleeps and parallel groups; no step is called again whose answer was recorded."""
    work, port, dice = Work(), free_port(), random.Random(SEED)  # noqa: S311 - a seed, so that a failure can be played again
    async with serving(application(work, f"http://127.0.0.1:{port}")) as app:
        options = EngineOptions(
            database_dsn, port=port, app_urls=(f"{app}/api/inngest",), retry_interval=0.2, lease=2.0
        )
        async with engines(options) as running:
            await running.start()
            sends: list[asyncio.Task[None]] = []
            for kill in range(KILLS):
                if kill % (KILLS * BATCH // RUNS) == 0:
                    sends.append(asyncio.create_task(send(running.client, len(sends) * BATCH)))
                await asyncio.sleep(dice.uniform(0.0, 0.3))  # the random moment itself
                await running.kill()
                await running.start()
            await asyncio.gather(*sends)

            async def idle() -> bool:
                return bool((await running.client.get("/health")).json()["queued"] == 0)

            await eventually(idle, within=240)
    ended = rows("SELECT state, output, count(*) AS runs FROM tickover_engine.run GROUP BY state, output")
    assert ended == [{"state": "completed", "output": ["first", "left", "right", "last"], "runs": RUNS}]
    assert rows("SELECT count(DISTINCT internal_id) AS events FROM tickover_engine.run") == [{"events": RUNS}]
    recorded = {
        (row["run_id"], row["name"]): row["ended_at"]
        for row in rows(
            "SELECT c.run_id, c.name, c.ended_at FROM tickover_engine.call c WHERE outcome IN ('step', 'slept')"
        )
    }
    assert Counter(step for _, step in recorded) == dict.fromkeys(STEPS, RUNS)
    assert len(work.done) > RUNS * len(STEPS - {"nap"})  # some answers were lost, or no kill struck
    assert [done for done in work.done if done[2] > recorded[done[0], done[1]]] == []
    assert rows("SELECT max(n) AS most FROM (SELECT count(*) n FROM tickover_engine.step GROUP BY run_id) s") == [
        {"most": len(STEPS)}
    ]
