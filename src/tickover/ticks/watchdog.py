"""Settles what is overdue: accepted work that never ran, runs that died, ticks that were never handed over."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from tickover import telemetry
from tickover.contract import Contract
from tickover.execution.budget import Budget
from tickover.execution.executor import Executed, Executor, Order
from tickover.ledger.refusals import Refusals
from tickover.ledger.states import Path
from tickover.ledger.store import Ledger, Overdue
from tickover.ticks.trouble import cause

_log = structlog.stdlib.get_logger("tickover.ticks")


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was done about one function's late obligations.

    Args:
        overdue: the newest of them, and their number.
        cause: what kept them from running, as far as the ledger tells.
        outcome: what came of it; None where another replica is at it.
    """

    overdue: Overdue
    cause: str
    outcome: Executed | None


class Watchdog:
    """Carries out what is late; one recovery run of a function covers all its late obligations.

    Args:
        contract: whose functions.
        ledger: where they are owed.
        refusals: what may keep the engine out.
        executor: what carries them out.
    """

    def __init__(self, contract: Contract, ledger: Ledger, refusals: Refusals, executor: Executor) -> None:
        self._contract = contract
        self._ledger = ledger
        self._refusals = refusals
        self._executor = executor

    async def look(self) -> Sequence[Overdue]:
        """What is late now."""
        return await self._ledger.overdue([function.id for function in self._contract.functions])

    async def settle(self, late: Sequence[Overdue], budget: Budget) -> Sequence[Recovery]:
        """Carry out what is late, within a budget; what does not fit is left to the next tick."""
        recoveries = []
        refusals = await self._refusals.going_on() if late else ()
        for index, overdue in enumerate(late):
            function = self._contract.function(overdue.function)
            if function is None or budget.left() == 0:
                break
            why = cause(overdue.state, refusals)
            _log.error(
                "obligation.overdue",
                function=function.id,
                dispatch_key=overdue.dispatch_key,
                state=str(overdue.state),
                late=overdue.late,
                cause=why,
            )
            share = budget.share(len(late) - index)
            outcome = await self._executor.execute(Order(function, overdue.dispatch_key, Path.RECOVERY, share))
            if isinstance(outcome, Executed):
                telemetry.record_recovery(function.id, str(overdue.state))
            recoveries.append(Recovery(overdue, why, outcome if isinstance(outcome, Executed) else None))
        return recoveries
