"""Makes the calls that are due, and does with each answer what it means."""

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import structlog

from tickover import clock
from tickover.localengine.caller import Caller, attempts_after_first
from tickover.localengine.identifiers import fresh_ulid
from tickover.localengine.intake import runs_for
from tickover.localengine.outcome import Answer, Failed, Outcome, Planned, Returned, Step, outcome
from tickover.localengine.registry import Registry
from tickover.localengine.retry import LARGEST_JITTER, delay
from tickover.localengine.states import RunState
from tickover.localengine.store import EngineStore, Held, Item, NewEvent

_log = structlog.stdlib.get_logger("tickover.engine")
_POLL = 0.15  # seconds between looks for what another engine process queued (the real dev server polls as often)
_RENEWALS_PER_LEASE = 3
_PAUSE_AFTER_ERROR = 1.0
_GRACE = 5.0  # seconds that calls get to end when the engine stops


class Scheduler:
    """Makes due calls, a bounded number at a time.

    Args:
        store: the queue.
        registry: the functions, for the events that tell of a run's end.
        caller: what makes calls.
        concurrency: calls at a time.
        retry_interval: seconds between attempts instead of the real delays; None for those.
    """

    def __init__(
        self, store: EngineStore, registry: Registry, caller: Caller, concurrency: int, retry_interval: float | None
    ) -> None:
        self._store = store
        self._registry = registry
        self._caller = caller
        self._concurrency = concurrency
        self._retry_interval = retry_interval
        self._wake = asyncio.Event()
        self._calls: dict[asyncio.Task[None], Item] = {}

    def wake(self) -> None:
        """Something was queued: look at once."""
        self._wake.set()

    async def run(self) -> None:
        """Make calls until cancelled; then calls under way get a few seconds, and the rest is given back."""
        renewal = asyncio.create_task(self._renew())
        try:
            while True:
                await self._look()
        finally:
            renewal.cancel()
            await asyncio.shield(self._wind_down())

    async def _look(self) -> None:
        """Claim and start what is due, then wait for a reason to look again."""
        self._wake.clear()
        wait = _POLL
        try:
            room = self._concurrency - len(self._calls)
            items = await self._store.claim(room) if room > 0 else []
            for item in items:
                call = asyncio.create_task(self._make(item))
                self._calls[call] = item
                call.add_done_callback(self._ended)
            due = await self._store.next_due() if not items else 0.0
            wait = _POLL if due is None or due <= 0 else min(_POLL, due)
        except Exception:  # noqa: BLE001 - the loop goes on when the database is back
            _log.exception("engine.database_failed")
            wait = _PAUSE_AFTER_ERROR
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), wait)

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._calls.pop(call, None)
        self.wake()

    async def _make(self, item: Item) -> None:
        """One call, from the claim to what comes of its answer."""
        try:
            answer = await self._caller.call(item)
            await self._settle(item, answer, outcome(answer, item.attempt, attempts_after_first(item)))
        except Exception:  # noqa: BLE001 - the end of a call: its lease expires, and it is made again
            _log.exception("call.failed", run_id=item.run_id, function=item.function_id)

    async def _settle(self, item: Item, answer: Answer, result: Outcome) -> None:
        async with self._store.database.transaction() as connection:
            held = await self._store.lock(connection, item)
            if held is None:
                return
            if answer.status == 206 and "x-inngest-req-version" in answer.headers:  # noqa: PLR2004 - partial content
                await held.version(int(answer.headers["x-inngest-req-version"]))
            await self._apply(held, item, result)
        _log.info(
            "call.answered",
            run_id=item.run_id,
            function=item.function_id,
            attempt=item.attempt,
            http_status=answer.status,
            outcome=type(result).__name__.lower(),
            fault=answer.fault,
        )

    async def _apply(self, held: Held, item: Item, result: Outcome) -> None:
        match result:
            case Returned(output):
                await self._end(held, item, RunState.COMPLETED, output, {"result": output})
            case Failed(retry=True, at=at):
                jitter = random.uniform(0, LARGEST_JITTER)  # noqa: S311 - spreads load, guards nothing
                await held.retry(delay_s=delay(item.attempt, jitter, self._retry_interval), at=at)
            case Failed(error=error, result=said):
                await self._end(held, item, RunState.FAILED, said, _failure(error, said))
            case Planned(step_ids):
                for step_id in step_ids:
                    await held.queue(step_id)
                await held.finish()
            case Step(step_id, memo, at):
                await held.memoize(step_id, memo)
                # Of parallel steps, the last one asks for the run to go on.
                if await held.others() == 0:
                    await held.queue("step", at)
                await held.finish()

    async def _end(self, held: Held, item: Item, state: RunState, output: Any, told: Mapping[str, Any]) -> None:
        """End a run, and tell of it by the engine's own events."""
        millis = int(clock.now().timestamp() * 1000)
        event = {name: value for name, value in item.event.items() if name != "user"}
        data = {
            "_inngest": {"status": "Failed" if state is RunState.FAILED else "Completed"},
            "event": item.event,
            "events": [event],
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
            await held.accept(events, runs_for(events, await self._registry.functions(), millis))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._store.lease_s / _RENEWALS_PER_LEASE)
            try:
                await self._store.renew(list(self._calls.values()))
            except Exception:  # noqa: BLE001 - the loop goes on when the database is back
                _log.exception("engine.database_failed")

    async def _wind_down(self) -> None:
        if not self._calls:
            return
        _, pending = await asyncio.wait(self._calls, timeout=_GRACE)
        given_back = [self._calls[call] for call in pending]
        for call in pending:
            call.cancel()
        await self._store.release(given_back)


def _failure(error: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """What `inngest/function.failed` says of an error."""
    shown = {name: said.get(name) for name in ("message", "name", "stack")}
    return {"error": {"error": error, **shown}, "result": dict(said)}
