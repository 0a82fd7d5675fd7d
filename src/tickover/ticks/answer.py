"""What a tick asks for, and what it is answered. Values only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tickover.contract import Function, Route
from tickover.execution.executor import Executed, Skipped
from tickover.ledger.states import Path, State
from tickover.ledger.store import Progress
from tickover.ticks.circuit import Circuit
from tickover.ticks.decision import Mode
from tickover.ticks.findings import Finding
from tickover.ticks.identity import Identity
from tickover.ticks.watchdog import Recovery


@dataclass(frozen=True, slots=True)
class TickRequest:
    """A tick that was authenticated and identified.

    Args:
        route: the cron endpoint.
        identity: what it is known by.
        client_id: the client it is narrowed to, or None.
        correlation_id: what its log lines carry.
        now: when it arrived.
        bad_key: hand it over with a key that no engine knows, to see the fallback at work.
    """

    route: Route
    identity: Identity
    client_id: str | None
    correlation_id: str
    now: datetime
    bad_key: bool = False


def progress_as_json(progress: Progress) -> dict[str, Any]:
    """How far a function of a tick is, as a JSON object; a function that another run covered has that run's path."""
    took = None
    if progress.started_at is not None and progress.finished_at is not None:
        took = round((progress.finished_at - progress.started_at).total_seconds() * 1000, 1)
    return {
        "function": progress.function,
        "path": progress.path or progress.covered_path,
        "state": str(progress.state),
        "attempt": progress.attempt,
        "durationMs": took,
        "responsibilities": progress.summaries,
        "error": progress.error,
    }


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
        covered: older obligations of the function, owed or late, that this one did the work of.
    """

    function: str
    path: str | None
    state: str
    reason: str | None = None
    attempt: int = 0
    duration_ms: float | None = None
    summaries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    error: str | None = None
    covered: int = 0


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
        circuit: the route's way to the engine; None where that was not asked for.
        findings: what is wrong although ticks are answered.
        idle: functions for which nothing was due, so that nothing was owed.
    """

    mode: Mode
    reason: str
    correlation_id: str
    event_ids: Sequence[str]
    functions: Sequence[FunctionReport]
    recovered: Sequence[Recovery]
    send_error: Mapping[str, Any] | None
    duration_ms: float
    circuit: Circuit | None = None
    findings: Sequence[Finding] = ()
    idle: Sequence[str] = ()

    @property
    def failed(self) -> bool:
        """Whether work of this tick was carried out here and failed, so that cron does well to call again."""
        return any(report.state == State.FAILED for report in self.functions)


def report(function: Function, path: Path, outcome: Executed | Skipped) -> FunctionReport:
    """What became of a function that was to be carried out here."""
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
            outcome.covered,
        )
    holder = outcome.holder
    if holder is None:
        return FunctionReport(function.id, None, State.OWED, "the ledger does not know it")
    if holder.state == State.OWED:
        busy = "the function runs for another tick; whoever ends next takes this up"
        return FunctionReport(function.id, None, holder.state, busy)
    return FunctionReport(function.id, holder.path, holder.state, "taken by another executor", error=holder.error)
