"""A small application with two functions, served in the test's own process, and what it did."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from psycopg.rows import dict_row

from tickover import Contract, Function, Responsibility, Route, Run, Summary, Tickover
from tickover.settings import Settings

SECRET = "a-secret-of-the-test-suite"


@dataclass
class Probe:
    """What the probe application's responsibilities were asked to do, and what they are to do next."""

    runs: list[Run] = field(default_factory=list)
    bodies: dict[str, Callable[[Run], Awaitable[Summary]]] = field(default_factory=dict)

    def ran(self) -> list[str]:
        """The responsibilities that ran, in order."""
        return [run.responsibility for run in self.runs]

    async def __call__(self, run: Run) -> Summary:
        """The body of every responsibility of the probe."""
        self.runs.append(run)
        if run.responsibility in self.bodies:
            return await self.bodies[run.responsibility](run)
        return Summary(looked_at=1, changed=1)


def probe_contract(probe: Probe) -> Contract:
    """One route, two functions, three responsibilities."""
    drain, prune, health = (Responsibility(name, probe) for name in ("queue-drain", "prune", "queue-health"))
    process = Function("process", "background/process.requested", (drain,), retries=2, continues=True)
    maintain = Function(
        "maintain", "background/maintenance.requested", (prune, health), retries=1, start_by=timedelta(minutes=1)
    )
    route = Route(
        "background-jobs", "BACKGROUND_JOBS_USE_INNGEST", ("queue-drain", "prune", "queue-health"), (process, maintain)
    )
    return Contract((route,))


@pytest.fixture
def probe() -> Probe:
    """The probe of this test."""
    return Probe()


@dataclass
class Site:
    """A served application: its parts, and an HTTP client that shows the cron secret."""

    tickover: Tickover
    client: httpx.AsyncClient

    async def tick(self, key: str = "t1", **options: Any) -> httpx.Response:
        """Fire one tick under an execution id."""
        return await self.client.post("/api/cron/background-jobs", headers={"idempotency-key": key}, **options)


Serve = Callable[..., Awaitable[Site]]
Rows = Callable[..., list[dict[str, Any]]]


@pytest.fixture
async def serve(database_dsn: str, probe: Probe, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serve]:
    """Serve the probe application with these environment variables."""
    async with AsyncExitStack() as stack:

        async def start(**environment: str) -> Site:
            variables = {
                "DATABASE_URL": database_dsn, "CRON_SECRET": SECRET, "INNGEST_DEV": "1",
                "TICKOVER_REDIS_TIMEOUT": "5",  # a busy machine is no dead Redis
            } | environment  # fmt: skip
            for name, value in variables.items():
                monkeypatch.setenv(name, value)
            tickover = Tickover(probe_contract(probe), app_id="probe", settings=Settings.read())
            app = FastAPI()
            tickover.mount(app)
            await tickover.open()
            stack.push_async_callback(tickover.close)
            client = httpx.AsyncClient(
                transport=httpx.ASGITransport(app),
                base_url="http://probe",
                headers={"authorization": f"Bearer {SECRET}"},
            )
            return Site(tickover, await stack.enter_async_context(client))

        yield start


@pytest.fixture
def rows(database_dsn: str) -> Callable[..., list[dict[str, Any]]]:
    """Ask the database directly."""

    def ask(query: str, *parameters: Any) -> list[dict[str, Any]]:
        with psycopg.connect(database_dsn, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(query.encode(), parameters)
            return [] if cursor.description is None else cursor.fetchall()

    return ask
