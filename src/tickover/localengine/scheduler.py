"""Makes the calls that are due, a bounded number at a time, and holds their leases until each is settled."""

import asyncio

import structlog
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from tickover.localengine.caller import Caller
from tickover.localengine.clock import EngineClock
from tickover.localengine.faults.faults import Faults
from tickover.localengine.faults.kinds import FaultKind
from tickover.localengine.outcome import Answer
from tickover.localengine.settlement import Settlement
from tickover.localengine.store import EngineStore, Item
from tickover.waiting import pause, within

_log = structlog.stdlib.get_logger("tickover.engine")
_POLL = 0.15  # seconds between looks for what fell due, or another process queued (the real dev server polls as often)
_RENEWALS_PER_LEASE = 3
_PAUSE_AFTER_ERROR = 1.0
_GRACE = 5.0  # seconds that calls get to end when the engine stops


class Scheduler:
    """Makes due calls, a bounded number at a time.

    Args:
        store: the queue.
        caller: what makes calls.
        settlement: what does with an answer what it means.
        clock: the engine's time.
        faults: what goes wrong on command.
        concurrency: calls at a time.
    """

    def __init__(
        self,
        store: EngineStore,
        caller: Caller,
        settlement: Settlement,
        clock: EngineClock,
        faults: Faults,
        concurrency: int,
    ) -> None:
        self._store = store
        self._caller = caller
        self._settlement = settlement
        self._clock = clock
        self._faults = faults
        self._concurrency = concurrency
        self._away = False
        self._wake = asyncio.Event()
        self._calls: dict[asyncio.Task[None], Item] = {}

    def wake(self) -> None:
        """Something was queued: look at once."""
        self._wake.set()

    async def run(self) -> None:
        """Make calls until cancelled; then calls under way get a few seconds, and the rest is given back."""
        renewal = asyncio.create_task(self._renew())
        try:
            while True:
                await self._look()
        finally:
            renewal.cancel()
            await asyncio.shield(self._wind_down())

    async def _look(self) -> None:
        """Claim and start what is due, then wait for a reason to look again."""
        self._wake.clear()
        try:
            await self._start_due()
            self._tell(away=False)
            wait = _POLL
        except (OperationalError, PoolTimeout) as error:
            self._tell(away=True, reason=str(error).partition("\n")[0])
            wait = _PAUSE_AFTER_ERROR
        except Exception:  # noqa: BLE001 - the loop goes on
            _log.exception("engine.look_failed")
            wait = _PAUSE_AFTER_ERROR
        await within(wait, self._wake)

    async def _start_due(self) -> None:
        """Start calls that are due, as far as there is room."""
        room = self._concurrency - len(self._calls)
        if room <= 0 or self._faults.standing(FaultKind.REGISTRATION_FORGOTTEN):
            return
        items = await self._store.claim(room, self._clock.now())
        for item in items:
            call = asyncio.create_task(self._make(item))
            self._calls[call] = item
            call.add_done_callback(self._ended)

    def _tell(self, *, away: bool, reason: str = "") -> None:
        """Say once that the database is away, and once that it is back."""
        if away and not self._away:
            _log.error("engine.database_away", reason=reason)
        if self._away and not away:
            _log.info("engine.database_back")
        self._away = away

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._calls.pop(call, None)
        self.wake()

    async def _make(self, item: Item) -> None:
        """One call, or the end of a sleep, from the claim to what comes of it."""
        try:
            await (self._call(item) if item.wakes is None else self._settlement.wake(item))
        except Exception:  # noqa: BLE001 - the end of a call: its lease expires, and it is made again
            _log.exception("call.failed", run_id=item.run_id, function=item.function_id)

    async def _call(self, item: Item) -> None:
        if await self._faults.strike(FaultKind.CALL_TWICE, item.function_id) is None:
            await self._answered(item)
            return
        # Of two answers the first one counts; the other comes too late, as that of a call whose lease was lost.
        async with asyncio.TaskGroup() as both:
            both.create_task(self._answered(item))
            both.create_task(self._answered(item))

    async def _answered(self, item: Item) -> None:
        started_at = self._clock.now()
        forge = await self._faults.strike(FaultKind.CALL_WRONG_SIGNATURE, item.function_id)
        dropped = await self._faults.strike(FaultKind.ANSWER_DROPPED, item.function_id)
        answer = await self._caller.call(item, forge=forge is not None)
        if dropped is not None:
            answer = Answer(0, fault="the application's answer was dropped, as a fault wanted it")
        result = await self._settlement.settle(item, answer, started_at)
        _log.info(
            "call.answered",
            run_id=item.run_id,
            function=item.function_id,
            attempt=item.attempt,
            http_status=answer.status,
            outcome="late" if result is None else type(result).__name__.lower(),
            reason=getattr(result, "error", None),
        )

    async def _renew(self) -> None:
        while True:
            await pause(self._store.lease_s / _RENEWALS_PER_LEASE)
            try:
                await self._store.renew(list(self._calls.values()))
            except (OperationalError, PoolTimeout) as error:
                _log.warning("leases.not_renewed", calls=len(self._calls), reason=str(error).partition("\n")[0])
            except Exception:  # noqa: BLE001 - the loop goes on
                _log.exception("leases.not_renewed", calls=len(self._calls))

    async def _wind_down(self) -> None:
        if not self._calls:
            return
        _, pending = await asyncio.wait(self._calls, timeout=_GRACE)
        given_back = [self._calls[call] for call in pending]
        for call in pending:
            call.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        if given_back:
            await self._store.release(given_back)
            _log.warning("calls.given_back", calls=len(given_back))
