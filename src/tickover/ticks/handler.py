"""A tick, from its request to its answer: record, decide, hand over or do the work, settle what is overdue."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from tickover import clock, telemetry
from tickover.contract import Function
from tickover.errors import SendError
from tickover.execution.budget import Budget
from tickover.execution.executor import Executor, Order, Skipped
from tickover.ledger.states import Path, State
from tickover.ledger.store import KnownObligation, Ledger, NewTick
from tickover.notices.keeper import Keeper
from tickover.telemetry import tracing
from tickover.ticks.answer import FunctionReport, TickAnswer, TickRequest, report
from tickover.ticks.breaker import Breaker, Sight
from tickover.ticks.decision import Decision, Mode, Plan, decide_again
from tickover.ticks.dispatch import Dispatch, Dispatcher
from tickover.ticks.findings import refused
from tickover.ticks.housekeeping import Housekeeping
from tickover.ticks.planner import Planner
from tickover.ticks.shadowing import Shadowing
from tickover.ticks.watchdog import Watchdog

_log = structlog.stdlib.get_logger("tickover.ticks")
_SETTLE_MARGIN = 5.0  # seconds beyond the send's own deadline after which a dispatch that is silent came to nothing


@dataclass(slots=True)
class _Progress:
    mode: Mode
    reason: str
    functions: list[FunctionReport] = field(default_factory=list)
    event_ids: list[str] = field(default_factory=list)
    correlation_id: str | None = None
    send_error: dict[str, Any] | None = None


class TickHandler:
    """Answers ticks.

    Args:
        planner: what decides about it, and refuses every tick in the wrong environment.
        ledger: where it is recorded.
        dispatcher: what hands it to the engine.
        shadowing: what asks the engine to do it dry.
        executor: what carries it out here.
        watchdog: what settles the overdue.
        breaker: what keeps ticks from an engine that does not carry them out.
        housekeeping: what is done now and then beside them.
        keeper: what notices are kept by, once the work is done.
        send_timeout: seconds a send may take.
        inline_budget: seconds all work of one tick may take here.
        monotonic: a clock for budgets, in seconds.
    """

    def __init__(
        self,
        *,
        planner: Planner,
        ledger: Ledger,
        dispatcher: Dispatcher,
        shadowing: Shadowing,
        executor: Executor,
        watchdog: Watchdog,
        breaker: Breaker,
        housekeeping: Housekeeping,
        keeper: Keeper,
        send_timeout: float,
        inline_budget: float,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._planner = planner
        self._ledger = ledger
        self._dispatcher = dispatcher
        self._shadowing = shadowing
        self._executor = executor
        self._watchdog = watchdog
        self._breaker = breaker
        self._housekeeping = housekeeping
        self._keeper = keeper
        self._settle_s = send_timeout + _SETTLE_MARGIN
        self._inline_budget = inline_budget
        self._monotonic = monotonic

    async def handle(self, request: TickRequest) -> TickAnswer:
        """Answer one tick.

        Raises:
            WrongEnvironmentError: nothing may be changed here, and nothing was.
        """
        started = self._monotonic()
        told = {"dispatch_key": request.identity.dispatch_key, "correlation_id": request.correlation_id}
        with structlog.contextvars.bound_contextvars(**told):
            return await self._handle(request, started)

    async def _handle(self, request: TickRequest, started: float) -> TickAnswer:
        budget = Budget.of(self._inline_budget, self._monotonic)
        plan = await self._planner.plan(request)
        # None of this depends on whether the tick is new: it hides behind the commit of what the tick owes.
        is_new, late, sight, findings = await asyncio.gather(
            self._ledger.record(_new_tick(request, plan)),
            self._watchdog.look(),
            self._look(request, plan),
            self._housekeeping.keep(request.route, request.now),
        )
        progress = await self._answer(request, plan, budget, sight, is_new=is_new)
        if progress.mode is not Mode.DISPATCH or any(report.path != Path.DURABLE for report in progress.functions):
            late = await self._watchdog.look()  # once more: another tick may have waited for the end of this one's work
        recovered = await self._watchdog.settle(late, budget)
        await self._keeper.keep(request.route, findings, budget)
        answer = TickAnswer(
            progress.mode,
            progress.reason,
            progress.correlation_id or request.correlation_id,
            progress.event_ids,
            progress.functions,
            recovered,
            progress.send_error,
            round((self._monotonic() - started) * 1000, 3),
            sight.circuit if sight else None,
            [*refused(sight.rows.refusals if sight else ()), *findings],
            plan.idle if is_new else (),
        )
        _announce(request, answer)
        return answer

    async def _look(self, request: TickRequest, plan: Plan) -> Sight | None:
        """The circuit, for a tick that may be handed over."""
        return await self._breaker.look(request.route.id) if plan.mode is Mode.DISPATCH else None

    async def _answer(
        self, request: TickRequest, plan: Plan, budget: Budget, sight: Sight | None, *, is_new: bool
    ) -> _Progress:
        if not is_new:
            return await self._again(request, budget)
        if sight is not None:
            key = request.identity.dispatch_key
            plan = plan.settled(await self._breaker.settle(request.route.id, key, sight))
        progress = _Progress(plan.mode, plan.reason)
        functions = [function for function in request.route.functions if function.id in plan.decisions]
        if not functions:
            await self._executor.done(request.route.id, request.identity.dispatch_key)
        handed_over = [function for function in functions if plan.hands_over(function.id)]
        here = {function.id: Path.INLINE for function in functions if not plan.hands_over(function.id)}
        if handed_over and not await self._dispatch(request, handed_over, progress):
            here |= {function.id: Path.FALLBACK for function in handed_over}
        shadowed = [function for function in functions if plan.shadows(function.id)]
        reports, _ = await asyncio.gather(
            self._carry_out(request, here, budget), self._shadowing.shadow(_dispatch(request), shadowed)
        )
        progress.functions += reports
        return progress

    async def _dispatch(self, request: TickRequest, functions: Sequence[Function], progress: _Progress) -> bool:
        """Hand functions over. False where that failed, in whatever way: their work is to be done here."""
        try:
            progress.event_ids = await self._dispatcher.dispatch(_dispatch(request), functions)
        except SendError as error:
            await self._fall_back(request, progress, error)
            return False
        progress.functions = [FunctionReport(f.id, Path.DURABLE, State.ACCEPTED) for f in functions]
        return True

    async def _fall_back(self, request: TickRequest, progress: _Progress, error: SendError) -> None:
        progress.mode = Mode.FALLBACK
        progress.reason = f"the send failed: {error.kind}"
        progress.send_error = {"kind": error.kind, "httpStatus": error.status, "detail": error.detail}
        _log.error(
            "send.failed",
            kind=error.kind,
            http_status=error.status,
            error=error.detail,
            dispatch_key=request.identity.dispatch_key,
            correlation_id=request.correlation_id,
        )
        await self._ledger.fail_send(request.identity.dispatch_key, progress.mode, progress.reason, progress.send_error)

    async def _again(self, request: TickRequest, budget: Budget) -> _Progress:
        """A tick that is recorded already: alive or done, or to be taken up anew."""
        known = await self._ledger.read(request.identity.dispatch_key, self._settle_s)
        anew = [row.function for row in known if _decide_again(row).mode is Mode.INLINE]
        progress = _Progress(Mode.DUPLICATE, "the tick is recorded already")
        if known:  # an idle one owes nothing
            progress.correlation_id, progress.event_ids = known[0].correlation_id, known[0].event_ids
        progress.functions = [
            FunctionReport(row.function, row.path, row.state, _decide_again(row).reason, row.attempt, error=row.error)
            for row in known
            if row.function not in anew
        ]
        if anew:
            progress.mode = Mode.INLINE
            progress.reason = "the tick came to nothing before"
            progress.functions += await self._carry_out(request, dict.fromkeys(anew, Path.INLINE), budget)
        return progress

    async def _carry_out(self, request: TickRequest, paths: Mapping[str, Path], budget: Budget) -> list[FunctionReport]:
        """Do the work here, one function after another, each with an equal share of the time left.

        Args:
            request: the tick.
            paths: by function, those that are to be done.
            budget: for all of them.
        """
        reports = []
        functions = [function for function in request.route.functions if function.id in paths]
        for index, function in enumerate(functions):
            path = paths[function.id]
            order = Order(function, request.identity.dispatch_key, path, budget.share(len(functions) - index))
            try:
                outcome = await self._executor.execute(order)
            except Exception as error:  # noqa: BLE001 - the end of a function: one failing must not stop the others
                _log.exception("function.failed", function=function.id, dispatch_key=order.dispatch_key)
                reports.append(
                    FunctionReport(function.id, path, State.FAILED, error=f"{type(error).__name__}: {error}")
                )
            else:
                if isinstance(outcome, Skipped) and outcome.holder is not None and outcome.holder.state == State.OWED:
                    await self._ledger.defer(order.dispatch_key, function.id)
                reports.append(report(function, path, outcome))
        return reports


def _new_tick(request: TickRequest, plan: Plan) -> NewTick:
    return NewTick(
        request.identity.dispatch_key,
        request.route.id,
        request.client_id,
        request.identity.source,
        plan.mode,
        plan.reason,
        request.correlation_id,
        {f.id: f.start_by for f in request.route.functions if f.id in plan.decisions},
        plan.switched_off,
        plan.idle,
        tracing.carried().get("traceparent"),
    )


def _dispatch(request: TickRequest) -> Dispatch:
    key, correlation_id = request.identity.dispatch_key, request.correlation_id
    return Dispatch(key, correlation_id, request.client_id, "cron", request.now, request.bad_key)


def _decide_again(row: KnownObligation) -> Decision:
    return decide_again(row.state, stranded=row.stranded)


def _announce(request: TickRequest, answer: TickAnswer) -> None:
    telemetry.record_tick(request.route.id, answer.mode)
    _log.info(
        "tick.answered",
        route=request.route.id,
        dispatch_key=request.identity.dispatch_key,
        correlation_id=answer.correlation_id,
        mode=str(answer.mode),
        reason=answer.reason,
        duration_ms=answer.duration_ms,
    )
