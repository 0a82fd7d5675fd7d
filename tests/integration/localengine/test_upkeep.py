"""Singletons, registrations, retention, history and bounds of the engine's rows, against PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.integration.localengine.stores import (
    accept,
    claim,
    function,
    queue,
    run_sql,
    scalar,
    settle,
    step,
    wake,
)
from tickover import clock
from tickover.localengine.clock import EngineClock
from tickover.localengine.faults.faults import Faults
from tickover.localengine.intake import runs_for
from tickover.localengine.outcome import Answer
from tickover.localengine.registry import Registry
from tickover.localengine.settlement import Settlement
from tickover.localengine.store import EngineStore, NewEvent


async def test_of_a_singleton_one_run_is_alive_at_a_time(store: EngineStore) -> None:
    """An event that comes while one is alive starts none; after its end, one."""
    only = function(singleton={"mode": "skip", "key": "event.data.k"})
    await queue(store, 3, only)
    assert await scalar(store, "SELECT count(*) FROM tickover_engine.run") == 3  # no key: no bound
    await run_sql(store, "DELETE FROM tickover_engine.run")
    only = function(singleton={"mode": "skip"})
    await queue(store, 3, only, event="c/d")
    assert await scalar(store, "SELECT count(*) FROM tickover_engine.run") == 0
    await store.register("app", [only], clock.now())

    async def send(name: str) -> None:
        event = NewEvent(name, {"name": "a/b", "id": name, "data": {}, "ts": 1, "user": {}})
        known = (await store.functions()).version
        assert await accept(store, [event], runs_for([event], [only], 1), known) is not None

    await asyncio.gather(*(send(f"one-{n}") for n in range(5)))
    assert await scalar(store, "SELECT count(*) FROM tickover_engine.run") == 1
    (item,) = await claim(store)
    await send("two")
    assert await settle(store, item, Answer(200))
    await send("three")
    assert await scalar(store, "SELECT count(*) FROM tickover_engine.run") == 2
    assert await scalar(store, "SELECT count(*) FROM tickover_engine.event WHERE event_id LIKE 'one-%'") == 5


async def test_who_knows_an_older_registration_stores_nothing(store: EngineStore) -> None:
    """Neither an event nor the end of a run: it looks again, and then it may."""
    await queue(store, 1, function())
    (item,) = await claim(store)
    event = NewEvent("e", {"name": "a/b", "id": "e", "data": {}, "ts": 1, "user": {}})
    old = (await store.functions()).version
    await store.register("app", [function(), function("app-g")], clock.now())
    assert await accept(store, [event], [], old) is None
    assert await scalar(store, "SELECT count(*) FROM tickover_engine.event WHERE internal_id = 'e'") == 0
    time = EngineClock()
    registry = Registry(store, time, Faults(store.database))
    await registry.functions()
    await store.register("app", [function()], clock.now())
    assert await Settlement(store, registry, time, retry_interval=0).settle(item, Answer(200), time.now())
    assert (
        await scalar(store, "SELECT count(*) FROM tickover_engine.event WHERE name = 'inngest/function.finished'") == 1
    )


async def test_what_is_old_is_dropped_and_what_is_alive_is_kept(store: EngineStore) -> None:
    """Ended runs by their age and by their number, their events, and what was seen."""
    await queue(store, 30, function())
    for item in await store.claim(20, clock.now()):
        await settle(store, item, step("s") if item.id % 2 else Answer(200))
    runs = "SELECT count(*) FROM tickover_engine.run"
    later, day = clock.now() + timedelta(hours=25), timedelta(hours=24)
    while await store.prune(clock.now(), day, most=6):
        pass
    assert await scalar(store, runs) == 30 - 10 + 6
    while await store.prune(later, day, most=100):
        pass
    assert await scalar(store, runs) == 20
    assert await scalar(store, f"{runs} WHERE ended_at IS NULL") == 20
    assert await scalar(store, "SELECT count(*) FROM tickover_engine.event") == 20
    assert await scalar(store, "SELECT count(*) FROM tickover_engine.seen") == 0
    assert len(await claim(store)) == 10


async def test_history_tells_what_became_of_each_call(store: EngineStore) -> None:
    """In order, with attempts, names and errors; a sleep is there when it has ended."""
    await queue(store, 1, function())
    failed = [{"op": "StepError", "id": "s", "displayName": "load", "error": {"message": "boom", "name": "E"}}]
    nap = [{"op": "Sleep", "id": "n", "displayName": "nap", "name": "2026-01-01T00:00:00Z"}]
    for answer in (Answer(500), Answer(206, body=failed), Answer(206, body=nap), None, Answer(200, body=7)):
        (item,) = await claim(store)
        assert await (wake(store, item) if answer is None else settle(store, item, answer)) is not None
    async with store.database.connection() as connection:
        rows = await (
            await connection.execute(
                b"SELECT attempt, outcome, name, http_status, error FROM tickover_engine.call ORDER BY id"
            )
        ).fetchall()
    assert rows == [
        (0, "retried", None, 500, "invalid status code: 500"),
        (1, "step_failed", "load", 206, "boom"),
        (0, "slept", "nap", 206, None),
        (0, "woke", "nap", 0, None),
        (0, "returned", None, 200, None),
    ]


@pytest.mark.parametrize(("size", "state"), [(32 * 2**20, "running"), (32 * 2**20 + 1, "failed")])
async def test_the_steps_of_a_run_hold_a_bounded_number_of_bytes(store: EngineStore, size: int, state: str) -> None:
    """The limit of the real engine; beyond it the run fails, and says so."""
    await queue(store, 1, function())
    (item,) = await claim(store)
    half = replace(item, state_size=size // 2)
    answer = Answer(206, body=[{"op": "StepRun", "id": "s", "data": None}], size=size - size // 2)
    assert await settle(store, half, answer) is not None
    assert await scalar(store, "SELECT state FROM tickover_engine.run") == state
