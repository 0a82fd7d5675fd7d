"""The invariants, checked after every step, by what was seen and not by what the ledger says of itself."""

from dataclasses import dataclass, field
from typing import NoReturn

from tests.simulation.model import Model, Obligation
from tickover.contract import Contract
from tickover.ledger.states import DONE, ENDED, MOVES, State


class BrokenInvariantError(AssertionError):
    """An invariant is broken. The text begins with its number."""


@dataclass
class Checks:
    """What has been seen so far.

    Args:
        model: the ledger.
        contract: what is owed.
    """

    model: Model
    contract: Contract
    states: dict[int, State] = field(default_factory=dict)
    fences: dict[int, int] = field(default_factory=dict)
    worked: dict[int, set[str]] = field(default_factory=dict)
    results: dict[tuple[int, str], int] = field(default_factory=dict)
    ended: int = 0
    by_path: dict[str, int] = field(default_factory=dict)
    broken: BrokenInvariantError | None = None

    def step(self) -> None:
        """After every statement: only allowed moves, fences that only grow."""
        for rows in self.model.unended.values():
            for o in rows.values():
                self._moved(o)

    def claimed(self, obligation_id: int, fence: int) -> None:
        """A claim was won: under a fence that nobody had before (invariant 3)."""
        if fence <= self.fences.get(obligation_id, 0):
            self._break(f"3: fence {fence} of obligation {obligation_id} was given out before")
        self.fences[obligation_id] = fence

    def recorded(self, obligation_id: int, fence: int, responsibility: str, error: str | None) -> None:
        """A result was kept: from the newest claim alone, and once (invariant 3)."""
        self._newest(obligation_id, fence, f"a result of {responsibility}")
        if error is None:
            seen = self.results[obligation_id, responsibility] = (
                self.results.get((obligation_id, responsibility), 0) + 1
            )
            if seen > 1:
                self._break(f"3: {responsibility} of obligation {obligation_id} succeeded twice")

    def worked_on(self, obligation_id: int, fence: int, responsibility: str, *, done: bool) -> None:
        """A batch was committed (invariant 3); or the last one of a responsibility."""
        self._newest(obligation_id, fence, f"a batch of {responsibility}")
        if done:
            self.worked.setdefault(obligation_id, set()).add(responsibility)

    def finished(self, obligation_id: int, fence: int, state: State) -> None:
        """An attempt was ended: by the holder, and as succeeded only if all its work was done (invariants 2, 3, 8)."""
        self._newest(obligation_id, fence, "an end")
        if state in DONE:
            self._all_done(self.model.obligations[obligation_id])

    def sent(self, dispatch_key: str, function: str) -> None:
        """An event reached the engine: it had to be owed by then (invariant 1)."""
        tick = self.model.ticks.get(dispatch_key)
        if tick is None or function not in tick.obligations:
            self._break(f"1: {function} of {dispatch_key} was sent and is not recorded")

    def aged(self, allowed: float) -> None:
        """After every tick: nothing is open for longer than its deadlines and so many seconds (invariant 2)."""
        now = self.model.now()
        for function in self.contract.functions:
            deadline = (function.start_by + function.deadline).total_seconds() + allowed
            for o in self.model.unended.get(function.id, {}).values():
                age = (now - o.created_at).total_seconds()
                if age > deadline:
                    self._break(
                        f"2: {function.id} of {o.tick.dispatch_key} is {o.state} after {age:.0f} s of {deadline:.0f} s"
                    )

    def settled(self, *, failing: bool) -> None:
        """In the end: every obligation has ended, and what ended well was done (invariants 2, 4)."""
        for o in self.model.obligations.values():
            if o.state not in ENDED:
                self._break(f"2: {o.function} of {o.tick.dispatch_key} is {o.state} in the end")
            if o.state is State.FAILED and not failing:
                self._break(f"2: {o.function} of {o.tick.dispatch_key} failed, and nothing made it: {o.error}")
            if o.state in DONE:
                self._all_done(o)
            self.ended += 1
            by = o.covered_by or o
            self.by_path[str(by.path)] = self.by_path.get(str(by.path), 0) + 1

    def _break(self, text: str) -> NoReturn:
        """Stop here; and be remembered, should whoever called swallow it as an error of the work."""
        self.broken = self.broken or BrokenInvariantError(text)
        raise self.broken

    def _newest(self, obligation_id: int, fence: int, what: str) -> None:
        if fence != self.fences.get(obligation_id):
            self._break(
                f"3: {what} of obligation {obligation_id} under fence {fence}, not {self.fences.get(obligation_id)}"
            )

    def _all_done(self, o: Obligation) -> None:
        """The work was really done: by its own executor, or by the run that covered it, begun after it was owed."""
        by = o.covered_by or o
        function = self.contract.function(o.function)
        owed = {r.id for r in function.responsibilities} if function else set()
        if not owed <= self.worked.get(by.id, set()):
            self._break(f"2: {o.function} of {o.tick.dispatch_key} is {o.state}, and its work was not done")
        if o.covered_by is not None and (by.started_at is None or by.started_at < o.created_at):
            self._break(f"2: {o.tick.dispatch_key} was covered by a run that had begun before it")

    def _moved(self, o: Obligation) -> None:
        before = self.states.get(o.id, State.OWED)
        if o.state is not before and o.state not in MOVES[before]:
            self._break(f"obligation {o.id} went from {before} to {o.state}")
        self.states[o.id] = o.state
