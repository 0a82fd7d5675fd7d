"""A tick, from its request to its answer: record, decide, hand over or do the work, settle what is overdue."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg
import structlog

from tickover import clock, telemetry
from tickover.contract import Contract, Function, Route
from tickover.errors import SendError
from tickover.execution.budget import Budget
from tickover.execution.executor import Executed, Executor, Order, Skipped
from tickover.ledger.states import Path, State
from tickover.ledger.store import KnownObligation, Ledger, NewTick
from tickover.ticks.decision import Decision, Mode, decide, decide_again, force_inline_name
from tickover.ticks.dispatch import Dispatch, Dispatcher
from tickover.ticks.identity import Identity
from tickover.ticks.watchdog import Recovery, Watchdog

_log = structlog.stdlib.get_logger("tickover.ticks")
_FORGETS_EVERY = 600.0  # seconds, of one process
_SETTLE_MARGIN = 5.0  # seconds beyond the send's own deadline after which a dispatch that is silent came to nothing


@dataclass(frozen=True, slots=True)
class TickRequest:
    """A tick that was authenticated and identified.

    Args:
        route: the cron endpoint.
        identity: what it is known by.
        client_id: the client it is narrowed to, or None.
        correlation_id: what its log lines carry.
        now: when it arrived.
    """

    route: Route
    identity: Identity
    client_id: str | None
    correlation_id: str
    now: datetime


@dataclass(frozen=True, slots=True)
class FunctionReport:
    """What became of one function in a tick.

    Args:
        function: its id.
        path: who carries it out; None where nobody does yet.
        state: where its obligation stands.
        reason: why there, where that is not plain.
        attempt: which attempt at the obligation this was; 0 where there was none.
        duration_ms: how long it took here, or None.
        summaries: what each responsibility did.
        error: what failed, or None.
    """

    function: str
    path: str | None
    state: str
    reason: str | None = None
    attempt: int = 0
    duration_ms: float | None = None
    summaries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TickAnswer:
    """What was done about a tick.

    Args:
        mode: how it was answered.
        reason: why so.
        correlation_id: the tick's own; a repeated delivery gets that of the first.
        event_ids: the engine's ids, where events were handed over.
        functions: what became of each.
        recovered: what was overdue and settled on this occasion.
        send_error: how the send failed, or None.
        duration_ms: the whole of it.
    """

    mode: Mode
    reason: str
    correlation_id: str
    event_ids: Sequence[str]
    functions: Sequence[FunctionReport]
    recovered: Sequence[Recovery]
    send_error: Mapping[str, Any] | None
    duration_ms: float

    @property
    def failed(self) -> bool:
        """Whether work of this tick was carried out here and failed, so that cron does well to call again."""
        return any(report.state == State.FAILED for report in self.functions)


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
        contract: what is owed.
        flags: the value of every route's flag and of the variable that beats it.
        ledger: where it is recorded.
        dispatcher: what hands it to the engine.
        executor: what carries it out here.
        watchdog: what settles the overdue.
        send_timeout: seconds a send may take.
        inline_budget: seconds all work of one tick may take here.
        retention: how long the ledger keeps a tick.
        monotonic: a clock for budgets, in seconds.
    """

    def __init__(
        self,
        *,
        contract: Contract,
        flags: Mapping[str, bool],
        ledger: Ledger,
        dispatcher: Dispatcher,
        executor: Executor,
        watchdog: Watchdog,
        send_timeout: float,
        inline_budget: float,
        retention: timedelta,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._contract = contract
        self._flags = flags
        self._ledger = ledger
        self._dispatcher = dispatcher
        self._executor = executor
        self._watchdog = watchdog
        self._settle_s = send_timeout + _SETTLE_MARGIN
        self._inline_budget = inline_budget
        self._retention = retention
        self._forgets_at = 0.0
        self._monotonic = monotonic

    async def handle(self, request: TickRequest) -> TickAnswer:
        """Answer one tick."""
        started = self._monotonic()
        budget = Budget.of(self._inline_budget, self._monotonic)
        flag = request.route.flag
        decision = decide(flag, flag_on=self._flags[flag], force_inline=self._flags[force_inline_name(flag)])
        # What is late, or too old, does not depend on this tick: both hide behind the commit of what the tick owes.
        is_new, late, _ = await asyncio.gather(
            self._ledger.record(_new_tick(request, decision)),
            self._watchdog.look(),
            self._forget(),
        )
        if not is_new:
            progress = await self._again(request, budget)
        elif decision.mode is Mode.DISPATCH:
            progress = await self._dispatch(request, decision, budget)
        else:
            progress = await self._inline(request, decision, budget)
        if progress.mode is not Mode.DISPATCH:
            late = await self._watchdog.look()  # once more: another tick may have waited for the end of this one's work
        recovered = await self._watchdog.settle(late, budget)
        answer = TickAnswer(
            progress.mode,
            progress.reason,
            progress.correlation_id or request.correlation_id,
            progress.event_ids,
            progress.functions,
            recovered,
            progress.send_error,
            round((self._monotonic() - started) * 1000, 3),
        )
        _announce(request, answer)
        return answer

    async def _forget(self) -> None:
        """Drop what is too old, now and then; a tick whose work is done is a good tick, whatever comes of this."""
        if self._monotonic() < self._forgets_at:
            return
        self._forgets_at = self._monotonic() + _FORGETS_EVERY
        try:
            await self._ledger.forget(self._retention)
        except psycopg.Error as error:
            _log.warning("ledger.not_forgotten", reason=str(error).partition("\n")[0])

    async def _inline(self, request: TickRequest, decision: Decision, budget: Budget) -> _Progress:
        functions = await self._carry_out(request, request.route.functions, Path.INLINE, budget)
        return _Progress(decision.mode, decision.reason, functions)

    async def _dispatch(self, request: TickRequest, decision: Decision, budget: Budget) -> _Progress:
        """Hand the tick over; where that fails in whatever way, do its work here."""
        progress = _Progress(decision.mode, decision.reason)
        functions = request.route.functions
        try:
            dispatch = Dispatch(
                request.identity.dispatch_key, request.correlation_id, request.client_id, "cron", request.now
            )
            progress.event_ids = await self._dispatcher.dispatch(dispatch, functions)
            progress.functions = [FunctionReport(f.id, Path.DURABLE, State.ACCEPTED) for f in functions]
        except SendError as error:
            await self._fall_back(request, progress, error)
            progress.functions = await self._carry_out(request, functions, Path.FALLBACK, budget)
        return progress

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
        progress = _Progress(Mode.DUPLICATE, "the tick is recorded already", correlation_id=known[0].correlation_id)
        progress.event_ids = known[0].event_ids
        progress.functions = [
            FunctionReport(row.function, row.path, row.state, _decide_again(row).reason, row.attempt, error=row.error)
            for row in known
            if row.function not in anew
        ]
        if anew:
            progress.mode = Mode.INLINE
            progress.reason = "the tick came to nothing before"
            functions = [function for function in request.route.functions if function.id in anew]
            progress.functions += await self._carry_out(request, functions, Path.INLINE, budget)
        return progress

    async def _carry_out(
        self, request: TickRequest, functions: Sequence[Function], path: Path, budget: Budget
    ) -> list[FunctionReport]:
        """Do the work here, one function after another, each with an equal share of the time left."""
        reports = []
        for index, function in enumerate(functions):
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
                reports.append(_report(function, path, outcome))
        return reports


def _new_tick(request: TickRequest, decision: Decision) -> NewTick:
    return NewTick(
        request.identity.dispatch_key,
        request.route.id,
        request.client_id,
        request.identity.source,
        decision.mode,
        decision.reason,
        request.correlation_id,
        {function.id: function.start_by for function in request.route.functions},
    )


def _decide_again(row: KnownObligation) -> Decision:
    return decide_again(row.state, stranded=row.stranded)


def _report(function: Function, path: Path, outcome: Executed | Skipped) -> FunctionReport:
    if isinstance(outcome, Executed):
        return FunctionReport(
            function.id,
            path,
            outcome.state,
            None,
            outcome.attempt,
            outcome.duration_ms,
            outcome.summaries,
            outcome.error,
        )
    holder = outcome.holder
    if holder is None:
        return FunctionReport(function.id, None, State.OWED, "the ledger does not know it")
    if holder.state == State.OWED:
        busy = "the function runs for another tick; whoever ends next takes this up"
        return FunctionReport(function.id, None, holder.state, busy)
    return FunctionReport(function.id, holder.path, holder.state, "taken by another executor", error=holder.error)


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
