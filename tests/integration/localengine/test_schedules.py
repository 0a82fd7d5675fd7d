"""Cron triggers against PostgreSQL: each firing happens once, and none is lost to a restart."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from structlog.testing import capture_logs

from tests.integration.localengine.rude import function as rude_function
from tests.integration.localengine.rude import rude_world
from tests.waiting import eventually
from tickover.database import Async, Database
from tickover.localengine.crons import parse
from tickover.localengine.schedules import replace_schedules
from tickover.localengine.store import EngineStore
from tickover.localengine.timer import Timer
from tickover.localengine.wire import Registered

NOON = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)


class SetEngineClock:
    """An engine's time that stands still until it is set."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        """The time it shows."""
        return self.at


def function(*triggers: str, id_: str = "app-f") -> Registered:
    """A function with cron triggers."""
    return Registered(id_, "app", "http://127.0.0.1:1/", {"triggers": [{"cron": trigger} for trigger in triggers]})


class Fired(list[tuple[str, str]]):
    """What has fired."""

    async def __call__(self, _: Async, function_id: str, cron: str) -> None:
        """Note it."""
        self.append((function_id, cron))


def timer(store: EngineStore, clock: SetEngineClock, fired: Any) -> Timer:
    """A timer of one engine process."""
    return Timer(store.database, clock, fired)  # type: ignore[arg-type] # a clock that is set, not moved


async def test_a_trigger_fires_when_its_time_has_come_and_once(store: EngineStore) -> None:
    """Not before; and then the next time."""
    clock, fired = SetEngineClock(), Fired()
    await store.register("app", [function("* * * * *", "0 9 * * *")], clock.now())
    ticking = timer(store, clock, fired)
    assert await ticking.fire_due() == 0
    for _ in range(3):
        clock.at += timedelta(minutes=1)
        assert [await ticking.fire_due(), await ticking.fire_due()] == [1, 0]
    assert fired == [("app-f", "* * * * *")] * 3


async def test_several_processes_fire_it_once(store: EngineStore) -> None:
    """However many look at the same moment."""
    clock, fired = SetEngineClock(), Fired()
    await store.register("app", [function("* * * * *"), function("* * * * *", id_="app-g")], clock.now())
    clock.at += timedelta(minutes=1)
    timers = [timer(store, clock, fired) for _ in range(4)]
    assert sum(await asyncio.gather(*(each.fire_due() for each in timers))) == 2
    assert sorted(fired) == [("app-f", "* * * * *"), ("app-g", "* * * * *")]


@pytest.mark.parametrize(("late", "fires"), [(0, 1), (60, 1), (61, 0), (86_400, 0)])
async def test_a_firing_that_no_engine_was_there_for_is_made_up_for_a_minute(
    store: EngineStore, late: int, fires: int
) -> None:
    """Once, however many were missed; later it is skipped, and the next one is made."""
    clock, fired = SetEngineClock(), Fired()
    await store.register("app", [function("0 * * * *")], clock.now())
    clock.at = datetime(2026, 11, 23, 13, 0, tzinfo=UTC) + timedelta(seconds=late)
    assert [await timer(store, clock, fired).fire_due() for _ in range(2)] == [fires, 0]
    clock.at = (clock.at + timedelta(hours=1)).replace(minute=0, second=0)
    assert await timer(store, clock, fired).fire_due() == 1


async def test_a_firing_that_fails_is_made_again(store: EngineStore) -> None:
    """What was not committed did not happen."""
    clock = SetEngineClock()
    await store.register("app", [function("* * * * *")], clock.now())
    clock.at += timedelta(minutes=1)

    async def fail(*_: object) -> None:
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError):
        await timer(store, clock, fail).fire_due()
    assert await timer(store, clock, Fired()).fire_due() == 1


async def test_a_registration_keeps_what_stands_and_drops_what_is_gone(store: EngineStore) -> None:
    """The same again moves no time; another app's are not touched."""
    await store.register("app", [function("0 * * * *", "0 9 * * *")], NOON)
    await store.register(
        "other", [Registered("other-f", "other", "http://127.0.0.1:1/", function("0 1 * * *").config)], NOON
    )
    async with store.database.transaction() as connection:
        await replace_schedules(connection, "app", [function("0 9 * * *", "0 10 * * *")], NOON + timedelta(days=9))
        rows = await (
            await connection.execute(b"SELECT cron, next_at FROM tickover_engine.schedule ORDER BY 1")
        ).fetchall()
    assert [(cron, next_at.day) for cron, next_at in rows] == [("0 1 * * *", 24), ("0 10 * * *", 3), ("0 9 * * *", 24)]
    await store.register("app", [], NOON)
    async with store.database.connection() as connection:
        rows = await (await connection.execute(b"SELECT function_id FROM tickover_engine.schedule")).fetchall()
    assert rows == [("other-f",)]


async def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""

    async def holds() -> bool:
        return condition()

    await eventually(holds)


async def test_a_timer_survives_a_database_that_is_away(store: EngineStore, postgres: str) -> None:
    """It says so once, and fires when the database is back."""
    clock, fired, dsn = SetEngineClock(), Fired(), store.database.dsn
    await store.register("app", [function("* * * * *")], clock.now())
    name = conninfo_to_dict(dsn)["dbname"]
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    short = Database(dsn, wait=0.3)
    await short.open()
    with capture_logs() as logs, psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(allow.format(sql.Identifier(str(name)), sql.SQL("false")))
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        clock.at += timedelta(minutes=1)
        ticking = timer(EngineStore(short, lease_s=10), clock, fired)
        loop = asyncio.create_task(ticking.run())
        await wait_for(lambda: bool(logs))
        admin.execute(allow.format(sql.Identifier(str(name)), sql.SQL("true")))
        await wait_for(lambda: len(logs) > 1)
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
    await short.close()
    assert [entry["event"] for entry in logs] == ["cron.not_fired", "cron.fired"]
    assert fired == [("app-f", "* * * * *")]


async def test_a_cron_run_of_a_real_engine_gets_the_event_that_the_real_one_sends(database_dsn: str, rows: Any) -> None:
    """`inngest/scheduled.timer`, with the text as it was registered; one run, of just that function."""
    daily = "TZ=Europe/Berlin 0 9 * * *"
    async with rude_world(database_dsn) as world:
        await world.register(
            rude_function("daily", world.port, triggers=[{"cron": daily}]),
            rude_function("never", world.port, triggers=[{"cron": "0 0 29 2 *"}]),
        )
        clock = world.clock
        clock.advance(parse(daily).after(clock.now()) - clock.now())
        await wait_for(lambda: world.app.calls == ["daily"])
        (event,) = rows("SELECT event_id, body FROM tickover_engine.event WHERE name = 'inngest/scheduled.timer'")
        (run,) = await world.runs(event["event_id"])
        assert event["body"]["data"] == {"cron": daily}
        assert (run["function_slug"], run["status"]) == ("daily", "Completed")
        await world.still_serves()
