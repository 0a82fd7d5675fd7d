"""Does with an answer what it means: a step is memoized, a call made again, a run ended."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import OperationalError
from psycopg.errors import ProgramLimitExceeded
from psycopg_pool import PoolTimeout

from tickover import clock
from tickover.localengine.batching import Batcher
from tickover.localengine.caller import attempts_after_first
from tickover.localengine.clock import EngineClock
from tickover.localengine.identifiers import fresh_ulid, job_id
from tickover.localengine.intake import runs_for
from tickover.localengine.outcome import Answer, Failed, Outcome, Planned, Returned, Slept, Step, outcome, parse_version
from tickover.localengine.registry import Registry
from tickover.localengine.retry import LARGEST_JITTER, next_attempt
from tickover.localengine.states import CallOutcome
from tickover.localengine.store import UNKEEPABLE, Decision, EngineStore, Item, NewEvent, NewRun

_PARTIAL_CONTENT = 206
_KEEP_TRYING = 60.0  # seconds that an answer waits for the database to come back, before its call is made again
_PAUSE = 0.5
_AT_ONCE = 100  # answers
FAILED_EVENT, FINISHED_EVENT = "inngest/function.failed", "inngest/function.finished"
"""What the engine tells of the end of a run."""

MOST_STEPS = 1000
"""Steps of a run (the limit of the real engine)."""

LARGEST_STATE = 32 * 1024 * 1024
"""Bytes that the steps of a run may hold together (the limit of the real engine)."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What an answer means, what is to be done, and what is told of it."""

    result: Outcome
    decision: Decision
    told: Sequence[NewEvent] = field(default_factory=list)


class Settlement:
    """Settles calls.

    Args:
        store: the runs.
        registry: the functions, for the events that tell of a run's end.
        clock: the engine's time.
        retry_interval: seconds between attempts instead of the real delays; None for those.
    """

    def __init__(
        self, store: EngineStore, registry: Registry, clock: EngineClock, retry_interval: float | None
    ) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._retry_interval = retry_interval
        self._verdicts = Batcher[_Verdict, bool](self._patiently, _AT_ONCE, UNKEEPABLE)

    async def settle(self, item: Item, answer: Answer, started_at: datetime) -> Outcome | None:
        """What an answer meant, once that is committed; None where the call was no longer held.

        Args:
            item: the call.
            answer: to it.
            started_at: when it was made, by the engine's time.

        Raises:
            psycopg.OperationalError: the database stayed away, or PoolTimeout; the call will be made again.
        """
        try:
            return await self._settled(item, answer, started_at)
        except UNKEEPABLE as error:
            reason = str(error).partition("\n")[0][:200]
        lost = Answer(answer.status, fault=f"the answer cannot be kept: {reason}")
        return await self._settled(item, lost, started_at)

    async def wake(self, item: Item) -> Outcome | None:
        """Go on with a run whose step has slept; None where that was no longer to be done."""
        decision = _decision(item, CallOutcome.WOKE, Answer(0), self._clock.now(), step=item.wakes, job_id=job_id())
        result = Step(item.wakes or "", None)
        return result if await self._verdicts.submit(_Verdict(result, decision)) else None

    async def _settled(self, item: Item, answer: Answer, started_at: datetime) -> Outcome | None:
        verdict = self._judge(item, answer, started_at)
        return verdict.result if await self._verdicts.submit(verdict) else None

    async def _patiently(self, verdicts: Sequence[_Verdict]) -> list[bool]:
        """Settle, and wait for a database that is away: what has answered should not have to run again."""
        until = clock.monotonic() + _KEEP_TRYING
        while True:
            try:
                return await self._together(verdicts)
            except ProgramLimitExceeded:
                raise
            except (OperationalError, PoolTimeout):
                if clock.monotonic() > until:
                    raise
                await asyncio.sleep(_PAUSE)

    async def _together(self, verdicts: Sequence[_Verdict]) -> list[bool]:
        counting = _counting(verdicts)
        events = [(item, event) for item, verdict in counting.items() for event in verdict.told]
        functions = await self._registry.functions()
        while True:
            enders = {event.internal_id: item for item, event in events}
            started = runs_for([event for _, event in events], functions.all, self._clock.millis())
            runs: list[tuple[int, NewRun]] = [(enders[run.internal_id], run) for run in started]
            decisions = [verdict.decision for verdict in counting.values()]
            held = await self._store.settle(decisions, events, runs, functions.version, self._clock.now())
            if held is not None:
                return [v is counting[v.decision.item] and v.decision.item in held for v in verdicts]
            functions = await self._registry.newer_than(functions)

    def _judge(self, item: Item, answer: Answer, started_at: datetime) -> _Verdict:
        result, now = _meaning(item, answer), self._clock.now()
        common: dict[str, Any] = {"answer": answer, "now": now, "started_at": started_at}
        match result:
            case Returned(output):
                decision = _decision(item, CallOutcome.RETURNED, **common, output=output)
                return _Verdict(result, decision, self._tell(item, "Completed", {"result": output}))
            case Failed(error=error, result=said, retry=True, at=at, name=name):
                jitter = random.uniform(0, LARGEST_JITTER)  # noqa: S311 - spreads load, guards nothing
                due_at = next_attempt(now, item.attempt, jitter, self._retry_interval, at)
                told = _in_words(error, said)
                return _Verdict(
                    result, _decision(item, CallOutcome.RETRIED, **common, due_at=due_at, name=name, error=told)
                )
            case Failed(error=error, result=said, name=name):
                told = _in_words(error, said)
                decision = _decision(item, CallOutcome.FAILED, **common, output=said, name=name, error=told)
                return _Verdict(result, decision, self._tell(item, "Failed", _failure(error, said)))
            case Planned(step_ids):
                planned = [{"step": step_id, "job_id": job_id()} for step_id in step_ids]
                return _Verdict(result, _decision(item, CallOutcome.PLANNED, **common, planned=planned))
            case Slept(step_id, until, name):
                decision = _decision(item, CallOutcome.SLEPT, **common, step=step_id, due_at=until, name=name)
                return _Verdict(result, decision)
            case Step(step_id, memo, name, error):
                ended = CallOutcome.STEP if error is None else CallOutcome.STEP_FAILED
                decision = _decision(
                    item, ended, **common, step=step_id, memo=memo, name=name, error=error, job_id=job_id()
                )
                return _Verdict(result, decision)

    def _tell(self, item: Item, status: str, told: Mapping[str, Any]) -> list[NewEvent]:
        """The engine's own events about a run's end; there are none about runs that such an event started."""
        if item.event["name"] in {FAILED_EVENT, FINISHED_EVENT}:
            return []
        millis = self._clock.millis()
        data = {
            "_inngest": {"status": status},
            "event": item.event,
            "events": [{name: value for name, value in item.event.items() if name != "user"}],
            "function_id": item.function_id,
            "run_id": item.run_id,
            **told,
        }
        events = []
        if status == "Failed":  # its id is the run's, as in the recording
            events.append(_told(FAILED_EVENT, item.run_id, data, millis))
        return [*events, _told(FINISHED_EVENT, fresh_ulid(millis), data, millis)]


def _counting(verdicts: Sequence[_Verdict]) -> dict[int, _Verdict]:
    """The one verdict of each call that counts, as it would where each came alone: under the newest fence the first."""
    counting: dict[int, _Verdict] = {}
    for verdict in verdicts:
        known = counting.get(verdict.decision.item)
        if known is None or verdict.decision.fence > known.decision.fence:
            counting[verdict.decision.item] = verdict
    return counting


def _told(name: str, id_: str, data: Mapping[str, Any], millis: int) -> NewEvent:
    return NewEvent(fresh_ulid(millis), {"data": data, "id": id_, "name": name, "ts": millis, "user": {}})


def _decision(item: Item, outcome_: CallOutcome, answer: Answer, now: datetime, **more: Any) -> Decision:
    version = parse_version(answer.headers.get("x-inngest-req-version"))
    return Decision(
        item=item.id,
        run=item.run_id,
        fence=item.fence,
        outcome=outcome_,
        http_status=answer.status,
        ended_at=now,
        version=version if answer.status == _PARTIAL_CONTENT else None,
        **more,
    )


def _meaning(item: Item, answer: Answer) -> Outcome:
    result = outcome(answer, item.attempt, attempts_after_first(item))
    new_steps = {Step: 1, Slept: 1, Planned: len(result.step_ids) if isinstance(result, Planned) else 0}
    if len(item.stack) + new_steps.get(type(result), 0) > MOST_STEPS:
        return _refused(f"a run has at most {MOST_STEPS} steps")
    if isinstance(result, Step) and item.state_size + answer.size > LARGEST_STATE:
        return _refused(f"the steps of a run hold at most {LARGEST_STATE} bytes")
    return result


def _refused(text: str) -> Failed:
    return Failed(text, {"message": text, "name": "Error"}, retry=False)


def _in_words(error: str, said: Mapping[str, Any]) -> str:
    """An error for people: the engine's words, and what the application said."""
    message = said.get("message")
    return error if not message or message == error else f"{error}: {message}"


def _failure(error: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """What `inngest/function.failed` says of an error."""
    shown = {name: said.get(name) for name in ("message", "name", "stack")}
    return {"error": {"error": error, **shown}, "result": dict(said)}
