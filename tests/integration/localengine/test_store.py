"""Claims, fences, leases and moves of the engine's rows, against PostgreSQL."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.waiting import eventually
from tickover import clock
from tickover.database import Database
from tickover.localengine.clock import EngineClock
from tickover.localengine.faults.faults import Faults
from tickover.localengine.intake import runs_for
from tickover.localengine.outcome import Answer, Outcome
from tickover.localengine.registry import Registry
from tickover.localengine.server import HISTORY
from tickover.localengine.settlement import Settlement
from tickover.localengine.states import MOVES, CallOutcome, RunState
from tickover.localengine.store import EngineStore, Item, NewEvent, NewRun
from tickover.localengine.wire import Registered
from tickover.migrations import migrate


@pytest.fixture
async def store(database_dsn: str) -> AsyncIterator[EngineStore]:
    """A store over a fresh database."""
    await asyncio.to_thread(migrate, database_dsn, HISTORY)
    database = Database(database_dsn)
    await database.open()
    yield EngineStore(database, lease_s=10)
    await database.close()


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


@pytest.mark.parametrize("state", [state for state in RunState if not MOVES[state]])
async def test_a_run_that_has_ended_stays_as_it_is(store: EngineStore, state: RunState) -> None:
    """Nothing that is decided about a call of it changes its state; nor is it called again."""
    await queue(store, 1, function())
    (item,) = await claim(store)
    async with store.database.connection() as connection:
        await connection.execute(b"UPDATE tickover_engine.run SET state = %s", (state,))
    for answer in (Answer(200, body=1), Answer(500), Answer(500, {"x-inngest-no-retry": "true"}), step("s")):
        assert await settle(store, item, answer) is None
    await expire(store)
    assert await scalar(store, "SELECT state FROM tickover_engine.run") == state
    assert await scalar(store, "SELECT output IS NULL FROM tickover_engine.run")


async def test_a_run_that_was_never_called_does_not_end(store: EngineStore) -> None:
    """From queued the only move is to running."""
    await queue(store, 1, function())
    (item,) = await claim(store)
    await run_sql(store, "UPDATE tickover_engine.run SET state = 'queued'")
    for answer in (Answer(200, body=1), Answer(500, {"x-inngest-no-retry": "true"})):
        assert await settle(store, item, answer) is None
    assert await scalar(store, "SELECT state FROM tickover_engine.run") == RunState.QUEUED


async def test_the_functions_of_the_database_spell_the_states_as_the_enums_do(store: EngineStore) -> None:
    """Every quoted word in them that looks like a state is one; and every outcome is decided about."""
    source = await scalar(
        store, "SELECT string_agg(prosrc, ' ') FROM pg_proc WHERE pronamespace = 'tickover_engine'::regnamespace"
    )
    quoted = set(re.findall(r"'([a-z_]+)'", source)) - {"step", "off", "synchronous_commit", "item"}
    assert quoted - {"step"} <= {*RunState, *CallOutcome}
    assert set(CallOutcome) <= quoted | {"step"}


@pytest.mark.parametrize("end", [RunState.COMPLETED, RunState.FAILED])
async def test_a_run_moves_as_the_table_says(store: EngineStore, end: RunState) -> None:
    """Queued, running at its claim, and its end."""
    await queue(store, 1, function())
    assert await scalar(store, "SELECT state FROM tickover_engine.run") == RunState.QUEUED
    (item,) = await claim(store)
    assert await scalar(store, "SELECT state FROM tickover_engine.run") == RunState.RUNNING
    answer = Answer(200, body=1) if end is RunState.COMPLETED else Answer(500, {"x-inngest-no-retry": "true"})
    assert await settle(store, item, answer)
    assert await scalar(store, "SELECT state FROM tickover_engine.run") == end
    assert await store.counts() == (1, 0)


async def test_the_database_knows_the_states_of_the_enum(store: EngineStore) -> None:
    """And no other."""
    definition = await scalar(
        store, "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'run_state_check'"
    )
    assert set(definition.split("'")[1::2]) == set(RunState)


async def test_an_answer_that_comes_after_its_lease_was_taken_settles_nothing(store: EngineStore) -> None:
    """Also while the new holder's is being settled at the same moment: the step is memoized once, and asked on once."""
    await queue(store, 1, function())
    (late,) = await claim(store)
    await expire(store)
    (holder,) = await claim(store)
    assert holder.fence > late.fence
    results = await asyncio.gather(*(settle(store, item, step("s", n)) for n, item in enumerate((late, holder, late))))
    assert [result is not None for result in results] == [False, True, False]
    assert await scalar(store, "SELECT memo ->> 'data' FROM tickover_engine.step") == "1"
    assert await scalar(store, "SELECT count(*) FROM tickover_engine.item") == 1


async def test_who_waited_for_the_run_sees_that_its_call_was_settled(store: EngineStore) -> None:
    """The fence is read after the lock is held, not before."""
    await queue(store, 1, function())
    (late,) = await claim(store)
    async with store.database.transaction() as connection:
        await connection.execute(b"SELECT FROM tickover_engine.run FOR UPDATE")
        waiting = asyncio.create_task(settle(store, late, step("s")))

        async def waits() -> bool:
            return bool(await scalar(store, "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted"))

        await eventually(waits)
        await connection.execute(b"UPDATE tickover_engine.item SET fence = fence + 1")
    assert await waiting is None
    assert await scalar(store, "SELECT count(*) FROM tickover_engine.step") == 0


@pytest.mark.parametrize("count", [2, 8])
async def test_parallel_steps_that_end_at_once_ask_on_exactly_once(store: EngineStore, count: int) -> None:
    """The last one does, whichever it is."""
    await queue(store, 1, function())
    (item,) = await claim(store)
    await settle(store, item, planned(*map(str, range(count))))
    items = await claim(store)
    assert sorted(item.step_id for item in items) == sorted(map(str, range(count)))
    await asyncio.gather(*(settle(store, item, step(item.step_id)) for item in items))
    (last,) = await claim(store)
    assert (last.step_id, len(last.steps)) == ("step", count)


async def test_a_step_that_sleeps_beside_others_is_memoized_when_it_wakes(store: EngineStore) -> None:
    """The run goes on after the longest of them, not after the last answer."""
    await queue(store, 1, function())
    (item,) = await claim(store)
    await settle(store, item, planned("nap", "work"))
    items = {item.step_id: item for item in await claim(store)}
    nap = Answer(206, body=[{"op": "Sleep", "id": "nap", "name": "9999-01-01T00:00:00Z"}])
    await settle(store, items["nap"], nap)
    await settle(store, items["work"], step("work"))
    assert await claim(store) == []
    await run_sql(store, "UPDATE tickover_engine.item SET due_at = now()")
    (waking,) = await claim(store)
    assert (waking.wakes, list(waking.steps)) == ("nap", ["work"])
    await wake(store, waking)
    (last,) = await claim(store)
    assert (last.step_id, last.wakes, last.steps["nap"]) == ("step", None, None)


async def test_a_failed_attempt_that_is_heard_twice_counts_once(store: EngineStore) -> None:
    """As after a commit whose answer was lost."""
    await queue(store, 1, function())
    (item,) = await claim(store)
    results = [await settle(store, item, Answer(500)) for _ in range(2)]
    assert [result is not None for result in results] == [True, False]
    (again,) = await claim(store)
    assert again.attempt == 1


async def test_a_call_that_was_given_back_is_due_at_once_and_its_answer_too_late(store: EngineStore) -> None:
    """As at a stop."""
    await queue(store, 1, function())
    items = await claim(store)
    await store.release(items)
    assert await settle(store, items[0], step("s")) is None
    assert [item.id for item in await claim(store)] == [items[0].id]


async def test_a_lease_that_is_renewed_is_kept_and_one_that_was_lost_is_not_won_back(store: EngineStore) -> None:
    """Renewal goes by the fence."""
    await queue(store, 1, function())
    (item,) = await claim(store)
    await run_sql(store, "UPDATE tickover_engine.item SET leased_to = now() + interval '1 ms'")
    await store.renew([item])
    assert await scalar(store, "SELECT leased_to > now() + interval '5 s' FROM tickover_engine.item")
    await expire(store)
    (taken,) = await claim(store)
    await expire(store)
    await store.renew([item])
    assert await scalar(store, "SELECT leased_to < now() FROM tickover_engine.item")
    assert taken.fence > item.fence


async def test_two_processes_never_hold_more_calls_than_a_slot_has_room_for(store: EngineStore) -> None:
    """However many claim at once."""
    await queue(store, 20, function(concurrency=[{"limit": 3}]))
    claims = await asyncio.gather(*(claim(store) for _ in range(8)))
    assert sum(len(items) for items in claims) == 3


async def test_a_full_slot_hides_nobody_however_long_its_queue(store: EngineStore) -> None:
    """1,500 older calls wait for one place; a younger one of another function is claimed."""
    one, other = function("app-one", concurrency=[{"limit": 1}]), function("app-other", "c/d")
    await queue(store, 1500, one, other)
    assert len(await claim(store)) == 1
    await queue(store, 1, one, other, event="c/d")
    assert [item.function_id for item in await claim(store)] == ["app-other"]


async def test_a_run_whose_function_is_gone_waits_and_takes_nobodys_place(store: EngineStore) -> None:
    """It is claimed when the function is back."""
    await queue(store, 3, function())
    await queue(store, 1, function("app-g", "c/d"), event="c/d")
    assert [item.function_id for item in await claim(store)] == ["app-g"]
    untouched = "SELECT count(*) FROM tickover_engine.item WHERE fence = 0"
    assert await scalar(store, untouched) == 3
    await store.register("app", [function()], clock.now())
    assert len(await claim(store)) == 3


@pytest.mark.parametrize("data", ["a\x00b", "\ud800", float("nan")], ids=["nul", "half a pair", "nan"])
async def test_an_answer_that_cannot_be_kept_is_a_failed_attempt_and_ends(store: EngineStore, data: Any) -> None:
    """It is not made again for ever."""
    await queue(store, 1, function())
    for _ in range(2):
        items: list[Item] = await claim(store)
        assert await settle(store, items[0], step("s", data)) is not None
    assert await scalar(store, "SELECT state FROM tickover_engine.run") == RunState.FAILED
    assert "cannot be kept" in await scalar(store, "SELECT output ->> 'message' FROM tickover_engine.run")


async def test_what_a_registration_takes_away_is_a_change(store: EngineStore) -> None:
    """As is what it brings and alters; the same again is none."""
    changes = [
        await store.register("app", functions, clock.now())
        for functions in ([function(), function("app-g")], [function("app-g"), function()], [function()], [function()])
    ]
    assert changes == [True, False, True, False]


async def test_one_engine_process_claims_at_a_time(store: EngineStore) -> None:
    """Who counts the calls of a slot must be the only one who adds to them."""
    await queue(store, 2, function(concurrency=[{"limit": 1}]))
    async with store.database.transaction() as connection:
        await connection.execute(b"SELECT FROM tickover_engine.turn FOR UPDATE")
        waiting = asyncio.create_task(claim(store))

        async def waits() -> bool:
            return bool(await scalar(store, "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted"))

        await eventually(waits)
        assert not waiting.done()
    assert len(await waiting) == 1


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


async def test_two_answers_to_one_call_that_come_together_are_told_of_once(store: EngineStore) -> None:
    """As of a call that was made twice: while another batch is being settled, they become one batch themselves."""
    await queue(store, 2, function())
    other, item = await claim(store)
    time = EngineClock()
    settlement = Settlement(store, Registry(store, time, Faults(store.database)), time, retry_interval=0)
    order = [(other, Answer(500)), (item, Answer(200, body=1)), (item, Answer(500, {"x-inngest-no-retry": "true"}))]
    results = await asyncio.gather(*(settlement.settle(each, answer, time.now()) for each, answer in order))
    assert [result is not None for result in results] == [True, True, False]
    told = "SELECT string_agg(name, ' ') FROM tickover_engine.event WHERE name LIKE 'inngest/%'"
    assert await scalar(store, told) == "inngest/function.finished"
    assert await scalar(store, "SELECT output FROM tickover_engine.run WHERE state = 'completed'") == 1
