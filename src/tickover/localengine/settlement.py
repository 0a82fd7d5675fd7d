"""Does with an answer what it means: a step is memoized, a call made again, a run ended."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from psycopg import DataError, OperationalError
from psycopg.errors import ProgramLimitExceeded
from psycopg_pool import PoolTimeout

from tickover import clock
from tickover.localengine.caller import attempts_after_first
from tickover.localengine.identifiers import fresh_ulid
from tickover.localengine.intake import runs_for
from tickover.localengine.outcome import Answer, Failed, Outcome, Planned, Returned, Slept, Step, outcome, parse_version
from tickover.localengine.registry import Registry
from tickover.localengine.retry import LARGEST_JITTER, delay
from tickover.localengine.states import RunState
from tickover.localengine.store import EngineStore, Held, Item, NewEvent
from tickover.localengine.wire import Registered

_log = structlog.stdlib.get_logger("tickover.engine")
_UNKEEPABLE = (DataError, ProgramLimitExceeded, ValueError, RecursionError)
_PARTIAL_CONTENT = 206
_KEEP_TRYING = 60.0  # seconds that an answer waits for the database to come back, before its call is made again
_PAUSE = 0.5
MOST_STEPS = 1000
"""Steps of a run (the limit of the real engine)."""


class Settlement:
    """Settles calls.

    Args:
        store: the runs.
        registry: the functions, for the events that tell of a run's end.
        retry_interval: seconds between attempts instead of the real delays; None for those.
    """

    def __init__(self, store: EngineStore, registry: Registry, retry_interval: float | None) -> None:
        self._store = store
        self._registry = registry
        self._retry_interval = retry_interval

    async def settle(self, item: Item, answer: Answer) -> Outcome | None:
        """What an answer meant, once that is committed; None where the call was no longer held.

        Raises:
            psycopg.OperationalError: the database stayed away, or PoolTimeout; the call will be made again.
        """
        try:
            return await self._patiently(item, answer, _meaning(item, answer))
        except _UNKEEPABLE as error:  # a NUL, half a surrogate pair, NaN, too large: PostgreSQL keeps no such JSON
            reason = str(error).partition("\n")[0][:200]
        lost = Answer(answer.status, fault=f"the answer cannot be kept: {reason}")
        return await self._patiently(item, lost, _meaning(item, lost))

    async def _patiently(self, item: Item, answer: Answer, result: Outcome) -> Outcome | None:
        """Settle, and wait for a database that is away: what has answered should not have to run again."""
        until = clock.monotonic() + _KEEP_TRYING
        while True:
            try:
                return await self._once(item, answer, result)
            except ProgramLimitExceeded:
                raise
            except (OperationalError, PoolTimeout):
                if clock.monotonic() > until:
                    raise
                await asyncio.sleep(_PAUSE)

    async def _once(self, item: Item, answer: Answer, result: Outcome) -> Outcome | None:
        functions = await self._registry.functions()  # before a connection is held, which it might wait for
        async with self._store.database.transaction() as connection:
            held = await self._store.lock(connection, item)
            if held is None:
                return None
            version = parse_version(answer.headers.get("x-inngest-req-version"))
            if answer.status == _PARTIAL_CONTENT and version is not None:
                await held.version(version)
            await self._apply(held, item, result, functions)
        return result

    async def _apply(self, held: Held, item: Item, result: Outcome, functions: Sequence[Registered]) -> None:
        match result:
            case Returned(output):
                await _end(held, item, functions, RunState.COMPLETED, output, {"result": output})
            case Failed(retry=True, at=at):
                jitter = random.uniform(0, LARGEST_JITTER)  # noqa: S311 - spreads load, guards nothing
                await held.retry(delay_s=delay(item.attempt, jitter, self._retry_interval), at=at)
            case Failed(error=error, result=said):
                await _end(held, item, functions, RunState.FAILED, said, _failure(error, said))
            case Planned(step_ids):
                for step_id in step_ids:
                    await held.queue(step_id)
                await held.finish()
            case Slept(step_id, until):
                await held.sleep(step_id, until)
            case Step(step_id, memo):
                await held.memoize(step_id, memo)
                # Of parallel steps, the last one asks for the run to go on.
                if await held.others() == 0:
                    await held.queue("step")
                await held.finish()


def _meaning(item: Item, answer: Answer) -> Outcome:
    if item.wakes is not None:
        return Step(item.wakes, None)
    result = outcome(answer, item.attempt, attempts_after_first(item))
    new_steps = {Step: 1, Slept: 1, Planned: len(result.step_ids) if isinstance(result, Planned) else 0}
    if len(item.stack) + new_steps.get(type(result), 0) > MOST_STEPS:
        text = f"a run has at most {MOST_STEPS} steps"
        return Failed(text, {"message": text, "name": "Error"}, retry=False)
    return result


async def _end(
    held: Held, item: Item, functions: Sequence[Registered], state: RunState, output: Any, told: Mapping[str, Any]
) -> None:
    """End a run, and tell of it by the engine's own events."""
    millis = int(clock.now().timestamp() * 1000)
    data = {
        "_inngest": {"status": "Failed" if state is RunState.FAILED else "Completed"},
        "event": item.event,
        "events": [{name: value for name, value in item.event.items() if name != "user"}],
        "function_id": item.function_id,
        "run_id": item.run_id,
        **told,
    }
    names = ["inngest/function.finished"]
    if state is RunState.FAILED:
        names.insert(0, "inngest/function.failed")
    ids = [item.run_id, fresh_ulid(millis)] if len(names) > 1 else [fresh_ulid(millis)]
    events = [
        NewEvent(fresh_ulid(millis), {"data": data, "id": id_, "name": name, "ts": millis, "user": {}})
        for name, id_ in zip(names, ids, strict=True)
    ]
    await held.end(state, output)
    if not item.event["name"].startswith("inngest/"):
        await held.accept(events, runs_for(events, functions, millis))


def _failure(error: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """What `inngest/function.failed` says of an error."""
    shown = {name: said.get(name) for name in ("message", "name", "stack")}
    return {"error": {"error": error, **shown}, "result": dict(said)}
