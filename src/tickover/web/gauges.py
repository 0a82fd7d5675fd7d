"""How things stand, read from the database when a scrape asks; several scrapers cost it no more than one."""

import asyncio
from collections.abc import Callable

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from tickover import clock, telemetry
from tickover.jobs.queue import JobQueue
from tickover.ledger.evidence import Evidence
from tickover.notices.states import Severity
from tickover.telemetry import instruments
from tickover.telemetry.metrics import Reading
from tickover.ticks.circuit import CircuitState
from tickover.ticks.findings import TICKS_LOOKED_AT, interval_of
from tickover.waiting import pause
from tickover.web.series import stale_after_of
from tickover.web.served import Served

_log = structlog.stdlib.get_logger("tickover.web")
_READS_EVERY = 5.0  # seconds
_LONGEST = 5.0  # seconds that reading may take; a scrape gives up after ten


class Gauges:
    """Reads the gauges, at most every five seconds in a process.

    Args:
        served: whose.
        monotonic: a clock in seconds.
    """

    def __init__(self, served: Served, monotonic: Callable[[], float] = clock.monotonic) -> None:
        self._served = served
        self._monotonic = monotonic
        self._reading = Reading()
        self._reads_at = 0.0
        self._lock = asyncio.Lock()

    async def read(self) -> Reading:
        """How things stand. Without a database it says so; in the wrong environment, only that. Never raises for it."""
        async with self._lock:
            if self._monotonic() >= self._reads_at:
                self._reading = await self._look()
                self._reads_at = self._monotonic() + _READS_EVERY
                telemetry.record_reading(self._reading)
            return self._reading

    async def run(self, every: float) -> None:
        """Read for ever, so that OpenTelemetry is told where nobody scrapes.

        Args:
            every: seconds between two readings.
        """
        while True:
            try:
                await self.read()
            except Exception:  # noqa: BLE001 - the end of a round: the next one may do better
                _log.exception("metrics.not_read")
            await pause(every)

    async def _look(self) -> Reading:
        reading = Reading()
        try:
            async with asyncio.timeout(_LONGEST):
                verdict = await self._served.guard.verdict()
                if not verdict.is_refused:
                    await self._read_database(reading)
        except (psycopg.Error, PoolTimeout, TimeoutError) as error:
            _log.warning("metrics.database_away", reason=type(error).__name__, remedy="check DATABASE_URL; migrate")
            reading = Reading()  # half of it would look like all of it
            verdict = self._served.guard.offline
            if not verdict.is_refused:
                reading.set(instruments.DATABASE_UP, 0)
        reading.set(instruments.WRONG_ENVIRONMENT, int(verdict.is_refused))
        return reading

    async def _read_database(self, reading: Reading) -> None:
        now = clock.now()
        for route in self._served.contract.routes:
            ticks = await Evidence(self._served.database).ticks(route.id, TICKS_LOOKED_AT)
            if ticks:
                gap = (now - ticks[0].requested_at).total_seconds()
                reading.set(instruments.GAP, max(0.0, gap), route.id)
            interval = interval_of(route.every, ticks)
            if interval is not None:
                reading.set(instruments.INTERVAL, interval.total_seconds(), route.id)
            circuit = (await self._served.breaker.look(route.id)).circuit
            reading.set(instruments.CIRCUIT, int(circuit.state is CircuitState.OPEN), route.id)
        health = await JobQueue(self._served.database).health(now)
        age = 0.0 if health.oldest is None else max(0.0, (now - health.oldest.run_at).total_seconds())
        reading.set(instruments.QUEUE_DUE, health.due)
        reading.set(instruments.QUEUE_AGE, age)
        reading.set(instruments.QUEUE_STALE_AFTER, stale_after_of(self._served.contract).total_seconds())
        notices = [notice.severity for notice in await self._served.notices.open_now()]
        for severity in Severity:
            reading.set(instruments.NOTICES, notices.count(severity), str(severity))
        reading.set(instruments.DATABASE_UP, 1)
