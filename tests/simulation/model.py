"""The ledger in memory: the semantics of its SQL statements, one method each, and nothing else.

`tests/integration/test_ledger_model.py` holds it to the real one. It knows neither processes nor faults nor invariants.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tickover.errors import ControlError
from tickover.ledger.facts import Attempt, CircuitRows, Refusal
from tickover.ledger.states import CLAIMABLE, DONE, ENDED, Path, State
from tickover.ledger.store import Claim, Finished, Holder, KnownObligation, NewTick, Overdue
from tickover.rollout.controls import Change
from tickover.rollout.stages import Control, require_move


@dataclass(eq=False, slots=True)
class Tick:
    """A row of `tickover.tick`."""

    id: int
    dispatch_key: str
    route: str
    client_id: str | None
    identity_source: str
    mode: str
    reason: str
    correlation_id: str
    requested_at: datetime
    event_ids: list[str] = field(default_factory=list)
    error: dict[str, Any] | None = None
    completed_at: datetime | None = None
    obligations: "dict[str, Obligation]" = field(default_factory=dict)
    shadows: "dict[str, Shadow]" = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Obligation:
    """A row of `tickover.obligation`, with its `responsibility_run` rows that are successes."""

    id: int
    tick: Tick
    function: str
    client_id: str | None
    start_by: datetime
    created_at: datetime
    state: State = State.OWED
    path: Path | None = None
    run_id: str | None = None
    fence: int = 0
    attempt: int = 0
    lease_expires_at: datetime | None = None
    finish_by: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None
    fenced_off: int = 0
    covered_by: "Obligation | None" = None
    accepted_at: datetime | None = None
    failed_durably: bool = False
    done: list[str] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Shadow:
    """A row of `tickover.shadow_run`."""

    start_by: datetime
    send_error: str | None = None
    run_id: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    summaries: Mapping[str, Any] | None = None


class Model:
    """What stands in the ledger's tables.

    Args:
        now: the database's clock.
        lease_s: seconds a claim lasts.
    """

    def __init__(self, now: Callable[[], datetime], lease_s: float) -> None:
        self.now = now
        self.lease = timedelta(seconds=lease_s)
        self.ticks: dict[str, Tick] = {}
        self.by_route: dict[str, list[Tick]] = {}
        self.obligations: dict[int, Obligation] = {}
        self.unended: dict[str, dict[int, Obligation]] = {}
        self.circuits: dict[str, tuple[str, datetime, datetime | None]] = {}
        self.refusals: list[Refusal] = []
        self.controls: dict[str, Control] = {}
        self._id = 0

    def record(self, tick: NewTick) -> bool:
        """`record_tick.sql`."""
        if tick.dispatch_key in self.ticks:
            return False
        row = Tick(
            self._next(), tick.dispatch_key, tick.route, tick.client_id, tick.identity_source, tick.mode, tick.reason,
            tick.correlation_id, self.now(),
        )  # fmt: skip
        self.ticks[row.dispatch_key] = row
        self.by_route.setdefault(row.route, []).append(row)
        for function, start_by in tick.functions.items():
            owed = Obligation(self._next(), row, function, row.client_id, self.now() + start_by, self.now())
            row.obligations[function] = self.obligations[owed.id] = owed
            self.unended.setdefault(function, {})[owed.id] = owed
        return True

    def read(self, dispatch_key: str, settle_s: float) -> list[KnownObligation]:
        """`read_tick.sql`."""
        tick = self.ticks.get(dispatch_key)
        if tick is None:
            return []
        heard_of = self.now() - timedelta(seconds=settle_s)
        return [
            KnownObligation(
                tick.dispatch_key, tick.correlation_id, tick.mode, list(tick.event_ids), o.id, o.function, o.state,
                o.path, o.run_id, o.attempt, o.error, o.state is State.OWED and o.created_at < heard_of,
            )
            for o in tick.obligations.values()
        ]  # fmt: skip

    def accept(self, dispatch_key: str, event_ids: Sequence[str], functions: Mapping[str, timedelta]) -> None:
        """`accept_tick.sql`."""
        tick = self.ticks[dispatch_key]
        tick.event_ids = list(event_ids)
        for function, start_by in functions.items():
            owed = tick.obligations[function]
            if owed.state is State.OWED:
                if self.is_inline(function):
                    continue
                owed.state, owed.start_by = State.ACCEPTED, self.now() + start_by
            owed.accepted_at = self.now()

    def fail_send(self, dispatch_key: str, mode: str, reason: str, error: Mapping[str, Any]) -> None:
        """`fail_send.sql`."""
        tick = self.ticks[dispatch_key]
        tick.mode, tick.reason, tick.error = str(mode), reason, dict(error)

    def claim(
        self, dispatch_key: str, function: str, path: Path, finish_by: timedelta, run_id: str | None = None
    ) -> Claim | None:
        """`claim_obligation.sql`, `lock_function.sql` before it."""
        tick = self.ticks.get(dispatch_key)
        o = tick.obligations.get(function) if tick else None
        if tick is None or o is None or not (o.state in CLAIMABLE or (o.state is State.RUNNING and self._expired(o))):
            return None
        if path is not Path.DURABLE and self._busy(function, o):
            return None
        if path is Path.DURABLE and self.is_inline(function):
            return None
        is_first = tick.identity_source != "continuation" and not any(b.attempt for b in tick.obligations.values())
        if o.state not in (State.RUNNING, State.RETRYING, State.INTERRUPTED):
            o.finish_by = self.now() + finish_by
        o.state, o.path, o.run_id, o.error, o.finished_at = State.RUNNING, path, run_id, None, None
        o.fence, o.attempt = o.fence + 1, o.attempt + 1
        o.started_at, o.lease_expires_at = self.now(), self.now() + self.lease
        self.unended.setdefault(function, {})[o.id] = o
        return Claim(
            o.id,
            o.fence,
            o.attempt,
            o.started_at,
            (o.started_at - (o.accepted_at or o.created_at)).total_seconds(),
            o.client_id,
            tick.correlation_id,
            tick.route,
            None,
            is_first,
            list(o.done),
        )

    def defer(self, dispatch_key: str, function: str) -> None:
        """`defer_obligation.sql`."""
        owed = self.ticks[dispatch_key].obligations[function]
        if owed.state is State.OWED:
            owed.start_by = self.now()

    def withdraw(self, function: str, dispatch_key: str | None = None) -> int:
        """`withdraw_obligations.sql`."""
        if not self.is_inline(function):
            return 0
        taken = 0
        for o in self.unended.get(function, {}).values():
            if dispatch_key is not None and o.tick.dispatch_key != dispatch_key:
                continue
            if o.state is State.ACCEPTED or (o.state is State.OWED and dispatch_key is not None):
                o.state, o.start_by = State.OWED, min(o.start_by, self.now())
            elif o.state not in (State.RETRYING, State.INTERRUPTED) or o.path is not Path.DURABLE:
                continue
            o.accepted_at = None
            taken += 1
        return taken

    def is_inline(self, function: str) -> bool:
        """`tickover.is_inline`."""
        return self.read_control(function).is_inline

    def change(self, changes: Sequence[Change]) -> dict[str, Control]:
        """`change_control.sql`, and the transaction around it."""
        for change in changes:
            if self.read_control(change.before.function).version != change.before.version:
                raise ControlError("somebody else came first")
            if change.step != change.before.step:
                require_move(change.before, change.step)
        for change in changes:
            before = change.before
            self.controls[before.function] = Control(
                before.function, change.step.stage, change.step.percent, before.version + 1, change.by, change.reason,
                before.changed_at if change.step == before.step else self.now(), change.held,
                before.auto if change.auto is None else change.auto, change.rolled_back,
            )  # fmt: skip
        return {change.before.function: self.read_control(change.before.function) for change in changes}

    def read_control(self, function: str) -> Control:
        """`read_controls.sql`, one row of it."""
        return self.controls.get(function, Control(function))

    def holder(self, dispatch_key: str, function: str) -> Holder | None:
        """`read_obligation.sql`."""
        tick = self.ticks.get(dispatch_key)
        o = tick.obligations.get(function) if tick else None
        if o is None:
            return None
        covered_path = o.covered_by.path if o.covered_by else None
        rolled_back = self.is_inline(function)
        return Holder(o.state, o.path, o.run_id, o.lease_expires_at, o.error, covered_path, rolled_back)

    def holds(self, obligation_id: int, fence: int) -> bool:
        """`check_lease.sql`, and the condition of all that a lease holder may do."""
        o = self.obligations.get(obligation_id)
        return o is not None and o.fence == fence and o.state is State.RUNNING

    def renew(self, obligation_id: int, fence: int) -> bool:
        """`renew_lease.sql`."""
        if not self.holds(obligation_id, fence):
            return False
        self.obligations[obligation_id].lease_expires_at = self.now() + self.lease
        return True

    def record_responsibility(self, obligation_id: int, fence: int, responsibility: str, error: str | None) -> bool:
        """`record_responsibility.sql`."""
        if not self.holds(obligation_id, fence):
            return False
        if error is None:
            self.obligations[obligation_id].done.append(responsibility)
        return True

    def finish(self, obligation_id: int, fence: int, state: State, error: str | None) -> Finished | None:
        """`finish_obligation.sql`."""
        if not self.holds(obligation_id, fence):
            return None
        o = self.obligations[obligation_id]
        o.state, o.error, o.lease_expires_at, o.finished_at = state, error, None, self.now()
        o.failed_durably = o.failed_durably or (state is State.FAILED and o.path is Path.DURABLE)
        if state in ENDED:
            self.unended[o.function].pop(o.id, None)
        covered = self._cover(o) if state is State.SUCCEEDED else 0
        return Finished(o.finished_at, covered)

    def note_fenced_off(self, obligation_id: int) -> None:
        """`note_fenced_off.sql`."""
        self.obligations[obligation_id].fenced_off += 1

    def complete(self, dispatch_key: str) -> bool:
        """`complete_tick.sql`."""
        tick = self.ticks[dispatch_key]
        if tick.completed_at or tick.identity_source == "continuation":
            return False
        if any(o.state not in DONE for o in tick.obligations.values()):
            return False
        tick.completed_at = self.now()
        return True

    def overdue(self, functions: Sequence[str]) -> list[Overdue]:
        """`overdue_obligations.sql`."""
        found = []
        for function in sorted(functions):
            late: dict[str | None, list[Obligation]] = {}
            for o in self.unended.get(function, {}).values():
                if self.is_late(o):
                    late.setdefault(o.client_id, []).append(o)
            for client_id, rows in sorted(late.items(), key=lambda item: (item[0] is None, item[0] or "")):
                newest = max(rows, key=lambda o: o.id)
                found.append(
                    Overdue(
                        function, client_id, newest.tick.dispatch_key, newest.state, newest.start_by, newest.finish_by,
                        len(rows),
                    )
                )  # fmt: skip
        return found

    def read_circuit(self, route: str, most: int) -> CircuitRows:
        """`read_circuit.sql`."""
        state, since, probed_at = self.circuits.get(route, (None, None, None))
        attempts: list[Attempt] = []
        for tick in reversed(self.by_route.get(route, [])):
            if len(attempts) == most:
                break
            if not tick.event_ids and tick.error is None:
                continue
            fates = {o.id: self.fate(o) for o in tick.obligations.values() if o.accepted_at is not None}
            missed = [o for o in tick.obligations.values() if fates.get(o.id) == "missed"]
            if tick.error is not None or missed or (fates and "waiting" not in fates.values()):
                settled = [o.started_at or o.finished_at or o.start_by for o in missed]
                kind = None if tick.error is None else str(tick.error["kind"])
                attempts.append(
                    Attempt(tick.dispatch_key, tick.requested_at, kind, len(missed), max(settled, default=None))
                )
        return CircuitRows(self.now(), state, since, probed_at, attempts, self.refusals)

    def claim_probe(self, route: str, rest: timedelta) -> bool:
        """`claim_probe.sql`."""
        state, since, probed_at = self.circuits.get(route, ("open", self.now(), None))
        if probed_at is not None and probed_at > self.now() - rest:
            return False
        self.circuits[route] = (state, since, self.now())
        return True

    def divert(self, dispatch_key: str, mode: str, reason: str) -> None:
        """`divert_tick.sql`."""
        tick = self.ticks[dispatch_key]
        tick.mode, tick.reason = str(mode), reason

    def announce(self, route: str, state: str) -> bool:
        """`announce_circuit.sql`."""
        before = self.circuits.get(route)
        if before is not None and before[0] == state:
            return False
        self.circuits[route] = (str(state), self.now(), before[2] if before else None)
        return True

    def is_late(self, o: Obligation) -> bool:
        """`tickover.is_late`."""
        if o.state in (State.OWED, State.ACCEPTED):
            return o.start_by < self.now()
        waiting = o.state in (State.RETRYING, State.INTERRUPTED) or (o.state is State.RUNNING and self._expired(o))
        is_over = o.finish_by is not None and o.finish_by < self.now()
        return waiting and (is_over or o.path is not Path.DURABLE or self.is_inline(o.function))

    def fate(self, o: Obligation) -> str:
        """`tickover.fate`."""
        if o.path is Path.RECOVERY:
            return "missed"
        if o.state is State.COVERED:
            return "ran" if o.covered_by and o.covered_by.path is Path.DURABLE else "missed"
        if o.path is not None or o.state not in (State.OWED, State.ACCEPTED):
            return "ran"
        return "missed" if self.is_late(o) and not self._busy(o.function, None) else "waiting"

    def forget(self, keep: timedelta) -> None:
        """Drop what is old and has ended, so that memory stays flat."""
        before = self.now() - keep
        for key, tick in list(self.ticks.items()):
            if tick.requested_at > before:
                break
            if all(o.state in ENDED for o in tick.obligations.values()):
                del self.ticks[key]
                self.by_route[tick.route].remove(tick)
                for o in tick.obligations.values():
                    del self.obligations[o.id]

    def _cover(self, by: Obligation) -> int:
        covered = [
            o
            for o in self.unended[by.function].values()
            if o.id < by.id
            and (by.client_id is None or o.client_id == by.client_id)
            and by.started_at is not None
            and o.created_at <= by.started_at
            and (o.state is State.OWED or self.is_late(o))
        ]
        for o in covered:
            o.state, o.covered_by, o.finished_at, o.lease_expires_at = State.COVERED, by, self.now(), None
            del self.unended[o.function][o.id]
        return len(covered)

    def _busy(self, function: str, but: Obligation | None) -> bool:
        return any(
            o is not but and o.state is State.RUNNING and not self._expired(o)
            for o in self.unended.get(function, {}).values()
        )

    def _expired(self, o: Obligation) -> bool:
        return o.lease_expires_at is not None and o.lease_expires_at < self.now()

    def _next(self) -> int:
        self._id += 1
        return self._id
