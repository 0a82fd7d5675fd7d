"""A store as an engine process uses it, without the process: queue, claim, settle."""

from typing import Any

from tickover import clock
from tickover.localengine.clock import EngineClock
from tickover.localengine.faults.faults import Faults
from tickover.localengine.intake import runs_for
from tickover.localengine.outcome import Answer, Outcome
from tickover.localengine.registry import Registry
from tickover.localengine.settlement import Settlement
from tickover.localengine.store import EngineStore, Item, NewEvent, NewRun
from tickover.localengine.wire import Registered


def function(id_: str = "app-f", event: str = "a/b", **more: Any) -> Registered:
    """A function with an application that is never called."""
    step = {"step": {"runtime": {"url": "http://127.0.0.1:1/"}, "retries": {"attempts": 1}}}
    return Registered(id_, "app", "http://127.0.0.1:1/", {"steps": step, "triggers": [{"event": event}]} | more)


async def queue(store: EngineStore, count: int, *functions: Registered, event: str = "a/b") -> None:
    """Queue runs of functions, as events do."""
    await store.register("app", functions, clock.now())
    events = [
        NewEvent(f"{event}-{n}", {"name": event, "id": f"{event}-{n}", "data": {}, "ts": 1, "user": {}})
        for n in range(count)
    ]
    known = (await store.functions()).version
    assert await accept(store, events, runs_for(events, functions, 1), known) is not None


async def scalar(store: EngineStore, query: str) -> Any:
    """One value."""
    async with store.database.connection() as connection:
        row = await (await connection.execute(query.encode())).fetchone()
        assert row is not None
        return row[0]


async def run_sql(store: EngineStore, query: str) -> None:
    """Set the scene."""
    async with store.database.connection() as connection:
        await connection.execute(query.encode())


async def expire(store: EngineStore) -> None:
    """Let every lease run out."""
    await run_sql(
        store, "UPDATE tickover_engine.item SET leased_to = now() - interval '1 s' WHERE leased_to IS NOT NULL"
    )


async def accept(store: EngineStore, events: list[NewEvent], runs: list[NewRun], known: int) -> frozenset[str] | None:
    """Store events and queue runs."""
    async with store.database.connection() as connection:
        return await store.accept(connection, events, runs, known, clock.now())


async def claim(store: EngineStore) -> list[Item]:
    """What is due now."""
    return await store.claim(10, clock.now())


async def settle(store: EngineStore, item: Item, answer: Answer) -> Outcome | None:
    """Settle a call as an engine process of its own would."""
    time = EngineClock()
    return await Settlement(store, Registry(store, time, Faults(store.database)), time, retry_interval=0).settle(
        item, answer, time.now()
    )


async def wake(store: EngineStore, item: Item) -> Outcome | None:
    """End a sleep."""
    time = EngineClock()
    return await Settlement(store, Registry(store, time, Faults(store.database)), time, retry_interval=0).wake(item)


def step(id_: str, data: Any = None) -> Answer:
    """A step that ran."""
    return Answer(206, body=[{"op": "StepRun", "id": id_, "data": data}])


def planned(*ids: str) -> Answer:
    """Parallel steps that were found."""
    return Answer(206, body=[{"op": "StepPlanned", "id": id_} for id_ in ids])
