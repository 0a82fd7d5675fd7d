"""A drain that met its budget with jobs left goes on at once, a bounded number of times, as a tick of its own."""

import re
from datetime import datetime

import structlog

from tickover.contract import Contract, Function
from tickover.errors import SendError
from tickover.execution.executor import Executed
from tickover.ledger.store import Ledger, NewTick
from tickover.rollout.controls import Controls
from tickover.ticks.decision import Mode
from tickover.ticks.dispatch import Dispatch, Dispatcher

_log = structlog.stdlib.get_logger("tickover.ticks")
_NUMBERED = re.compile(r"(?P<first>.+)\+(?P<number>\d+)")


def next_key(dispatch_key: str, most: int) -> str | None:
    """The dispatch key of the continuation of a tick, or None where it has been continued often enough.

    Args:
        dispatch_key: of the tick, or of a continuation of it.
        most: how many continuations a tick may have.
    """
    match = _NUMBERED.fullmatch(dispatch_key)
    first, number = (match["first"], int(match["number"])) if match else (dispatch_key, 0)
    return f"{first}+{number + 1}" if number < most else None


class Continuation:
    """Asks the engine for another run of a function that stopped with work left.

    Args:
        contract: to find the function's route.
        controls: what is set for the function: one that was rolled back is not continued.
        ledger: where the continuation is recorded before it is sent.
        dispatcher: what hands it over.
        most: how many continuations a tick may have.
    """

    def __init__(
        self, contract: Contract, controls: Controls, ledger: Ledger, dispatcher: Dispatcher, most: int
    ) -> None:
        self._contract = contract
        self._controls = controls
        self._ledger = ledger
        self._dispatcher = dispatcher
        self._most = most

    async def after(
        self, function: Function, dispatch_key: str, client_id: str | None, executed: Executed, now: datetime
    ) -> str | None:
        """Continue at once if there is reason to; the dispatch key of the continuation, or None.

        A run that changed nothing is not continued: it would only do nothing again.
        """
        progress = sum(int(summary["looked_at"]) for summary in executed.summaries.values())
        key = next_key(dispatch_key, self._most)
        if not (function.continues and executed.left and progress) or key is None:
            return None
        if (await self._controls.read([function.id]))[function.id].is_inline:
            return None
        route = next(route for route in self._contract.routes if function in route.functions)
        tick = NewTick(
            key,
            route.id,
            client_id,
            "continuation",
            Mode.DISPATCH,
            f"{executed.left} left by {dispatch_key}",
            executed.correlation_id,
            {function.id: function.start_by},
        )
        if not await self._ledger.record(tick):
            return None
        try:
            await self._dispatcher.dispatch(
                Dispatch(key, executed.correlation_id, client_id, "continuation", now), [function]
            )
        except SendError as error:
            # It is owed now: the next tick's run covers it, or the watchdog carries it out.
            _log.warning("continuation.not_sent", dispatch_key=key, kind=error.kind, error=error.detail)
            return None
        _log.info("continuation.sent", dispatch_key=key, left=executed.left)
        return key
