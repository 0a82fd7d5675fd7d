"""The only way to carry out an obligation, on every path."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import structlog
from opentelemetry.trace import Span

from tickover import clock, telemetry
from tickover.contract import Function, Responsibility
from tickover.database import Database
from tickover.errors import BudgetExceededError, LeaseLostError
from tickover.execution.body import ERROR_LENGTH, call, error_text, hard_end, soft_end, storable
from tickover.execution.budget import Budget
from tickover.execution.run import Lease, Run, Summary
from tickover.heartbeats.pinger import Heartbeats
from tickover.ledger.states import DONE, Path, State
from tickover.ledger.store import Claim, Holder, Ledger, StatusRow
from tickover.status.store import StatusStore, status_of
from tickover.telemetry import tracing
from tickover.waiting import pause

_log = structlog.stdlib.get_logger("tickover.execution")
_RENEWALS_PER_LEASE = 3
_FIGURES = ("looked_at", "changed", "left")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be carried out.

    Args:
        function: with its responsibilities.
        dispatch_key: the tick.
        path: who does it.
        budget: by when it has to have ended.
        run_id: the engine's run, on the durable path.
        final: whether a failure is the end; otherwise the engine will call again.
    """

    function: Function
    dispatch_key: str
    path: Path
    budget: Budget
    run_id: str | None = None
    final: bool = True


@dataclass(frozen=True, slots=True)
class Executed:
    """An attempt that was carried out to its end.

    Args:
        state: `succeeded`, `failed`, `retrying` where the engine will call again, or `interrupted` where the time was
            up and a later tick takes up the rest.
        attempt: which attempt at the obligation it was, from 1.
        summaries: what each responsibility did, those that had succeeded before left out.
        duration_ms: from claim to end.
        covered: older obligations that this one covered.
        error: what failed, or None.
        correlation_id: the tick's.
    """

    state: State
    attempt: int
    summaries: Mapping[str, Mapping[str, Any]]
    duration_ms: float
    covered: int
    error: str | None
    correlation_id: str

    @property
    def left(self) -> int:
        """Items that were still due when it stopped."""
        return sum(int(summary["left"]) for summary in self.summaries.values())


@dataclass(frozen=True, slots=True)
class Skipped:
    """An attempt that did nothing, because the claim was not won or the lease was lost.

    Args:
        holder: who holds the obligation or ended it; None where it was never recorded.
    """

    holder: Holder | None


@dataclass(slots=True)
class _Attempt:
    order: Order
    claim: Claim
    lease: Lease
    log: Any
    started: float = field(default_factory=clock.monotonic)
    summaries: dict[str, dict[str, Any]] = field(default_factory=dict)
    cut_off: set[str] = field(default_factory=set)

    @property
    def error(self) -> str | None:
        """What failed, by responsibility."""
        failed = [f"{name}: {s['error']}" for name, s in self.summaries.items() if s["error"] is not None]
        return "; ".join(failed)[:ERROR_LENGTH] or None


class Executor:
    """Carries obligations out: claims, runs the responsibilities in order, records, tells the status and the heartbeat.

    Args:
        database: what responsibilities work with.
        ledger: where claims are won and results recorded.
        status: the mirror for onlookers.
        heartbeats: who is told that a tick's work has begun, and that all of it has ended well.
    """

    def __init__(self, database: Database, ledger: Ledger, status: StatusStore, heartbeats: Heartbeats) -> None:
        self._database = database
        self._ledger = ledger
        self._status = status
        self._heartbeats = heartbeats

    async def execute(self, order: Order) -> Executed | Skipped:
        """Carry out an obligation, unless somebody else does or did.

        A responsibility that fails does not keep the later ones from running; what has succeeded for this tick
        before is not done again. When the task is cancelled the lease is given back.
        """
        function = order.function
        claim = await self._ledger.claim(order.dispatch_key, function.id, order.path, function.deadline, order.run_id)
        if claim is None:
            return await self._skipped(order)
        log = _log.bind(
            function=function.id,
            dispatch_key=order.dispatch_key,
            path=str(order.path),
            attempt=claim.attempt,
            correlation_id=claim.correlation_id,
            run_id=order.run_id,
            client_id=claim.client_id,
        )
        attempt = _Attempt(order, claim, Lease(claim.id, claim.fence), log)
        told = {
            "function": function.id,
            "dispatch_key": order.dispatch_key,
            "correlation_id": claim.correlation_id,
            "run_id": order.run_id,
        }
        with structlog.contextvars.bound_contextvars(**told), _traced(attempt) as span:
            log.info("obligation.claimed", fence=claim.fence)
            if claim.attempt == 1:
                telemetry.record_begin(function.id, str(order.path), claim.waited_s)
            outcome = await self._settled(attempt)
            if isinstance(outcome, Executed) and outcome.error is not None:
                tracing.came_to_nothing(span, outcome.error)
            return outcome

    async def _settled(self, attempt: _Attempt) -> Executed | Skipped:
        order, claim, log = attempt.order, attempt.claim, attempt.log
        try:
            return await self._attempt(attempt)
        except LeaseLostError:
            log.warning("obligation.lost", fence=claim.fence)
            await self._ledger.note_fenced_off(claim.id)
            return await self._skipped(order)

    async def done(self, route: str, dispatch_key: str) -> None:
        """A tick owes nothing: whoever waits for the end of its work is told. Never raises."""
        await self._heartbeats.succeeded(route, dispatch_key)

    async def _attempt(self, attempt: _Attempt) -> Executed:
        running = asyncio.create_task(self._tell_started(attempt))
        try:
            await self._carry_out_all(attempt)
        except asyncio.CancelledError:
            # Shielded from a second cancellation: the lease is given back, so nobody waits for it to expire.
            await asyncio.shield(self._finish(attempt, State.INTERRUPTED, "interrupted"))
            raise
        finally:
            await running
        state = _end(attempt)
        executed = await self._finish(attempt, state, attempt.error)
        if state is State.SUCCEEDED:
            await self._heartbeats.succeeded(attempt.claim.route, attempt.order.dispatch_key)
        return executed

    async def _carry_out_all(self, attempt: _Attempt) -> None:
        """Run what has not succeeded yet, each with an equal share of the time left, while the lease is renewed."""
        todo = [r for r in attempt.order.function.responsibilities if r.id not in attempt.claim.done]
        work = asyncio.create_task(self._carry_out(attempt, todo))
        renewal = asyncio.create_task(self._renew(attempt.lease))
        try:
            await asyncio.wait({work, renewal}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise LeaseLostError(f"{attempt.order.function.id}: the lease could not be renewed")
            work.result()
        finally:
            # Both end here, whatever the work has raised: a renewal that went on would hold the lease for ever.
            work.cancel()
            renewal.cancel()
            await asyncio.gather(work, renewal, return_exceptions=True)

    async def _carry_out(self, attempt: _Attempt, todo: list[Responsibility]) -> None:
        for index, responsibility in enumerate(todo):
            share = attempt.order.budget.share(len(todo) - index)
            started = clock.monotonic()
            summary = await self._run_one(attempt, responsibility, share)
            attempt.summaries[responsibility.id] = summary
            kept = await self._ledger.record_responsibility(
                attempt.lease.obligation_id,
                attempt.lease.fence,
                responsibility.id,
                round((clock.monotonic() - started) * 1000, 3),
                summary,
            )
            if not kept:
                raise LeaseLostError(f"{responsibility.id}: another executor has taken over; the result is not kept")

    async def _run_one(self, attempt: _Attempt, responsibility: Responsibility, share: Budget) -> dict[str, Any]:
        """One responsibility's summary; whatever it raises becomes the summary's error."""
        log = attempt.log.bind(responsibility=responsibility.id)
        soft = soft_end(share)
        run = Run(
            function=attempt.order.function.id,
            responsibility=responsibility.id,
            dispatch_key=attempt.order.dispatch_key,
            client_id=attempt.claim.client_id,
            path=attempt.order.path,
            attempt=attempt.claim.attempt,
            dry=False,
            budget=soft,
            database=self._database,
            lease=attempt.lease,
            log=log,
        )
        attributes = {"tickover.function": run.function, "tickover.responsibility": responsibility.id}
        with tracing.span(f"responsibility {responsibility.id}", attributes) as span:
            summary = await self._summed_up(attempt, responsibility, run, hard_end(share, soft))
            span.set_attributes({f"tickover.{of}": summary[of] for of in _FIGURES if of in summary})
            if summary["error"] is not None:
                tracing.came_to_nothing(span, summary["error"])
            return summary

    @staticmethod
    async def _summed_up(attempt: _Attempt, responsibility: Responsibility, run: Run, budget: Budget) -> dict[str, Any]:
        log = run.log
        try:
            summary = storable(await call(responsibility, run, budget))
        except LeaseLostError:
            raise
        except BudgetExceededError as error:
            attempt.cut_off.add(responsibility.id)
            log.warning("responsibility.cut_off", error=error_text(error))
            return Summary(error=error_text(error)).as_json()
        except Exception as error:  # the end of a responsibility: one failing must not stop the others
            log.exception("responsibility.failed", error=error_text(error))
            return Summary(error=error_text(error)).as_json()
        if summary["error"] is None:
            log.info("responsibility.succeeded", **{name: v for name, v in summary.items() if name != "error"})
        else:
            log.error("responsibility.failed", **summary)
        return summary

    async def _renew(self, lease: Lease) -> None:
        """Renew the lease until it is lost; returns then."""
        while True:
            await pause(self._ledger.lease_s / _RENEWALS_PER_LEASE)
            try:
                async with asyncio.timeout(self._ledger.lease_s / _RENEWALS_PER_LEASE):
                    held = await self._ledger.renew(lease.obligation_id, lease.fence)
            except Exception as error:  # noqa: BLE001 - the database may be back before the lease expires
                _log.warning("lease.not_renewed", obligation_id=lease.obligation_id, error=error_text(error))
                continue
            if not held:
                lease.lost.set()
                return

    async def _finish(self, attempt: _Attempt, state: State, error: str | None) -> Executed:
        finished = await self._ledger.finish(attempt.lease.obligation_id, attempt.lease.fence, state, error)
        if finished is None:
            raise LeaseLostError(f"{attempt.order.function.id}: another executor has taken over")
        took = round((clock.monotonic() - attempt.started) * 1000, 3)
        attempt.log.info("obligation.ended", state=str(state), duration_ms=took, covered=finished.covered, error=error)
        telemetry.record_end(attempt.order.function.id, str(attempt.order.path), str(state), took / 1000)
        telemetry.record_covered(attempt.order.function.id, str(attempt.order.path), finished.covered)
        await self._tell(attempt, state, error, finished_at=finished.finished_at)
        return Executed(
            state=state,
            attempt=attempt.claim.attempt,
            summaries=attempt.summaries,
            duration_ms=took,
            covered=finished.covered,
            error=error,
            correlation_id=attempt.claim.correlation_id,
        )

    async def _tell_started(self, attempt: _Attempt) -> None:
        await self._tell(attempt, State.RUNNING)
        if attempt.claim.is_first:
            await self._heartbeats.started(attempt.claim.route, attempt.order.dispatch_key)

    async def _tell(self, attempt: _Attempt, state: State, error: str | None = None, finished_at: Any = None) -> None:
        order, claim = attempt.order, attempt.claim
        row = StatusRow(
            function=order.function.id,
            state=state,
            path=order.path,
            run_id=order.run_id,
            attempt=claim.attempt,
            started_at=claim.started_at,
            finished_at=finished_at,
            error=error,
            updated_at=finished_at or claim.started_at,
            dispatch_key=order.dispatch_key,
            correlation_id=claim.correlation_id,
        )
        await self._status.write(claim.client_id, order.function.id, status_of(row))

    async def _skipped(self, order: Order) -> Skipped:
        holder = await self._ledger.holder(order.dispatch_key, order.function.id)
        if order.path is Path.DURABLE and holder is not None and holder.rolled_back and holder.state not in DONE:
            # The engine will not call for it again, and the next tick is not to wait until it is late.
            await self._ledger.withdraw(order.function.id, order.dispatch_key)
        _log.info(
            "obligation.skipped",
            function=order.function.id,
            dispatch_key=order.dispatch_key,
            path=str(order.path),
            state=None if holder is None else holder.state,
            held_by=None if holder is None else holder.path,
        )
        return Skipped(holder)


def _traced(attempt: _Attempt) -> AbstractContextManager[Span]:
    """The span of an attempt. A recovery is linked to the request whose work it takes up."""
    order, claim = attempt.order, attempt.claim
    attributes: tracing.Attributes = {
        "tickover.function": order.function.id,
        "tickover.route": claim.route,
        "tickover.path": str(order.path),
        "tickover.attempt": claim.attempt,
        "tickover.dispatch_key": order.dispatch_key,
        "tickover.correlation_id": claim.correlation_id,
        "tickover.run_id": order.run_id,
    }
    origin = tracing.taken_up({"traceparent": claim.traceparent}) if order.path is Path.RECOVERY else None
    return tracing.span(f"carry out {order.function.id}", attributes, linked=[origin])


def _end(attempt: _Attempt) -> State:
    """Where an attempt leaves its obligation.

    One that was only cut off has not failed: a later tick takes the rest up (field note F14), as often as a failed one
    would be retried. The engine sees to its own calls.
    """
    order = attempt.order
    if attempt.error is None:
        return State.SUCCEEDED
    if not order.final:
        return State.RETRYING
    is_cut_off = all(s["error"] is None or name in attempt.cut_off for name, s in attempt.summaries.items())
    may_go_on = order.path is not Path.DURABLE and attempt.claim.attempt <= order.function.retries
    return State.INTERRUPTED if is_cut_off and may_go_on else State.FAILED
