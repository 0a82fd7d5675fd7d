"""Deployments that are right, or wrong in one way: an application, an engine, PostgreSQL and Valkey, over HTTP."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis
from starlette.types import ASGIApp

from tests.integration.conftest import Probe, probe_contract
from tests.integration.localengine.conftest import serving
from tests.ports import free_port
from tests.waiting import eventually
from tickover import Contract, Tickover
from tickover.localengine.options import EngineOptions
from tickover.localengine.server import create_engine_app
from tickover.settings import Settings
from tickover.verify.proof.answers import Wanted
from tickover.verify.proof.lines import Line
from tickover.verify.proof.prove import Plan, prove
from tickover.verify.proof.target import Access

CRON_SECRET = "cron-4f1d0c8a7be92365"
EVENT_KEY = "event-93ab51c07d2e48f6"
SIGNING_KEY = "signkey-prod-" + "5eed" * 16
PREVIEW_KEY = "signkey-test-" + "beef" * 16
OTHER_KEY = "signkey-prod-" + "d00d" * 16
FUNCTIONS = ("process", "maintain")
Wrap = Callable[[ASGIApp], ASGIApp]


@dataclass
class Deployment:
    """A served application and its engine.

    Args:
        url: where it is served.
        engine_url: where its engine listens.
        signing_key: the engine's.
        said: what `prove` said it was doing.
    """

    url: str
    engine_url: str
    signing_key: str
    said: list[str] = field(default_factory=list)

    async def prove(self, **options: Any) -> list[Line]:
        """Verify it with everything an operator may have."""
        expect, functions = options.pop("expect", None), options.pop("functions", FUNCTIONS)
        access = options.pop("access", Access(CRON_SECRET, self.signing_key))
        has = {"has_secret": access.cron_secret is not None, "has_signing_key": access.signing_key is not None}
        wanted = Wanted(self.url, expect, functions, EVENT_KEY, inline=options.pop("inline", False), **has)
        return await prove(Plan(wanted, access, **{"timeout": 2.0} | options), self.said.append)


@dataclass(frozen=True)
class Order:
    """What a deployment is made of: everything that can be wrong with one."""

    environment: dict[str, str] = field(default_factory=dict)
    contract: Callable[[Contract], Contract] = lambda contract: contract
    in_front: Wrap = lambda app: app
    engine_key: str = SIGNING_KEY
    known: int = len(FUNCTIONS)  # functions that the engine is to know; with none it does not sync the application


Deploy = Callable[..., Awaitable[Deployment]]


@pytest.fixture
async def redis_url(valkey_url: str) -> AsyncIterator[str]:
    """A Redis of its own, which production may seal: another database of the same server, emptied afterwards."""
    url = valkey_url.removesuffix("/0") + "/7"
    yield url
    async with Redis.from_url(url) as redis:
        await redis.flushdb()


@pytest.fixture
async def deploy(
    database_dsn: str, redis_url: str, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Deploy]:
    """Serve an application and an engine as an order says; production, right in every way, where it says nothing."""
    async with AsyncExitStack() as stack:

        async def start(order: Order | None = None) -> Deployment:
            order = order or Order()
            port, engine_port = free_port(), free_port()
            url, engine_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{engine_port}"
            variables = {
                "TICKOVER_ENV": "production", "DATABASE_URL": database_dsn, "REDIS_URL": redis_url,
                "CRON_SECRET": CRON_SECRET, "BACKGROUND_JOBS_USE_INNGEST": "true", "INNGEST_BASE_URL": engine_url,
                "INNGEST_EVENT_KEY": EVENT_KEY, "INNGEST_SIGNING_KEY": SIGNING_KEY, "INNGEST_SERVE_ORIGIN": url,
                "TICKOVER_HOST_LIMIT": "300", "TICKOVER_REDIS_TIMEOUT": "5",
            } | order.environment  # fmt: skip
            for name, value in variables.items():
                monkeypatch.setenv(name, value)
            contract = order.contract(probe_contract(probe))
            app = FastAPI()
            Tickover(contract, app_id="probe", settings=Settings.read()).mount(app)
            app_urls = [f"{url}/api/inngest"] if order.known else []
            options = EngineOptions(
                database_dsn, port=engine_port, event_keys=(EVENT_KEY,), signing_key=order.engine_key,
                app_urls=tuple(app_urls), retry_interval=0.2, poll_interval=0.2,
            )  # fmt: skip
            await stack.enter_async_context(serving(Lifespan(app, order.in_front(app)), port))
            await stack.enter_async_context(serving(create_engine_app(options), engine_port))
            if order.known:
                await synced(engine_url, order.known)
            return Deployment(url, engine_url, order.engine_key)

        yield start


class Lifespan:
    """Starts and stops an application that something else stands in front of."""

    def __init__(self, app: ASGIApp, front: ASGIApp) -> None:
        self._app = app
        self._front = front

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """To the application itself when it starts and stops; to what stands in front for everything else."""
        await (self._front if scope["type"] == "http" else self._app)(scope, receive, send)


async def synced(engine_url: str, count: int) -> None:
    """Wait until the engine knows so many functions."""
    async with httpx.AsyncClient(timeout=30) as client:

        async def known() -> bool:
            return bool((await client.get(f"{engine_url}/health")).json()["functions"] == count)

        await eventually(known)


def verdicts(lines: Sequence[Line]) -> dict[str, str]:
    """The verdict of each line, by its name."""
    return {line.name: str(line.verdict) for line in lines}
