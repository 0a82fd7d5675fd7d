"""How a process reaches what stands in the database: late, not at all, or without hearing what came of it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from tests.simulation.model import Model
from tests.simulation.rollout_model import RolloutModel
from tickover.contract import Contract, Function, Route
from tickover.ledger.states import Path, State
from tickover.rollout.controls import Change
from tickover.rollout.facts import Facts
from tickover.rollout.stages import Control

if TYPE_CHECKING:
    from tests.simulation.replica import Replica

LEASE_S = 30.0
_T = TypeVar("_T")


class LedgerPort:
    """The ledger as a process reaches it: late, not at all, or without hearing what came of it."""

    def __init__(self, replica: "Replica") -> None:
        self._replica = replica
        self.lease_s = LEASE_S

    async def _do(self, statement: Callable[[Model], _T]) -> _T:
        """As the real one's `_do`."""
        world = self._replica.world
        await world.database.statement(self._replica)
        result = statement(world.model)
        world.checks.step()
        await world.database.answer(self._replica)
        return result

    async def record(self, tick: Any) -> bool:
        """As the real one's `record`."""
        return await self._do(lambda m: m.record(tick))

    async def read(self, dispatch_key: str, settle_s: float) -> Any:
        """As the real one's `read`."""
        return await self._do(lambda m: m.read(dispatch_key, settle_s))

    async def accept(self, dispatch_key: str, event_ids: Sequence[str], functions: Mapping[str, timedelta]) -> None:
        """As the real one's `accept`."""
        await self._do(lambda m: m.accept(dispatch_key, event_ids, functions))

    async def fail_send(self, dispatch_key: str, mode: str, reason: str, error: Mapping[str, Any]) -> None:
        """As the real one's `fail_send`."""
        await self._do(lambda m: m.fail_send(dispatch_key, mode, reason, error))

    async def claim(
        self, dispatch_key: str, function: str, path: Path, finish_by: timedelta, run_id: str | None = None
    ) -> Any:
        """As the real one's `claim`."""

        def won(m: Model) -> Any:
            claim = m.claim(dispatch_key, function, path, finish_by, run_id)
            if claim is not None:
                self._replica.world.checks.claimed(claim.id, claim.fence)
            return claim

        return await self._do(won)

    async def defer(self, dispatch_key: str, function: str) -> None:
        """As the real one's `defer`."""
        await self._do(lambda m: m.defer(dispatch_key, function))

    async def withdraw(self, function: str, dispatch_key: str | None = None) -> int:
        """As the real one's `withdraw`."""
        return await self._do(lambda m: m.withdraw(function, dispatch_key))

    async def holder(self, dispatch_key: str, function: str) -> Any:
        """As the real one's `holder`."""
        return await self._do(lambda m: m.holder(dispatch_key, function))

    async def renew(self, obligation_id: int, fence: int) -> bool:
        """As the real one's `renew`."""
        return await self._do(lambda m: m.renew(obligation_id, fence))

    async def record_responsibility(
        self, obligation_id: int, fence: int, responsibility: str, duration_ms: float, summary: Mapping[str, Any]
    ) -> bool:
        """As the real one's `record_responsibility`."""
        del duration_ms

        def kept(m: Model) -> bool:
            is_kept = m.record_responsibility(obligation_id, fence, responsibility, summary.get("error"))
            if is_kept:
                self._replica.world.checks.recorded(obligation_id, fence, responsibility, summary.get("error"))
            return is_kept

        return await self._do(kept)

    async def finish(self, obligation_id: int, fence: int, state: State, error: str | None) -> Any:
        """As the real one's `finish`."""

        def ended(m: Model) -> Any:
            finished = m.finish(obligation_id, fence, state, error)
            if finished is not None:
                self._replica.world.checks.finished(obligation_id, fence, state)
            return finished

        return await self._do(ended)

    async def note_fenced_off(self, obligation_id: int) -> None:
        """As the real one's `note_fenced_off`."""
        await self._do(lambda m: m.note_fenced_off(obligation_id))

    async def complete(self, dispatch_key: str) -> bool:
        """As the real one's `complete`."""
        return await self._do(lambda m: m.complete(dispatch_key))

    async def overdue(self, functions: Sequence[str]) -> Any:
        """As the real one's `overdue`."""
        return await self._do(lambda m: m.overdue(functions))

    async def going_on(self) -> Any:
        """As the real one's `going_on`."""
        return await self._do(lambda m: m.refusals)

    async def claim_probe(self, route: str, rest: timedelta) -> bool:
        """As the real one's `claim_probe`."""
        return await self._do(lambda m: m.claim_probe(route, rest))

    async def divert(self, dispatch_key: str, mode: str, reason: str) -> None:
        """As the real one's `divert`."""
        await self._do(lambda m: m.divert(dispatch_key, mode, reason))

    async def announce(self, announcement: Any) -> bool:
        """As the real one's `announce`."""
        return await self._do(lambda m: m.announce(announcement.route, announcement.state))


class CircuitPort:
    """Circuits as a process reaches them; their `read` is another than the ledger's."""

    def __init__(self, ledger: LedgerPort) -> None:
        self._ledger = ledger
        self.claim_probe, self.divert, self.announce = ledger.claim_probe, ledger.divert, ledger.announce

    async def read(self, route: str, most: int) -> Any:
        """As the real one's `read`."""
        return await self._ledger._do(lambda m: m.read_circuit(route, most))


class ControlsPort:
    """What is set for the functions, as a process reaches it."""

    def __init__(self, ledger: LedgerPort) -> None:
        self._ledger = ledger

    async def read(self, functions: Sequence[str]) -> Any:
        """As the real one's `read`."""
        return await self._ledger._do(lambda m: {function: m.read_control(function) for function in functions})

    async def change(self, changes: Sequence[Change]) -> Any:
        """As the real one's `change`."""

        def made(m: Model) -> Any:
            after = m.change(changes)
            for change in changes:
                self._ledger._replica.world.moved(change, after[change.before.function])
            return after

        return await self._ledger._do(made)


class ShadowsPort:
    """Shadow runs as a process reaches them."""

    def __init__(self, ledger: LedgerPort) -> None:
        self._ledger = ledger

    async def record(self, dispatch_key: str, functions: Mapping[str, timedelta]) -> None:
        """As the real one's `record`."""
        await self._do(lambda m: m.record_shadow(dispatch_key, functions))

    async def fail(self, dispatch_key: str, functions: Sequence[str], error: str) -> None:
        """As the real one's `fail`."""
        await self._do(lambda m: m.fail_shadow(dispatch_key, functions, error))

    async def begin(self, dispatch_key: str, function: str, run_id: str) -> Any:
        """As the real one's `begin`."""
        return await self._do(lambda m: m.begin_shadow(dispatch_key, function, run_id))

    async def finish(self, dispatch_key: str, function: str, run_id: str, summaries: Mapping[str, Any]) -> None:
        """As the real one's `finish`."""
        await self._do(lambda m: m.finish_shadow(dispatch_key, function, run_id, summaries))

    async def _do(self, statement: Callable[[RolloutModel], _T]) -> _T:
        return await self._ledger._do(lambda m: statement(_rollout(m)))


def _rollout(model: Model) -> RolloutModel:
    assert isinstance(model, RolloutModel)  # where nothing is moved nothing is shadowed, and no evidence is read
    return model


class EvidencePort:
    """What a rollout is judged by, as a process reads it; where that fails the real one says so as well."""

    def __init__(self, ledger: LedgerPort, contract: Contract) -> None:
        self._ledger = ledger
        self._contract = contract

    async def facts(self, route: Route, function: Function, control: Control) -> Facts:
        """As the real one's `facts`."""
        world = self._ledger._replica.world
        if world.on("evidence-unreadable"):
            return Facts(control.changed_at or world.model.now(), world.model.now(), unreadable="it cannot be read")
        return await self._ledger._do(lambda m: _rollout(m).facts(route, function, control))

    async def in_flight(self, functions: Sequence[str]) -> Sequence[Any]:
        """Whom a rollback waits for is not simulated."""
        del functions
        return ()
