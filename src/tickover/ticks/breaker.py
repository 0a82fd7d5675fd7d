"""The circuit's hold on a tick: look, let through, turn inline, let one probe; and say it once when it changes."""

from dataclasses import dataclass

import structlog

from tickover.ledger.circuits import Announcement, Circuits
from tickover.ledger.facts import CircuitRows
from tickover.ticks.circuit import Circuit, CircuitState, Limits, changes, judge
from tickover.ticks.decision import Decision, Mode

_log = structlog.stdlib.get_logger("tickover.ticks")


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of a route's circuit when its tick came.

    Args:
        rows: what stood in the ledger.
        circuit: what follows from it.
    """

    rows: CircuitRows
    circuit: Circuit


class Breaker:
    """Keeps ticks from an engine that does not carry them out.

    Args:
        circuits: the ledger's rows about it.
        limits: when it opens, and for how long nothing is tried then.
    """

    def __init__(self, circuits: Circuits, limits: Limits) -> None:
        self._circuits = circuits
        self._limits = limits

    async def look(self, route: str) -> Sight:
        """A route's circuit as it stands."""
        rows = await self._circuits.read(route, self._limits.after)
        return Sight(rows, judge(rows, self._limits))

    async def settle(self, route: str, dispatch_key: str, sight: Sight) -> Decision | None:
        """What the circuit makes of a tick that was recorded for dispatch; None where it has nothing against it."""
        circuit = sight.circuit
        if changes(sight.rows, circuit):
            await self._announce(route, dispatch_key, circuit)
        if circuit.state is CircuitState.CLOSED:
            return None
        if circuit.may_probe and await self._circuits.claim_probe(route, self._limits.rest):
            decision = Decision(Mode.DISPATCH, f"this tick probes the open circuit: {circuit.reason}")
        else:
            decision = Decision(Mode.INLINE, f"the circuit is open: {circuit.reason}")
        await self._circuits.divert(dispatch_key, decision.mode, decision.reason)
        return decision

    async def _announce(self, route: str, dispatch_key: str, circuit: Circuit) -> None:
        action = "circuit.opened" if circuit.state is CircuitState.OPEN else "circuit.closed"
        evidence = {"attempts": list(circuit.evidence)}
        announcement = Announcement(route, circuit.state, action, f"tick {dispatch_key}", circuit.reason, evidence)
        if await self._circuits.announce(announcement):
            say = _log.error if circuit.state is CircuitState.OPEN else _log.info
            say(action, route=route, reason=circuit.reason, probes_every_s=self._limits.rest.total_seconds())
