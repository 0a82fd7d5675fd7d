"""Three ledgers that are broken on purpose, to see that the simulation notices."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from tests.simulation.model import Model
from tickover.ledger.states import Path, State
from tickover.ledger.store import Claim, NewTick


class NoFence(Model):
    """Whoever has once won a claim may go on recording, however late."""

    def holds(self, obligation_id: int, fence: int) -> bool:
        """It is enough that somebody is at it, or that it has ended."""
        o = self.obligations.get(obligation_id)
        return o is not None and o.fence >= fence > 0


class ClaimBeforeSend(Model):
    """A tick claims its work for the engine before it sends, and does not release it when the send fails."""

    def __init__(self, now: Callable[[], datetime], lease_s: float) -> None:
        super().__init__(now, lease_s)
        self._claimed: set[tuple[str, str]] = set()

    def record(self, tick: NewTick) -> bool:
        """Owed, and claimed at once."""
        is_new = super().record(tick)
        if is_new and tick.mode == "dispatch":
            self._claimed |= {(tick.dispatch_key, function) for function in tick.functions}
        return is_new

    def accept(self, dispatch_key: str, event_ids: Sequence[str], functions: Mapping[str, timedelta]) -> None:
        """What was accepted is released to the engine; nothing releases what was not."""
        self._claimed -= {(dispatch_key, function) for function in functions}
        super().accept(dispatch_key, event_ids, functions)

    def claim(
        self, dispatch_key: str, function: str, path: Path, finish_by: timedelta, run_id: str | None = None
    ) -> Claim | None:
        """Won by nobody while it is claimed."""
        if (dispatch_key, function) in self._claimed:
            return None
        return super().claim(dispatch_key, function, path, finish_by, run_id)


class AcceptedIsDone(Model):
    """What the engine has accepted counts as done (field note F5)."""

    def accept(self, dispatch_key: str, event_ids: Sequence[str], functions: Mapping[str, timedelta]) -> None:
        """Ended, although nobody has worked."""
        super().accept(dispatch_key, event_ids, functions)
        for o in self.ticks[dispatch_key].obligations.values():
            if o.state is State.ACCEPTED:
                o.state, o.path, o.finished_at = State.SUCCEEDED, Path.DURABLE, self.now()
                self.unended[o.function].pop(o.id, None)


VARIANTS: Mapping[str, type[Model]] = {
    "no-fence": NoFence,
    "claim-before-send": ClaimBeforeSend,
    "accepted-is-done": AcceptedIsDone,
}
"""By name, for the command."""
