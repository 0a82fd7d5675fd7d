"""The contract's functions as durable functions of the Inngest SDK."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import inngest
import structlog
from opentelemetry.trace import SpanKind

from tickover import clock, telemetry
from tickover.contract import Contract, Function
from tickover.execution.budget import Budget
from tickover.execution.dry import DryRuns
from tickover.execution.executor import Executed, Executor, Order, Skipped
from tickover.ledger.states import DONE, Path, State
from tickover.ledger.store import Holder
from tickover.telemetry import tracing
from tickover.ticks.continuation import Continuation
from tickover.ticks.dispatch import SHADOW

_SOON = timedelta(seconds=5)


class ResponsibilitiesFailedError(Exception):
    """At least one responsibility of a durable run failed; the engine's retry runs only what has not succeeded."""


class DurableFunctions:
    """Makes the SDK's functions from a contract, and carries out what the engine calls for.

    Args:
        contract: the functions.
        executor: what carries obligations out, the same as on every path.
        continuation: what asks for another run where one stopped with work left.
        dry_runs: what carries out the events of shadows.
        budget_s: seconds one call may take; below the host's limit.
    """

    def __init__(
        self, contract: Contract, executor: Executor, continuation: Continuation, dry_runs: DryRuns, budget_s: float
    ) -> None:
        self._contract = contract
        self._executor = executor
        self._continuation = continuation
        self._dry_runs = dry_runs
        self._budget_s = budget_s

    def make(self, sdk: inngest.Inngest) -> list[inngest.Function[Any]]:
        """One SDK function for each of the contract's, idempotent by dispatch key, bounded in concurrency."""
        return [self._make(sdk, function) for function in self._contract.functions]

    def _make(self, sdk: inngest.Inngest, function: Function) -> inngest.Function[Any]:
        @sdk.create_function(
            fn_id=function.id,
            trigger=inngest.TriggerEvent(event=function.event),
            retries=function.retries,
            concurrency=[inngest.Concurrency(limit=function.concurrency)],
            idempotency="event.data.dispatchKey",
        )
        async def durable(context: inngest.Context) -> dict[str, Any]:
            return await self._run(function, context)

        return durable

    async def _run(self, function: Function, context: inngest.Context) -> dict[str, Any]:
        """One call of the engine: no steps, so one request a run when all goes well."""
        telemetry.record_execution(function.id, str(Path.SHADOW if SHADOW in context.event.data else Path.DURABLE))
        attributes = {
            "messaging.system": "inngest",
            "messaging.operation.name": "process",
            "messaging.message.id": context.event.id,
            "tickover.function": function.id,
            "tickover.run_id": context.run_id,
        }
        parent = tracing.taken_up(context.event.data.get(tracing.MEMBER))
        told = {"function": function.id, "run_id": context.run_id}
        with (
            structlog.contextvars.bound_contextvars(**told),
            tracing.span(
                f"process {function.id}",
                attributes,
                SpanKind.CONSUMER,
                parent=parent,
                ordinary=(inngest.RetryAfterError,),  # somebody else is at it
            ),
        ):
            return await self._answer(function, context)

    async def _answer(self, function: Function, context: inngest.Context) -> dict[str, Any]:
        if SHADOW in context.event.data:
            return await self._run_dry(function, context)
        dispatch_key = _text(context.event.data, "dispatchKey")
        order = Order(
            function,
            dispatch_key,
            Path.DURABLE,
            Budget.of(self._budget_s),
            run_id=context.run_id,
            final=context.attempt >= function.retries,
        )
        outcome = await self._executor.execute(order)
        if isinstance(outcome, Skipped):
            return _skipped(outcome.holder, dispatch_key, context.run_id, clock.now())
        if outcome.state != State.SUCCEEDED:
            raise ResponsibilitiesFailedError(outcome.error)
        client_id = context.event.data.get("clientId")
        continued = await self._continuation.after(
            function, dispatch_key, client_id if isinstance(client_id, str) else None, outcome, clock.now()
        )
        return _output(dispatch_key, outcome, continued)

    async def _run_dry(self, function: Function, context: inngest.Context) -> dict[str, Any]:
        """A shadow's run: the inline path does the work of its tick."""
        key = _text(context.event.data, SHADOW)
        summaries = await self._dry_runs.run(function, key, context.run_id, Budget.of(self._budget_s))
        if summaries is None:
            return {"status": "skipped", "dispatchKey": key, "reason": "its function is no shadow any more"}
        return {"status": SHADOW, "dispatchKey": key, "responsibilities": summaries}


def _text(data: Mapping[str, Any], member: str) -> str:
    text = data.get(member)
    if not isinstance(text, str) or not text:
        raise inngest.NonRetriableError(f"the event carries no {member}; only a tick requests this function")
    return text


def _output(dispatch_key: str, executed: Executed, continued: str | None) -> dict[str, Any]:
    return {
        "status": str(executed.state),
        "dispatchKey": dispatch_key,
        "attempt": executed.attempt,
        "durationMs": executed.duration_ms,
        "responsibilities": executed.summaries,
        "covered": executed.covered,
        "continuedAs": continued,
    }


def _skipped(holder: Holder | None, dispatch_key: str, run_id: str, now: datetime) -> dict[str, Any]:
    """What a run that won no claim answers: who did the work, or a request to be called again.

    Raises:
        inngest.NonRetriableError: no such tick was ever recorded.
        inngest.RetryAfterError: the work may still come to nothing, so the engine is to ask again.
    """
    if holder is None:
        raise inngest.NonRetriableError(
            f"no tick {dispatch_key!r} is recorded here: does this engine belong to another database?"
        )
    own_and_alive = holder.state == State.RUNNING and holder.run_id == run_id and holder.lease_expires_at is not None
    if own_and_alive and holder.lease_expires_at is not None:
        raise inngest.RetryAfterError(
            "an earlier attempt of this run holds the lease", max(holder.lease_expires_at.astimezone(UTC), now)
        )
    if holder.state not in DONE and holder.rolled_back:
        return {
            "status": "skipped",
            "dispatchKey": dispatch_key,
            "state": str(holder.state),
            "reason": "the function was rolled back: its work is done inline, this tick's by the next one",
        }
    if holder.state not in DONE and holder.state != State.RUNNING:
        raise inngest.RetryAfterError(f"the obligation is {holder.state}", now + _SOON)
    return {
        "status": "skipped",
        "dispatchKey": dispatch_key,
        "state": str(holder.state),
        "by": holder.covered_path or holder.path,
        "byRun": holder.run_id,
        "reason": f"{holder.covered_path or holder.path} carries or carried this out",
    }
