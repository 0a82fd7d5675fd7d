"""What the ledger in memory knows besides where functions are moved: shadow runs, and the evidence."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.simulation.model import Model, Obligation, Shadow, Tick
from tickover.contract import Function, Route
from tickover.rollout.facts import Facts, Fate, HandedOver, Shadowed
from tickover.rollout.parity import ShadowRow, compare
from tickover.rollout.stages import Control, Stage


class RolloutModel(Model):
    """The semantics of the statements of a rollout."""

    def record_shadow(self, dispatch_key: str, functions: Mapping[str, timedelta]) -> None:
        """`record_shadow.sql`."""
        for function, start_by in functions.items():
            self.ticks[dispatch_key].shadows.setdefault(function, Shadow(self.now() + start_by))

    def fail_shadow(self, dispatch_key: str, functions: Sequence[str], error: str) -> None:
        """`fail_shadow.sql`."""
        for function in functions:
            self.ticks[dispatch_key].shadows[function].send_error = error

    def begin_shadow(self, dispatch_key: str, function: str, run_id: str) -> tuple[str | None] | None:
        """`begin_shadow.sql`."""
        tick = self.ticks[dispatch_key]
        shadow = tick.shadows.get(function)
        if shadow is None or shadow.finished_at is not None or self.read_control(function).stage != Stage.SHADOW:
            return None
        shadow.run_id, shadow.started_at = run_id, shadow.started_at or self.now()
        return (tick.client_id,)

    def finish_shadow(self, dispatch_key: str, function: str, run_id: str, summaries: Mapping[str, Any]) -> None:
        """`finish_shadow.sql`."""
        shadow = self.ticks[dispatch_key].shadows[function]
        if shadow.run_id == run_id:
            shadow.finished_at, shadow.summaries = self.now(), summaries

    def facts(self, route: Route, function: Function, control: Control) -> Facts:
        """What `RolloutEvidence` reads."""
        since = control.changed_at or self.now()
        ticks: list[datetime] = []
        handed_over: list[HandedOver] = []
        shadowed: list[Shadowed] = []
        for tick in reversed(self.by_route.get(route.id, [])):
            o = tick.obligations.get(function.id)
            if tick.requested_at >= since and tick.identity_source != "continuation":
                ticks.append(tick.requested_at)
            if o is not None and o.accepted_at is not None and o.accepted_at >= since:
                handed_over.append(
                    HandedOver(
                        tick.dispatch_key, tick.requested_at, o.accepted_at, o.started_at, o.finished_at,
                        Fate(self.fate(o)), o.failed_durably, o.fenced_off > 0,
                    )
                )  # fmt: skip
            if o is not None and (shadow := tick.shadows.get(function.id)) and tick.requested_at >= since:
                found = compare(self._beside(tick, shadow, o), function, self.now())
                shadowed += [found] if found else []
            if tick.requested_at < since - timedelta(minutes=10):
                break
        return Facts(since, self.now(), ticks, handed_over, shadowed if control.stage == Stage.SHADOW else [])

    def _beside(self, tick: Tick, shadow: Shadow, o: Obligation) -> ShadowRow:
        done = {name: {"looked_at": 3, "left": 0, "error": None} for name in o.done}
        return ShadowRow(
            tick.dispatch_key, tick.requested_at, {}, shadow.start_by, shadow.send_error, {}, shadow.started_at,
            shadow.finished_at, shadow.summaries, o.state, o.started_at, o.finished_at, done,
        )  # fmt: skip
