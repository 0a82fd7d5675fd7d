"""The engine accepts, calls, and is answered 401: found, named, survived, mended. From HTTP to the ledger and back."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.testing import capture_logs

from tests.integration.conftest import SECRET, Probe, Rows, probe_contract
from tests.integration.localengine.conftest import serving
from tests.integration.test_circuit import let_pass
from tests.ports import free_port
from tests.waiting import eventually
from tickover import Tickover
from tickover.localengine.options import EngineOptions
from tickover.localengine.server import create_engine_app
from tickover.settings import Settings

KEY = "signkey-test-" + "ab" * 32
WRONG = "signkey-test-" + "cd" * 32
REMEDY = "check that INNGEST_SIGNING_KEY is that of the engine's environment"


@dataclass
class Redeployed:
    """One URL, behind which now one deployment stands and now another."""

    current: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on to whichever stands there now."""
        await self.current(scope, receive, send)


@dataclass
class World:
    """An engine, and an application that was synced with the right key."""

    client: httpx.AsyncClient
    url: Redeployed
    right: ASGIApp
    wrong: ASGIApp
    rows: Rows

    async def tick(self, key: str) -> dict[str, Any]:
        """Fire one tick; what it was answered."""
        answer = await self.client.post("/api/cron/background-jobs", headers={"idempotency-key": key})
        assert answer.is_success, answer.text
        return answer.json()  # type: ignore[no-any-return] # an object, by what follows

    async def refused(self, least: int) -> None:
        """Wait until so many calls were refused, and the engine has given up."""

        async def counted() -> bool:
            counts = self.rows("SELECT coalesce(sum(count), 0) AS count FROM tickover.refusal")
            return bool(counts[0]["count"] >= least)

        await eventually(counted)

    async def let_in(self) -> None:
        """Wait until it is noted that calls are accepted again, which is done once they are answered."""

        async def noted() -> bool:
            return self.rows("SELECT count(*) AS n FROM tickover.refusal WHERE mended_at IS NULL") == [{"n": 0}]

        await eventually(noted)

    async def given_up(self) -> None:
        """Wait until the engine makes no more attempts at anything."""

        async def idle() -> bool:
            hanging = "SELECT count(*) AS n FROM tickover_engine.run WHERE state IN ('queued', 'running')"
            return self.rows(hanging) == [{"n": 0}]

        await eventually(idle)

    async def ran(self, key: str) -> None:
        """Wait until everything a tick owes has ended."""

        async def over() -> bool:
            unended = (
                "SELECT count(*) AS n FROM tickover.obligation o JOIN tickover.tick t ON t.id = o.tick_id "
                "WHERE t.dispatch_key = %s AND o.state NOT IN ('succeeded', 'covered')"
            )
            return self.rows(unended, f"background-jobs:v1:id:{key}") == [{"n": 0}]

        await eventually(over)


@pytest.fixture
async def world(database_dsn: str, probe: Probe, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Two deployments of the probe application, one with a wrong key, and an engine that knows the right one."""
    async with AsyncExitStack() as stack:
        port, engine_port = free_port(), free_port()

        async def deployment(key: str) -> FastAPI:
            for name, value in {
                "DATABASE_URL": database_dsn, "CRON_SECRET": SECRET, "BACKGROUND_JOBS_USE_INNGEST": "true",
                "INNGEST_BASE_URL": f"http://127.0.0.1:{engine_port}", "INNGEST_EVENT_KEY": "event-key",
                "INNGEST_SIGNING_KEY": key,
            }.items():  # fmt: skip
                monkeypatch.setenv(name, value)
            tickover = Tickover(probe_contract(probe), app_id="probe", settings=Settings.read())
            app = FastAPI()
            tickover.mount(app)
            await tickover.open()
            stack.push_async_callback(tickover.close)
            return app

        right, wrong = await deployment(KEY), await deployment(WRONG)
        url = Redeployed(right)
        base = await stack.enter_async_context(serving(url, port))
        options = EngineOptions(
            database_dsn, port=engine_port, event_keys=("event-key",), signing_key=KEY,
            app_urls=(f"{base}/api/inngest",), retry_interval=0.1,
        )  # fmt: skip
        engine = await stack.enter_async_context(serving(create_engine_app(options), engine_port))
        headers = {"authorization": f"Bearer {SECRET}"}
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=base, headers=headers, timeout=30))

        async def synced() -> bool:
            return bool((await client.get(f"{engine}/health")).json()["functions"] == 2)

        await eventually(synced)
        yield World(client, url, right, wrong, rows)


async def test_f02_a_wrong_signing_key_costs_no_tick_is_named_and_mends_itself(world: World, probe: Probe) -> None:
    """Sync ok, events 200, each call 401: recovered after the deadline, the cause named, durable again once mended."""
    world.url.current = world.wrong
    with capture_logs() as logs:
        assert [(await world.tick(key))["mode"] for key in ("t1", "t2")] == ["dispatch"] * 2
        await world.given_up()
        let_pass(world.rows, "4 minutes")  # beyond start_by
        found = await world.tick("t3")
        await world.given_up()
    assert [recovery["late"] for recovery in found["recovered"]] == [2, 2]
    assert all(REMEDY in recovery["cause"] for recovery in found["recovered"])
    causes = [(finding["code"], finding["evidence"]["cause"]) for finding in found["findings"]]
    assert causes == [("calls-refused", "signature")]
    said = [log for log in logs if log["event"] == "requests.refused"]
    assert len(said) == 1, "once per cause, not once per call"
    assert REMEDY in said[0]["remedy"]

    let_pass(world.rows, "4 minutes")
    inline = await world.tick("t4")
    assert (inline["mode"], inline["circuit"]["state"]) == ("inline", "open")
    assert "3 ticks in a row were accepted by the engine and not carried out in time" in inline["reason"]
    assert REMEDY in inline["reason"]
    assert [function["covered"] for function in inline["functions"]] == [1, 1]  # t3

    world.url.current = world.right
    let_pass(world.rows, "5 minutes")  # what the circuit rests
    probing = await world.tick("t5")
    assert (probing["mode"], probing["circuit"]["state"]) == ("dispatch", "open")
    await world.ran("t5")
    await world.let_in()
    after = await world.tick("t6")
    assert (after["mode"], after["circuit"]["state"], after["findings"]) == ("dispatch", "closed", [])
    await world.ran("t6")

    assert paths(world.rows) == {
        "t1": {"recovery"}, "t2": {"recovery"}, "t3": {"inline"}, "t4": {"inline"}, "t5": {"durable"}, "t6": {"durable"}
    }  # fmt: skip
    assert world.rows(TWICE) == []
    # Once for t1 and t2, once for t3 and t4, once each for t5 and t6.
    assert Counter(probe.ran()) == {"queue-drain": 4, "prune": 4, "queue-health": 4}


TWICE = """
  SELECT obligation_id, responsibility FROM tickover.responsibility_run GROUP BY 1, 2 HAVING count(*) > 1
"""


def paths(rows: Rows) -> dict[str, set[str]]:
    """Each tick with the paths that carried out what it owed, all of which must have ended well."""
    found = rows(
        "SELECT t.dispatch_key, coalesce(o.path, c.path) AS path, o.state FROM tickover.obligation o "
        "JOIN tickover.tick t ON t.id = o.tick_id LEFT JOIN tickover.obligation c ON c.id = o.covered_by ORDER BY o.id"
    )
    assert {row["state"] for row in found} <= {"succeeded", "covered"}
    by_tick: dict[str, set[str]] = {}
    for row in found:
        by_tick.setdefault(row["dispatch_key"].rpartition(":")[2], set()).add(row["path"])
    return by_tick


async def test_two_causes_are_two_rows(world: World) -> None:
    """Unsigned calls of strangers, and calls for a function that is not served, are counted apart from wrong keys."""
    world.url.current = world.wrong
    await world.tick("t1")
    await world.refused(1)
    await world.client.post("/api/inngest?fnId=probe-process", json={})

    async def both() -> bool:
        return world.rows("SELECT count(*) AS n FROM tickover.refusal") == [{"n": 2}]

    await eventually(both)  # a request is counted once it is answered
    counted = world.rows("SELECT endpoint, cause, count > 0 AS counted FROM tickover.refusal ORDER BY cause")
    assert counted == [
        {"endpoint": "engine", "cause": "signature", "counted": True},
        {"endpoint": "engine", "cause": "unsigned", "counted": True},
    ]
