"""Claims, fences, leases and moves of the engine's rows, against PostgreSQL."""

import asyncio
import re
from typing import Any

import pytest

from tests.integration.localengine.stores import (
    claim,
    expire,
    function,
    planned,
    queue,
    run_sql,
    scalar,
    settle,
    step,
    wake,
)
from tests.waiting import eventually
from tickover import clock
from tickover.localengine.clock import EngineClock
from tickover.localengine.faults.faults import Faults
from tickover.localengine.outcome import Answer
from tickover.localengine.registry import Registry
from tickover.localengine.settlement import Settlement
from tickover.localengine.states import MOVES, CallOutcome, RunState
from tickover.localengine.store import EngineStore, Item


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


async def test_an_answer_that_comes_with_an_older_one_in_a_batch_is_settled(store: EngineStore) -> None:
    """The older one, whose lease was taken, takes nothing from it."""
    await queue(store, 2, function())
    other, late = await claim(store)
    await expire(store)
    other, holder = await claim(store)
    assert (holder.id, holder.fence) == (late.id, late.fence + 1)
    time = EngineClock()
    settlement = Settlement(store, Registry(store, time, Faults(store.database)), time, retry_interval=0)
    order = [(other, Answer(500)), (late, step("s", "late")), (holder, step("s", "holder"))]
    results = await asyncio.gather(*(settlement.settle(each, answer, time.now()) for each, answer in order))
    assert [result is not None for result in results] == [True, False, True]
    assert await scalar(store, "SELECT memo ->> 'data' FROM tickover_engine.step") == "holder"
