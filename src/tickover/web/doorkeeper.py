"""Counts the requests that were refused at the doors, by cause, and says each cause once."""

import asyncio
from collections import Counter
from collections.abc import Callable

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from tickover import clock, telemetry
from tickover.errors import WrongEnvironmentError
from tickover.isolation.guard import Gate
from tickover.ledger.refusals import Refusals
from tickover.ticks.findings import REMEDIES

_log = structlog.stdlib.get_logger("tickover.web")
_COUNTS_EVERY = 1.0  # seconds; however many are refused, the database hears of it once in this time
_MENDS_EVERY = 60.0  # seconds between looks at what an accepted request has mended
_TIMEOUT = 1.0  # seconds that counting may keep a request


class Doorkeeper:
    """Knows who was refused, and when the door opened again. A request is answered the same whatever comes of this.

    Args:
        refusals: the counters in the ledger's database.
        gate: what knows whether that database is this environment's; nothing is counted in another's.
        monotonic: a clock in seconds.
    """

    def __init__(self, refusals: Refusals, gate: Gate, monotonic: Callable[[], float] = clock.monotonic) -> None:
        self._refusals = refusals
        self._gate = gate
        self._monotonic = monotonic
        self._waiting: Counter[tuple[str, str]] = Counter()
        self._counts_at: dict[tuple[str, str], float] = {}
        self._mends_at: dict[str, float] = {}

    async def refused(self, endpoint: str, cause: str, detail: str) -> None:
        """Count a request that was refused.

        Args:
            endpoint: `engine` or `cron`.
            cause: one that has a remedy in `tickover.ticks.findings`.
            detail: what was seen.
        """
        telemetry.record_refused(endpoint, cause)
        key = endpoint, cause
        self._waiting[key] += 1
        if self._monotonic() < self._counts_at.get(key, 0.0):
            return
        self._counts_at[key] = self._monotonic() + _COUNTS_EVERY
        self._mends_at.pop(endpoint, None)
        count, self._waiting[key] = self._waiting[key], 0
        try:
            async with asyncio.timeout(_TIMEOUT):
                await self._gate.require()
                is_new = await self._refusals.count(endpoint, cause, detail, count)
        except WrongEnvironmentError:
            return
        except (psycopg.Error, PoolTimeout, TimeoutError) as error:
            self._waiting[key] += count
            _log.warning("refusal.not_counted", endpoint=endpoint, cause=cause, reason=type(error).__name__)
            return
        if is_new:
            _log.error("requests.refused", endpoint=endpoint, cause=cause, seen=detail, remedy=REMEDIES[key])

    async def accepted(self, endpoint: str) -> None:
        """A request was let in, so whatever kept others out is mended."""
        if self._monotonic() < self._mends_at.get(endpoint, 0.0):
            return
        self._mends_at[endpoint] = self._monotonic() + _MENDS_EVERY
        try:
            async with asyncio.timeout(_TIMEOUT):
                await self._gate.require()
                mended = await self._refusals.mend(endpoint)
        except WrongEnvironmentError:
            return
        except (psycopg.Error, PoolTimeout, TimeoutError) as error:
            _log.warning("refusal.not_mended", endpoint=endpoint, reason=type(error).__name__)
            return
        if mended:
            _log.info("requests.accepted_again", endpoint=endpoint, causes=mended)
