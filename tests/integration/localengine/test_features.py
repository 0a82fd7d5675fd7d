"""What the recording does not show: sleep-until, cron triggers, singletons, wildcards, keyed limits, ends of runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import inngest
import inngest.fast_api
import pytest
from fastapi import FastAPI

from tests.integration.localengine.conftest import serving
from tests.ports import free_port
from tests.sdk import make_client
from tests.waiting import eventually
from tickover import clock as machine
from tickover.localengine.clock import EngineClock
from tickover.localengine.options import EngineOptions
from tickover.localengine.server import create_engine_app


@dataclass
class Site:
    """An engine whose time can be moved, and an application whose functions tell what they were given."""

    url: str
    sdk: inngest.Inngest
    client: httpx.AsyncClient
    clock: EngineClock
    told: list[Any] = field(default_factory=list)

    async def statuses(self, event_id: str) -> list[str]:
        """How the runs of an event stand."""
        found = (await self.client.get(f"{self.url}/v1/events/{event_id}/runs")).json()["data"]
        return [run["status"] for run in found]

    async def told_eventually(self, count: int) -> list[Any]:
        """What was told, once it is so much."""

        async def enough() -> bool:
            return len(self.told) >= count

        await eventually(enough)
        return self.told

    async def idle(self) -> None:
        """Wait until no call is due."""

        async def quiet() -> bool:
            return bool((await self.client.get(f"{self.url}/health")).json()["queued"] == 0)

        await eventually(quiet)


Functions = Callable[[inngest.Inngest, list[Any]], list[inngest.Function[Any]]]
Serve = Callable[[Functions], Awaitable[Site]]


@pytest.fixture
async def serve(database_dsn: str) -> AsyncIterator[Serve]:
    """Serve functions beside an engine, synced."""
    async with AsyncExitStack() as stack:

        async def site(functions: Functions) -> Site:
            ports, time, told = (free_port(), free_port()), EngineClock(), list[Any]()
            url, app_url = (f"http://127.0.0.1:{port}" for port in ports)
            sdk = make_client("app", url, "any")
            made, app = functions(sdk, told), FastAPI()
            inngest.fast_api.serve(app, sdk, made)
            options = EngineOptions(database_dsn, app_urls=(f"{app_url}/api/inngest",), retry_interval=0.2)
            await stack.enter_async_context(serving(app, ports[1]))
            await stack.enter_async_context(serving(create_engine_app(options, time), ports[0]))
            client = await stack.enter_async_context(httpx.AsyncClient(timeout=30))

            async def synced() -> bool:
                return bool((await client.get(f"{url}/health")).json()["functions"] == len(made))

            await eventually(synced)
            return Site(url, sdk, client, time, told)

        yield site


def telling(sdk: inngest.Inngest, told: list[Any], id_: str, trigger: Any, **options: Any) -> inngest.Function[Any]:
    """A function that tells which event it was given."""

    @sdk.create_function(fn_id=id_, trigger=trigger, retries=0, **options)
    async def tell(context: inngest.Context) -> None:
        told.append((id_, context.event))

    return tell


async def test_a_step_sleeps_until_a_time(serve: Serve) -> None:
    """A day from now: not before; and when the engine's time has come there, at once."""

    def functions(sdk: inngest.Inngest, told: list[Any]) -> list[inngest.Function[Any]]:
        @sdk.create_function(fn_id="waits", retries=0, trigger=inngest.TriggerEvent(event="app/go"))
        async def waits(context: inngest.Context) -> None:
            told.append("asked")
            await context.step.sleep_until("tomorrow", machine.now() + timedelta(days=1))
            told.append("awake")

        return [waits]

    site = await serve(functions)
    await site.sdk.send(inngest.Event(name="app/go", id="e"))
    await site.told_eventually(1)
    site.clock.advance(timedelta(hours=23))
    await asyncio.sleep(0.3)  # two looks of the engine, in which it must find nothing
    assert (site.told, await site.statuses("e")) == (["asked"], ["Running"])
    site.clock.advance(timedelta(hours=1, seconds=1))
    await site.idle()
    assert (site.told[-1], await site.statuses("e")) == ("awake", ["Completed"])


async def test_a_cron_trigger_runs_its_function_in_its_time_zone(serve: Serve) -> None:
    """Once a firing, with the event that the real engine sends; beside it an event trigger works."""
    cron = "TZ=Europe/Berlin 30 9 * * *"

    def functions(sdk: inngest.Inngest, told: list[Any]) -> list[inngest.Function[Any]]:
        triggers = [inngest.TriggerCron(cron=cron), inngest.TriggerEvent(event="app/go")]
        return [telling(sdk, told, "daily", triggers)]

    site = await serve(functions)
    now = site.clock.now()
    berlin = now.astimezone(ZoneInfo("Europe/Berlin"))
    firing = berlin.replace(hour=9, minute=30, second=0, microsecond=0)
    firing += timedelta(days=firing <= berlin)
    site.clock.advance(firing.astimezone(UTC) - now)
    ((_, event),) = await site.told_eventually(1)
    assert (event.name, event.data) == ("inngest/scheduled.timer", {"cron": cron})
    await site.sdk.send(inngest.Event(name="app/go"))
    await site.told_eventually(2)
    await site.idle()
    assert [event.name for _, event in site.told] == ["inngest/scheduled.timer", "app/go"]


async def test_of_a_singleton_one_run_is_alive_for_each_key(serve: Serve) -> None:
    """What comes meanwhile is stored and starts nothing; after its end, it does."""
    gate = asyncio.Event()

    def functions(sdk: inngest.Inngest, told: list[Any]) -> list[inngest.Function[Any]]:
        @sdk.create_function(
            fn_id="alone",
            retries=0,
            trigger=inngest.TriggerEvent(event="app/go"),
            singleton=inngest.Singleton(mode="skip", key="event.data.client"),
        )
        async def alone(context: inngest.Context) -> None:
            told.append(context.event.id)
            await gate.wait()

        return [alone]

    site = await serve(functions)
    for id_, client in (("x-1", "x"), ("x-2", "x"), ("y-1", "y")):
        await site.sdk.send(inngest.Event(name="app/go", id=id_, data={"client": client}))
    assert sorted(await site.told_eventually(2)) == ["x-1", "y-1"]
    gate.set()
    await site.idle()
    await site.sdk.send(inngest.Event(name="app/go", id="x-3", data={"client": "x"}))
    await site.idle()
    assert sorted(site.told) == ["x-1", "x-3", "y-1"]
    assert [await site.statuses(id_) for id_ in ("x-1", "x-2")] == [["Completed"], []]


async def test_the_end_of_a_run_is_an_event_others_may_wait_for(serve: Serve) -> None:
    """Finished in either case, failed in one; the run of such an event tells nothing itself, so it comes to an end."""

    def functions(sdk: inngest.Inngest, told: list[Any]) -> list[inngest.Function[Any]]:
        @sdk.create_function(fn_id="works", retries=0, trigger=inngest.TriggerEvent(event="app/go"))
        async def works(context: inngest.Context) -> str:
            if context.event.data.get("boom"):
                raise ValueError("boom")
            return "done"

        ends = [
            telling(sdk, told, name, inngest.TriggerEvent(event=f"inngest/function.{name}"))
            for name in ("finished", "failed")
        ]
        return [works, *ends]

    site = await serve(functions)
    await site.sdk.send(inngest.Event(name="app/go", id="good"))
    await site.sdk.send(inngest.Event(name="app/go", id="bad", data={"boom": True}))
    await site.idle()
    seen = sorted((id_, event.data["event"]["id"], event.data["function_id"]) for id_, event in site.told)
    assert seen == [("failed", "bad", "app-works"), ("finished", "bad", "app-works"), ("finished", "good", "app-works")]
    results = {event.data["event"]["id"]: event.data["result"] for id_, event in site.told if id_ == "finished"}
    assert results["good"] == "done"


async def test_a_wildcard_and_a_condition_choose_events(serve: Serve) -> None:
    """All below a name; only those for which the condition holds."""

    def functions(sdk: inngest.Inngest, told: list[Any]) -> list[inngest.Function[Any]]:
        return [
            telling(sdk, told, "all", inngest.TriggerEvent(event="app/*")),
            telling(sdk, told, "some", inngest.TriggerEvent(event="app/user.created", expression="event.data.n > 1")),
        ]

    site = await serve(functions)
    names = [("app/user.created", 1), ("app/user.created", 2), ("app/gone", 3), ("other/user.created", 4)]
    await site.sdk.send([inngest.Event(name=name, data={"n": n}) for name, n in names])
    await site.idle()
    seen = sorted((id_, event.data["n"]) for id_, event in site.told)
    assert seen == [("all", 1), ("all", 2), ("all", 3), ("some", 2)]


async def test_calls_are_bounded_for_each_key(serve: Serve) -> None:
    """Two at a time for one client, two for another, and never more."""
    now: dict[str, int] = {}
    most: dict[str, int] = {}

    def functions(sdk: inngest.Inngest, told: list[Any]) -> list[inngest.Function[Any]]:
        @sdk.create_function(
            fn_id="bounded",
            retries=0,
            trigger=inngest.TriggerEvent(event="app/go"),
            concurrency=[inngest.Concurrency(limit=2, key="event.data.client")],
        )
        async def bounded(context: inngest.Context) -> None:
            client = str(context.event.data["client"])
            now[client] = now.get(client, 0) + 1
            most[client] = max(most.get(client, 0), now[client])
            await asyncio.sleep(0.1)  # so that calls overlap where they may
            now[client] -= 1
            told.append(client)

        return [bounded]

    site = await serve(functions)
    await site.sdk.send([inngest.Event(name="app/go", data={"client": "xy"[n % 2]}) for n in range(12)])
    await site.told_eventually(12)
    assert most == {"x": 2, "y": 2}


async def test_an_event_is_never_too_early_for_a_registration_at_another_engine(
    serve: Serve, database_dsn: str
) -> None:
    """Two engines on one database: what one was told, the other goes by at its next event."""
    site = await serve(lambda sdk, told: [telling(sdk, told, "first", inngest.TriggerEvent(event="app/go"))])
    async with serving(create_engine_app(EngineOptions(database_dsn))) as other:
        await site.client.post(f"{other}/e/any", json={"name": "app/go", "data": {}})
        await site.told_eventually(1)
        step = {"runtime": {"type": "http", "url": "http://127.0.0.1:9/?fnId=late-f&stepId=step"}}
        late = {"id": "late-f", "name": "late-f", "steps": {"step": step}, "triggers": [{"event": "late/go"}]}
        body = {"appname": "late", "functions": [late]}
        assert (await site.client.post(f"{site.url}/fn/register", json=body)).is_success
        await site.client.post(f"{other}/e/any", json={"name": "late/go", "id": "l", "data": {}})
        assert len(await site.statuses("l")) == 1
        await site.client.post(f"{site.url}/fn/register", json=body | {"functions": []})


async def test_time_moves_forward_only() -> None:
    """And an engine's time is the machine's until it is moved."""
    time = EngineClock()
    before = datetime.now(UTC)
    time.advance(timedelta(hours=1))
    assert timedelta(0) <= time.now() - before - timedelta(hours=1) < timedelta(minutes=1)
    with pytest.raises(ValueError, match="forward only"):
        time.advance(timedelta(seconds=-1))
