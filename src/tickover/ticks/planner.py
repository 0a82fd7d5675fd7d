"""What is to be done about a tick: asks everything that decides about it, and lets `decide` say."""

import asyncio
from collections.abc import Mapping

from tickover.isolation.guard import Gate
from tickover.rollout.controls import Reads
from tickover.ticks.answer import TickRequest
from tickover.ticks.decision import Plan, decide, switches_of
from tickover.ticks.identity import CANARY
from tickover.ticks.idleness import Idleness


class Planner:
    """Plans ticks.

    Args:
        gate: what refuses every tick in the wrong environment.
        flags: the value of every route's flag and of the variable that beats it.
        controls: what is set for each function.
        idleness: what knows for which of them nothing is due.
    """

    def __init__(self, gate: Gate, flags: Mapping[str, bool], controls: Reads, idleness: Idleness) -> None:
        self._gate = gate
        self._flags = flags
        self._controls = controls
        self._idleness = idleness

    async def plan(self, request: TickRequest) -> Plan:
        """What to do if the tick is new. What is set for its functions is read anew for every tick (invariant 7).

        Raises:
            WrongEnvironmentError: nothing may be changed here.
        """
        route = request.route
        flags = dict(self._flags)  # as they are when the tick comes, however long the answers below take
        verdict, controls, idle = await asyncio.gather(
            self._gate.require(),
            self._controls.read([function.id for function in route.functions]),
            self._idleness.of(route, request.client_id, request.now),
        )
        withheld = None if verdict.withheld is None else verdict.withheld.text
        identity, switches = request.identity, switches_of(route, flags, withheld)
        return decide(identity.dispatch_key, switches, controls, idle=idle, is_verifying=identity.source == CANARY)
