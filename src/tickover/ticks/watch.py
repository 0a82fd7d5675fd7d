"""The watchdog between ticks, for hosts that run for long; serverless ones need nothing but cron."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from tickover import clock
from tickover.contract import Contract
from tickover.errors import WrongEnvironmentError
from tickover.execution.budget import Budget
from tickover.isolation.guard import Gate
from tickover.ledger.facts import Refusal
from tickover.notices.keeper import Keeper
from tickover.ticks.breaker import Breaker
from tickover.ticks.circuit import Circuit
from tickover.ticks.findings import Finding, refused
from tickover.ticks.housekeeping import Housekeeping
from tickover.ticks.watchdog import Recovery, Watchdog
from tickover.waiting import pause

_log = structlog.stdlib.get_logger("tickover.ticks")


@dataclass(frozen=True, slots=True)
class Round:
    """What one look between ticks found, and did.

    Args:
        circuits: each route's way to the engine.
        recovered: what was overdue and settled.
        findings: what is wrong.
    """

    circuits: dict[str, Circuit]
    recovered: Sequence[Recovery]
    findings: Sequence[Finding]


class Watch:
    """Looks for what is overdue, and for what is wrong, again and again.

    Args:
        gate: what refuses to change anything in the wrong environment.
        contract: whose routes and functions.
        watchdog: what settles the overdue.
        breaker: what knows the circuits.
        housekeeping: what looks for what is wrong.
        keeper: what notices are kept by.
        budget_s: seconds all recovery of one round may take.
    """

    def __init__(
        self,
        gate: Gate,
        contract: Contract,
        watchdog: Watchdog,
        breaker: Breaker,
        housekeeping: Housekeeping,
        keeper: Keeper,
        budget_s: float,
    ) -> None:
        self._gate = gate
        self._contract = contract
        self._watchdog = watchdog
        self._breaker = breaker
        self._housekeeping = housekeeping
        self._keeper = keeper
        self._budget_s = budget_s

    async def once(self) -> Round:
        """One look: settle what is overdue, name what is wrong.

        Raises:
            WrongEnvironmentError: nothing may be changed here, and nothing was.
        """
        await self._gate.require()
        circuits: dict[str, Circuit] = {}
        refusals: Sequence[Refusal] = ()
        findings: dict[str, Sequence[Finding]] = {}
        for route in self._contract.routes:
            sight = await self._breaker.look(route.id)
            circuits[route.id], refusals = sight.circuit, sight.rows.refusals
            findings[route.id] = await self._housekeeping.keep(route, clock.now())
        budget = Budget.of(self._budget_s)
        recovered = await self._watchdog.settle(await self._watchdog.look(), budget)
        for route in self._contract.routes:
            await self._keeper.keep(route, findings[route.id], budget)
        found = [finding for some in findings.values() for finding in some]
        return Round(circuits, recovered, [*refused(refusals), *found])

    async def run(self, every: float, seen: Callable[[Round], Awaitable[None]] | None = None) -> None:
        """Look for ever, so many seconds after the end of the look before; a database that is away is waited for.

        Args:
            every: seconds between looks.
            seen: told of each.
        """
        while True:
            try:
                found = await self.once()
            except (psycopg.OperationalError, PoolTimeout) as error:
                _log.error("watch.failed", error=str(error).partition("\n")[0], remedy="check DATABASE_URL")
            except WrongEnvironmentError as error:
                _log.error("watch.refused", environment=error.environment, codes=error.codes)
            except Exception:  # noqa: BLE001 - the end of a round: the next one may do better
                _log.exception("watch.failed")
            else:
                if seen is not None:
                    await seen(found)
            await pause(every)
