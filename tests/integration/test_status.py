"""Status keys in a real Valkey, and what happens without it."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from tests.integration.conftest import Probe, Rows, Serve
from tests.waiting import eventually
from tickover import Run, Summary
from tickover.ledger.states import State
from tickover.ledger.store import StatusRow
from tickover.status.store import status_of

AT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator["Redis"]:
    """A client of an empty Valkey."""
    client = Redis.from_url(valkey_url, decode_responses=True)
    await client.flushall()
    yield client
    await client.aclose()


def row(started: datetime, state: State, finished: datetime | None = None) -> StatusRow:
    """A row of the ledger."""
    return StatusRow("process", state, "durable", "run-1", 1, started, finished, None, finished or started, "k", "c")


async def test_a_tick_leaves_a_status_for_each_function(serve: Serve, valkey_url: str, redis: "Redis") -> None:
    """Under `job:v1:global:…`, with the fields of the plan, times in UTC, for 24 h."""
    site = await serve(REDIS_URL=valkey_url)
    answer = (await site.tick()).json()
    status = json.loads(await redis.get("job:v1:global:process") or "null")
    assert status.keys() >= {"status", "startedAt", "finishedAt", "durationMs", "attempt", "lastError"}
    assert (status["status"], status["path"], status["attempt"]) == ("succeeded", "inline", 1)
    assert status["dispatchKey"] == answer["dispatchKey"]
    assert status["correlationId"] == answer["correlationId"]
    assert status["startedAt"].endswith("Z")
    assert 86_000 < await redis.ttl("job:v1:global:maintain") <= 86_400


async def test_a_client_has_its_own_keys(serve: Serve, valkey_url: str, redis: "Redis") -> None:
    """A narrowed tick writes `job:v1:{clientId}:…` and leaves the global ones alone."""
    site = await serve(REDIS_URL=valkey_url)
    await site.client.post("/api/cron/background-jobs?clientId=acme")
    assert sorted(await redis.keys()) == ["job:v1:acme:maintain", "job:v1:acme:process"]
    body = (await site.client.get("/api/jobs/status?clientId=acme")).json()
    assert (body["clientId"], body["source"], sorted(body["jobs"])) == ("acme", "redis", ["maintain", "process"])


async def test_it_says_running_while_it_runs_and_failed_with_the_error(
    serve: Serve, probe: Probe, valkey_url: str, redis: "Redis"
) -> None:
    """The status follows the run, and keeps what failed last."""
    site = await serve(REDIS_URL=valkey_url)
    seen = []

    async def look(_: Run) -> Summary:

        async def written() -> bool:
            return await redis.exists("job:v1:global:process") == 1

        await eventually(written)
        seen.append(json.loads(await redis.get("job:v1:global:process") or "null"))
        raise OSError("disk full")

    probe.bodies["queue-drain"] = look
    await site.tick()
    assert (seen[0]["status"], seen[0]["finishedAt"]) == ("running", None)
    after = json.loads(await redis.get("job:v1:global:process") or "null")
    assert (after["status"], after["lastError"]) == ("failed", "queue-drain: OSError: disk full")


async def test_i3_a_late_writer_never_overwrites_a_newer_status(serve: Serve, valkey_url: str, redis: "Redis") -> None:
    """Whatever the order of arrival, the newest attempt's last word stands."""
    site = await serve(REDIS_URL=valkey_url)
    old = status_of(row(AT, State.SUCCEEDED, AT + timedelta(hours=1)))
    running = status_of(row(AT + timedelta(minutes=1), State.RUNNING))
    ended = status_of(row(AT + timedelta(minutes=1), State.FAILED, AT + timedelta(minutes=2)))
    for late in (ended, running, old):
        await site.tickover.status.write(None, "process", late)
    assert json.loads(await redis.get("job:v1:global:process") or "null")["status"] == "failed"
    for ordered in (old, running, ended):
        await site.tickover.status.write("acme", "process", ordered)
    assert json.loads(await redis.get("job:v1:acme:process") or "null")["status"] == "failed"


async def test_a_key_of_another_form_is_overwritten(serve: Serve, valkey_url: str, redis: "Redis") -> None:
    """What somebody else wrote there does not stop the status."""
    site = await serve(REDIS_URL=valkey_url)
    for strange in ("no json", "[]", "{}", '{"version": 7}'):
        await redis.set("job:v1:global:process", strange)
        await site.tickover.status.write(None, "process", status_of(row(AT, State.RUNNING)))
        assert json.loads(await redis.get("job:v1:global:process") or "null")["status"] == "running"


@pytest.mark.parametrize("url", ["redis://127.0.0.1:9/0", None])
async def test_i6_without_redis_the_tick_is_the_same_and_the_ledger_answers(
    serve: Serve, rows: Rows, url: str | None
) -> None:
    """Nobody listens there, or none is configured: the work is done, and the status comes from the ledger."""
    site = await serve(**({} if url is None else {"REDIS_URL": url}))
    assert (await site.tick()).status_code == 200
    body = (await site.client.get("/api/jobs/status")).json()
    assert body["source"] == "ledger"
    assert body["jobs"]["process"]["status"] == "succeeded"
    assert rows("SELECT count(*) FROM tickover.obligation WHERE state = 'succeeded'") == [{"count": 2}]


async def test_i6_a_frozen_redis_costs_a_tick_one_timeout(serve: Serve, probe: Probe) -> None:
    """A Redis that takes connections and never answers is left alone after the first timeout."""
    waits = []

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waits.append(1)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    site = await serve(REDIS_URL=f"redis://127.0.0.1:{port}/0", TICKOVER_REDIS_TIMEOUT="0.1")
    assert (await site.tick()).status_code == 200
    assert len(probe.ran()) == 3
    assert len(waits) == 1
    server.close()


async def test_the_status_wants_the_secret(serve: Serve) -> None:
    """Errors and run ids are not for everybody."""
    site = await serve()
    answer = await site.client.get("/api/jobs/status", headers={"authorization": "Bearer x"})
    assert answer.status_code == 401
