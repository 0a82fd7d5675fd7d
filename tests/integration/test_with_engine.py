"""Ticks with a real engine, over HTTP both ways, signed: handed over, carried out, lost, late, refused."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.integration.conftest import SECRET, Probe, Rows, probe_contract
from tests.integration.localengine.conftest import serving
from tests.ports import free_port
from tests.waiting import eventually
from tickover import Run, Summary, Tickover
from tickover.localengine.options import EngineOptions
from tickover.localengine.server import create_engine_app
from tickover.settings import Settings

SIGNING_KEY = "signkey-test-" + "ab" * 32
OTHER_KEY = "signkey-test-" + "cd" * 32


@dataclass
class Deployment:
    """An application and an engine, and the ledger beneath."""

    tickover: Tickover
    client: httpx.AsyncClient
    engine: str
    rows: Rows
    stop_engine: Callable[[], Awaitable[None]]

    async def tick(self, key: str = "t1") -> httpx.Response:
        """Fire one tick."""
        return await self.client.post("/api/cron/background-jobs", headers={"idempotency-key": key})

    async def ended(self, count: int = 2) -> list[dict[str, Any]]:
        """Wait until so many obligations have ended; all of them."""

        async def over() -> bool:
            states = [row["state"] for row in self.rows("SELECT state FROM tickover.obligation")]
            return len(states) >= count and not {"owed", "accepted", "running", "retrying"} & set(states)

        await eventually(over)
        return self.rows("SELECT function, state, path, attempt FROM tickover.obligation ORDER BY id")


Deploy = Callable[..., Awaitable[Deployment]]


@pytest.fixture
async def deploy(
    database_dsn: str, valkey_url: str, probe: Probe, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Deploy]:
    """Serve the probe application and an engine, each on its own port, and wait until they are synced."""
    async with AsyncExitStack() as stack:

        async def start(
            *, app_key: str = SIGNING_KEY, through: str | None = None, engine_port: int = 0, **environment: str
        ) -> Deployment:
            app_port, engine_port = free_port(), engine_port or free_port()
            engine_url = f"http://127.0.0.1:{engine_port}"
            variables = {
                "DATABASE_URL": database_dsn, "REDIS_URL": valkey_url, "CRON_SECRET": SECRET,
                "BACKGROUND_JOBS_USE_INNGEST": "true", "INNGEST_BASE_URL": through or engine_url,
                "INNGEST_EVENT_KEY": "event-key", "INNGEST_SIGNING_KEY": app_key,
                "TICKOVER_SEND_TIMEOUT": "20", "TICKOVER_REDIS_TIMEOUT": "5",  # a busy machine is no dead one
            } | environment  # fmt: skip
            for name, value in variables.items():
                monkeypatch.setenv(name, value)
            tickover = Tickover(probe_contract(probe), app_id="probe", settings=Settings.read())
            app = FastAPI()
            tickover.mount(app)
            url = await stack.enter_async_context(serving(app, app_port))
            options = EngineOptions(
                database_dsn, port=engine_port, event_keys=("event-key",), signing_key=SIGNING_KEY,
                app_urls=(f"{url}/api/inngest",), retry_interval=0.2,
            )  # fmt: skip
            engine = AsyncExitStack()
            stack.push_async_exit(engine)
            await engine.enter_async_context(serving(create_engine_app(options), engine_port))
            client = httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {SECRET}"}, timeout=30)
            await stack.enter_async_context(client)

            async def synced() -> bool:
                return app_key != SIGNING_KEY or (await client.get(f"{engine_url}/health")).json()["functions"] == 2

            await eventually(synced)
            return Deployment(tickover, client, engine_url, rows, engine.aclose)

        yield start


async def test_a_tick_is_handed_over_and_carried_out_durably(deploy: Deploy, probe: Probe) -> None:
    """202 with two event ids; both functions are called over the protocol and end as succeeded; status keys stand."""
    deployment = await deploy()
    answer = await deployment.tick()
    assert (answer.status_code, answer.json()["mode"]) == (202, "dispatch")
    assert len(answer.json()["eventIds"]) == 2
    ended = await deployment.ended()
    assert {(row["state"], row["path"], row["attempt"]) for row in ended} == {("succeeded", "durable", 1)}
    assert sorted(probe.ran()) == ["prune", "queue-drain", "queue-health"]
    status = (await deployment.client.get("/api/jobs/status")).json()
    assert {job["path"] for job in status["jobs"].values()} == {"durable"}


async def test_f10_the_same_tick_again_while_its_run_is_alive_is_a_duplicate(deploy: Deploy, probe: Probe) -> None:
    """Both deliveries are one dispatch."""
    deployment = await deploy()
    first, second = await asyncio.gather(deployment.tick(), deployment.tick())
    assert sorted([first.json()["mode"], second.json()["mode"]]) == ["dispatch", "duplicate"]
    await deployment.ended()
    assert len(probe.ran()) == 3


async def test_i8_every_path_runs_the_same_responsibilities(deploy: Deploy, probe: Probe, rows: Rows) -> None:
    """Durable, fallback and inline: the ledger holds the same responsibilities for each."""
    deployment = await deploy(TICKOVER_SEND_TIMEOUT="0.5")
    await deployment.tick("durable")
    await deployment.ended()
    await deployment.stop_engine()
    assert (await deployment.tick("fallback")).json()["mode"] == "fallback"
    kept = rows("SELECT DISTINCT path, array_agg(responsibility ORDER BY responsibility) AS did "
                "FROM tickover.responsibility_run GROUP BY path ORDER BY path")  # fmt: skip
    assert [row["path"] for row in kept] == ["durable", "fallback"]
    assert kept[0]["did"] == kept[1]["did"] == ["prune", "queue-drain", "queue-health"]
    assert len(probe.ran()) == 6


async def test_a_failing_durable_run_is_retried_by_the_engine(deploy: Deploy, probe: Probe) -> None:
    """The second attempt runs only what has not succeeded, and ends well."""
    deployment = await deploy()

    async def fail_once(_: Run) -> Summary:
        del probe.bodies["prune"]
        raise OSError("disk full")

    probe.bodies["prune"] = fail_once
    await deployment.tick()
    ended = await deployment.ended()
    assert [(row["function"], row["state"], row["attempt"]) for row in ended] == [
        ("process", "succeeded", 1),
        ("maintain", "succeeded", 2),
    ]
    assert probe.ran().count("prune") == 2
    assert probe.ran().count("queue-health") == 1


async def test_a_drain_with_jobs_left_goes_on_at_once_and_is_bounded(deploy: Deploy, probe: Probe, rows: Rows) -> None:
    """Each continuation is a tick of its own in the ledger; after the bound the rest waits for the next tick."""
    deployment = await deploy(TICKOVER_MAX_CONTINUATIONS="3")

    async def always_more(_: Run) -> Summary:
        return Summary(looked_at=10, changed=10, left=5)

    probe.bodies["queue-drain"] = always_more
    await deployment.tick()
    await deployment.ended(count=5)
    ticks = rows("SELECT dispatch_key, identity_source FROM tickover.tick ORDER BY id")
    assert [tick["dispatch_key"].removeprefix("background-jobs:v1:id:t1") for tick in ticks] == ["", "+1", "+2", "+3"]
    assert {tick["identity_source"] for tick in ticks[1:]} == {"continuation"}
    assert probe.ran().count("queue-drain") == 4
    assert probe.ran().count("prune") == 1


async def test_f02_a_wrong_signing_key_is_survived_and_named(deploy: Deploy, probe: Probe, rows: Rows) -> None:
    """The engine accepts, every call is answered 401, nothing runs; a later tick does the work and says why."""
    deployment = await deploy(app_key=OTHER_KEY)
    # The sync fails as well with this engine; what the real one does is to register all the same.
    first = await deployment.tick("t1")
    assert first.status_code == 202
    rows("UPDATE tickover.obligation SET start_by = now() - interval '1 s'")
    second = (await deployment.tick("t2")).json()
    assert {recovery["function"] for recovery in second["recovered"]} == {"process", "maintain"}
    assert all("INNGEST_SIGNING_KEY" in recovery["cause"] for recovery in second["recovered"])
    states = rows("SELECT state, path FROM tickover.obligation ORDER BY id LIMIT 2")
    assert states == [{"state": "succeeded", "path": "recovery"}] * 2
    assert sorted(probe.ran()) == ["prune", "queue-drain", "queue-health"]


async def test_a_wrong_event_key_makes_the_tick_fall_back(deploy: Deploy, probe: Probe) -> None:
    """The plan's own check: force an enqueue failure, and see the work done inline with the cause in the answer."""
    deployment = await deploy(INNGEST_EVENT_KEY="another-key")
    body = (await deployment.tick()).json()
    assert (body["mode"], body["sendError"]["httpStatus"]) == ("fallback", 401)
    assert "Event key not found" in body["sendError"]["detail"]
    assert len(probe.ran()) == 3


async def test_r02_a_send_whose_answer_is_lost_is_done_once(deploy: Deploy, probe: Probe, rows: Rows) -> None:
    """The engine took the events and its answer never came: both paths start, one does the work, and it is told who."""
    proxy_port, engine_port = free_port(), free_port()
    answers_are_lost = asyncio.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_engine, to_engine = await asyncio.open_connection("127.0.0.1", engine_port)
        await asyncio.gather(_copy(reader, to_engine), _copy(from_engine, writer, answers_are_lost))

    proxy = await asyncio.start_server(connected, "127.0.0.1", proxy_port)
    through = f"http://127.0.0.1:{proxy_port}"
    deployment = await deploy(through=through, engine_port=engine_port, TICKOVER_SEND_TIMEOUT="1")
    answers_are_lost.set()
    body = (await deployment.tick()).json()
    assert (body["mode"], body["sendError"]["kind"]) == ("fallback", "timeout")

    # The durable runs were quicker than the deadline of the send; the other order is tested with the executor.
    assert {(f["path"], f["state"]) for f in body["functions"]} == {("durable", "succeeded")}
    assert sorted(probe.ran()) == ["prune", "queue-drain", "queue-health"]
    assert rows("SELECT DISTINCT attempt FROM tickover.obligation") == [{"attempt": 1}]
    proxy.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event | None = None) -> None:
    """Pass bytes on until there are no more; drop them once they are to be lost."""
    while chunk := await reader.read(65_536):
        if lost is None or not lost.is_set():
            writer.write(chunk)
            await writer.drain()
    writer.close()
