"""One trace over three processes: a replica that takes the tick, the engine, and a replica that does the work."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.ports import free_port
from tests.waiting import eventually
from tickover import NewJob, enqueue_many_sync
from tickover.isolation.redaction import secrets_in
from tickover.stack.processes import Child

JOBS = 5
SECRET = "a-secret-of-the-test-suite"
KEYS = {"INNGEST_EVENT_KEY": "event-key-of-the-test", "INNGEST_SIGNING_KEY": "signkey-test-" + "ab" * 32}
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Replicas:
    """Two processes of one application, and where each writes its spans and its lines."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self.environment = environment
        self.ports = {name: free_port() for name in ("taker", "worker")}

    async def start(self, name: str) -> Child:
        """Serve one of them."""
        port = str(self.ports[name])
        environment = self.environment | {"SPANS": str(self._folder / f"{name}.spans")}
        arguments = ["-m", "uvicorn", "tests.acceptance.traced_app:app", "--port", port, "--log-level", "warning"]
        child = Child(name, arguments, environment, self._folder / f"{name}.log")
        await child.answers(f"http://127.0.0.1:{port}/openapi.json", 30, lambda answer: answer.is_success)
        return child

    def spans(self, name: str) -> list[dict[str, Any]]:
        """What one of them has recorded."""
        return [json.loads(line) for line in (self._folder / f"{name}.spans").read_text().splitlines()]

    def lines(self, name: str) -> list[dict[str, Any]]:
        """What one of them has logged."""
        text = (self._folder / f"{name}.log").read_text()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@pytest.fixture
async def replicas(database_dsn: str, valkey_url: str, tmp_path: Path) -> AsyncIterator[Replicas]:
    """Both replicas and the engine, which calls the worker; some jobs in the queue."""
    engine_port = str(free_port())
    environment = dict(os.environ) | KEYS | {
        "DATABASE_URL": database_dsn, "REDIS_URL": valkey_url, "CRON_SECRET": SECRET,
        "BACKGROUND_JOBS_USE_INNGEST": "true", "INNGEST_BASE_URL": f"http://127.0.0.1:{engine_port}",
        "TICKOVER_SEND_TIMEOUT": "20", "TICKOVER_REDIS_TIMEOUT": "5",  # a busy machine is no dead one
    }  # fmt: skip
    with psycopg.connect(database_dsn) as connection:
        connection.execute("CREATE TABLE handled (job_id bigint NOT NULL, attempt integer NOT NULL)")
        enqueue_many_sync(connection, [NewJob("count", {"n": n}) for n in range(JOBS)])
    replicas = Replicas(tmp_path, environment)
    async with AsyncExitStack() as stack:
        for name in replicas.ports:
            stack.push_async_callback((await replicas.start(name)).stop)
        arguments = ["-m", "tickover", "engine", "--port", engine_port, "--event-key", KEYS["INNGEST_EVENT_KEY"]]
        arguments += ["--signing-key", KEYS["INNGEST_SIGNING_KEY"]]
        arguments += ["--app", f"http://127.0.0.1:{replicas.ports['worker']}/api/inngest"]
        engine = Child("engine", arguments, environment, tmp_path / "engine.log")
        stack.push_async_callback(engine.stop)
        health = f"http://127.0.0.1:{engine_port}/health"
        await engine.answers(health, 30, lambda answer: bool(answer.json().get("functions")))
        yield replicas


def own(spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without those that the web framework makes of each request by itself."""
    words = ("tick ", "send", "process ", "carry out ", "responsibility ", "job ")
    return [span for span in spans if span["name"].startswith(words)]


@pytest.mark.timeout(180)
async def test_one_trace_leads_from_cron_to_each_job_across_processes(replicas: Replicas) -> None:
    """The caller's trace id stands in every span of both replicas, and in every line of the run; no secret does."""
    url = f"http://127.0.0.1:{replicas.ports['taker']}/api/cron/background-jobs"
    headers = {"authorization": f"Bearer {SECRET}", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    async with httpx.AsyncClient(timeout=60) as client:
        assert (await client.post(url, headers=headers)).status_code == 202

    async def over() -> bool:
        return len([span for span in replicas.spans("worker") if span["name"].startswith("process ")]) == 2

    await eventually(over)
    taker, worker = own(replicas.spans("taker")), own(replicas.spans("worker"))
    assert {span["name"] for span in taker} == {"tick background-jobs", "send"}
    assert sum(span["name"] == "job count" for span in worker) == JOBS
    assert {span["context"]["trace_id"] for span in taker + worker} == {f"0x{TRACE}"}
    lines = [line for line in replicas.lines("worker") if line.get("dispatch_key")]
    assert len(lines) > 4
    for line in lines:
        assert line["trace_id"] == TRACE
        assert line["correlation_id"]
        assert {"function", "run_id"} <= line.keys()
    told = json.dumps([taker, worker])
    for secret in secrets_in(replicas.environment):
        assert secret not in told
