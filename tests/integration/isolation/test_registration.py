"""Where all runs go: what a real engine has registered, whoever asked the deployment to register."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.integration.conftest import SECRET, Probe, Rows, probe_contract
from tests.integration.isolation.conftest import EVENT_KEY, FALLBACK_KEY, PREVIEW, PRODUCTION, SIGNING_KEY
from tests.integration.localengine.conftest import serving
from tests.ports import free_port
from tests.waiting import eventually
from tickover import Tickover, clock
from tickover.engine.signing import HEADER, sign, sync_body
from tickover.localengine.options import EngineOptions
from tickover.localengine.server import create_engine_app
from tickover.settings import Settings

PATH = "/api/inngest"
EVIL = "https://evil.example"


@dataclass
class World:
    """A deployment and its engine, each on a port."""

    client: httpx.AsyncClient
    origin: str
    engine: str
    rows: Rows

    async def registered(self) -> set[str]:
        """The URLs at which the engine calls the deployment's functions."""
        headers = {"authorization": f"Bearer {SIGNING_KEY}"}
        answer = await self.client.get(f"{self.engine}/v1/apps/probe/functions", headers=headers)
        return {step["uri"].partition("?")[0] for function in answer.json() for step in function["config"]["steps"]}

    async def put(self, named: str | None, *, key: str | None = SIGNING_KEY, **hosts: str) -> httpx.Response:
        """Ask the deployment to register."""
        body = b"" if named is None else sync_body(f"{named}{PATH}")
        headers = {name.replace("_", "-"): host for name, host in hosts.items()}
        if key is not None:
            headers[HEADER] = sign(key, body, clock.now())
        return await self.client.put(f"{self.origin}{PATH}", content=body, headers=headers)

    async def durably(self) -> None:
        """Wait until both functions of a tick were carried out by the engine's calls."""

        async def ended() -> bool:
            found = self.rows("SELECT state, path FROM tickover.obligation")
            return found == [{"state": "succeeded", "path": "durable"}] * 2

        await eventually(ended)


Start = Callable[..., Awaitable[World]]


@pytest.fixture
async def world(database_dsn: str, probe: Probe, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Start]:
    """Serve the probe application and an engine with keys."""
    async with AsyncExitStack() as stack:

        async def start(*, origin: str = "http://127.0.0.1:{port}", polls: bool = True, **variables: str) -> World:
            port, engine_port = free_port(), free_port()
            engine, url = f"http://127.0.0.1:{engine_port}", f"http://127.0.0.1:{port}"
            environment = PRODUCTION | {
                "DATABASE_URL": database_dsn, "CRON_SECRET": SECRET, "BACKGROUND_JOBS_USE_INNGEST": "true",
                "INNGEST_BASE_URL": engine, "INNGEST_SERVE_ORIGIN": origin.format(port=port),
            } | {name: value.format(engine=engine) for name, value in variables.items()}  # fmt: skip
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            app = FastAPI()
            Tickover(probe_contract(probe), app_id="probe", settings=Settings.read()).mount(app)
            await stack.enter_async_context(serving(app, port))
            options = EngineOptions(
                database_dsn, port=engine_port, event_keys=(EVENT_KEY,), signing_key=SIGNING_KEY,
                app_urls=(f"{url}{PATH}",) if polls else (), retry_interval=0.2,
            )  # fmt: skip
            await stack.enter_async_context(serving(create_engine_app(options), engine_port))
            client = await stack.enter_async_context(httpx.AsyncClient(timeout=30))
            running = World(client, url, engine, rows)

            async def synced() -> bool:
                return not polls or bool(await running.registered())

            await eventually(synced)
            return running

        yield start


ASKED: list[tuple[str, dict[str, Any], int]] = [  # who asks, how, and the status; {} is the deployment's own origin
    ("unsigned", {"named": None, "key": None, "host": "evil.example"}, 403),
    ("unsigned, naming its own", {"named": "{}", "key": None, "host": "evil.example"}, 403),
    ("unsigned, naming evil", {"named": EVIL, "key": None}, 403),
    ("unsigned, by a proxy", {"named": EVIL, "key": None, "host": "x", "x_forwarded_host": "evil.example"}, 403),
    ("signed by another", {"named": "{}", "key": FALLBACK_KEY, "host": "evil.example"}, 403),
    ("signed", {"named": None, "host": "evil.example"}, 403),
    ("signed, by a proxy", {"named": None, "host": "evil.example", "x_forwarded_host": "evil.example"}, 403),
    ("signed, naming evil", {"named": EVIL}, 403),
    ("signed, naming evil at evil", {"named": EVIL, "host": "evil.example"}, 403),
    ("signed, naming its own at evil", {"named": "{}", "host": "evil.example"}, 200),
    ("signed, by its own proxy", {"named": None, "host": "evil.example", "x_forwarded_host": "{}"}, 200),
]


async def test_r03_f12_productions_url_stays_what_it_is(world: Start) -> None:
    """Whoever asks it to register, by whatever Host: the engine calls it where it is pinned, and nowhere else."""
    running = await world()
    own = {f"{running.origin}{PATH}"}
    assert await running.registered() == own
    for who, how, status in ASKED:
        asked: dict[str, Any] = {name: _filled(running, name, value) for name, value in how.items()}
        answer = await running.put(**asked)
        assert (who, answer.status_code) == (who, status)
        assert answer.headers["x-inngest-env"] == "production"
        assert (who, await running.registered()) == (who, own)


def _filled(running: World, name: str, value: str | None) -> str | None:
    own = running.origin if name == "named" else running.origin.partition("://")[2]
    return own if value == "{}" else value


async def test_r03_production_registers_at_its_pinned_origin_whatever_the_host(world: Start) -> None:
    """It is that origin that is registered, not the address at which the request arrived."""
    running = await world(origin="http://localhost:{port}/", polls=False)
    pinned = running.origin.replace("127.0.0.1", "localhost")
    assert (await running.put(running.origin)).status_code == 403
    assert await running.registered() == set()
    assert (await running.put(pinned, host="evil.example")).status_code == 200
    assert await running.registered() == {f"{pinned}{PATH}"}


async def test_r03_a_preview_without_an_origin_registers_where_it_was_asked(world: Start) -> None:
    """By who holds the key, under the URL that both the body and the Host name; a copy of that sent on is refused."""
    running = await world(polls=False, **PREVIEW | {"INNGEST_BASE_URL": "{engine}"})
    assert (await running.put(running.origin)).status_code == 200
    own = {f"{running.origin}{PATH}"}
    assert await running.registered() == own
    host = running.origin.partition("://")[2]
    for hosts in ({"host": "evil.example"}, {"host": "evil.example", "x_forwarded_host": host}):
        assert (await running.put(running.origin, **hosts)).status_code == 403
    assert (await running.put(EVIL)).status_code == 403
    assert (await running.put(None)).status_code == 403
    assert await running.registered() == own


async def test_f02_f03_f04_newlines_and_slashes_change_nothing(world: Start) -> None:
    """In both keys, in the flag and in the URLs: a tick is handed over, called for, carried out and answered."""
    running = await world(
        origin="http://127.0.0.1:{port}/\n",
        INNGEST_SIGNING_KEY=f"{SIGNING_KEY}\n",
        INNGEST_EVENT_KEY=f" {EVENT_KEY}\n",
        INNGEST_BASE_URL="{engine}/\n",
        BACKGROUND_JOBS_USE_INNGEST="true\n",
    )
    assert await running.registered() == {f"{running.origin}{PATH}"}
    tick = await running.client.post(
        f"{running.origin}/api/cron/background-jobs", headers={"authorization": f"Bearer {SECRET}"}
    )
    assert (tick.status_code, tick.json()["mode"]) == (202, "dispatch")
    await running.durably()


async def test_the_signing_key_is_rotated_without_missing_a_call(world: Start) -> None:
    """The new key first, the old one as fallback, with a newline: the engine still signs with the old one."""
    running = await world(INNGEST_SIGNING_KEY=FALLBACK_KEY, INNGEST_SIGNING_KEY_FALLBACK=f"{SIGNING_KEY}\n")
    assert await running.registered() == {f"{running.origin}{PATH}"}
    for key in (SIGNING_KEY, FALLBACK_KEY):
        assert (await running.put(running.origin, key=key)).status_code == 200
    tick = await running.client.post(
        f"{running.origin}/api/cron/background-jobs", headers={"authorization": f"Bearer {SECRET}"}
    )
    assert tick.status_code == 202
    await running.durably()
    stranger = await running.put(running.origin, key="11" * 32)
    assert stranger.status_code == 403
