"""Cron, played for a case: a tick a second over HTTP, with all that a scheduler does wrong; and jobs that arrive."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import structlog

from tickover import clock
from tickover.drill.contract import FUNCTIONS, JOB_KIND, LEASE_S, SQL, START_BY
from tickover.drill.evidence import Answer, Evidence, read_rows, unsettled
from tickover.drill.stage import CRON_SECRET, Stage
from tickover.drill.verdict import INTERVAL
from tickover.errors import EnvironmentStateError
from tickover.sql import statement
from tickover.status.store import iso

_log = structlog.stdlib.get_logger("tickover.drill")
_JOBS_A_TICK = 10
_ANSWERS_WITHIN = 12.0  # seconds
_SETTLES_WITHIN = 30.0
_ROUNDS = 3
_POLL = 0.1


class Player:
    """Plays cron for a case, and notes what it was answered.

    Args:
        stage: what it is played on.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.deliveries = 1
        self.fires = True
        self.jobs_a_tick = _JOBS_A_TICK
        self._answers: list[Answer] = []
        self._faults: list[tuple[datetime, datetime]] = []
        self._kills: list[datetime] = []
        self._firing: set[asyncio.Task[None]] = set()
        self._began = clock.now()
        self._playing = asyncio.create_task(self._play())

    @contextmanager
    def broken(self) -> Iterator[None]:
        """Something is broken while this lasts."""
        since = clock.now()
        try:
            yield
        finally:
            self._faults.append((since, clock.now()))

    async def intervals(self, count: float) -> None:
        """Let this many ticks come."""
        await asyncio.sleep(count * INTERVAL.total_seconds())

    async def kill_worker(self, of: str, within: float = 20.0) -> int:
        """SIGKILL the replica that is at work, as soon as it has left something behind; which it was.

        Args:
            of: `drain` or `maintenance`.
            within: seconds to wait for it.

        Raises:
            EnvironmentStateError: nobody was at work in that time.
        """
        since, ends = clock.now(), clock.monotonic() + within
        while clock.monotonic() < ends:
            pid = await asyncio.to_thread(self._worker, of, since)
            for number, replica in enumerate(self.stage.replicas):
                if replica is not None and replica.pid == pid:
                    self.stage.kill_replica(number)
                    self._kills.append(clock.now())
                    return number
            await asyncio.sleep(_POLL / 10)
        raise EnvironmentStateError(f"nobody was at work on {of} within {within:g} s; see {self.stage.folder}")

    async def finish(self) -> Evidence:
        """Let cron go on until everything has been done, for a bounded time; then stop it, and read what is left."""
        self.jobs_a_tick = 0
        for _ in range(_ROUNDS):
            self.fires = True
            await self._settles(_SETTLES_WITHIN, but=len(FUNCTIONS))  # which the newest tick may owe at any moment
            self.fires = False
            await asyncio.gather(*self._firing)
            # What the newest tick owes is under way; what is late needs another tick.
            if await self._settles(START_BY.total_seconds() + LEASE_S, but=0):
                break
        self._playing.cancel()
        owed, runs, marks, jobs, circuit = await asyncio.to_thread(read_rows, self.stage.dsn)
        return Evidence(
            self._began, clock.now(), self._faults, self._kills, self._answers, owed, runs, marks, jobs, circuit
        )

    async def stop(self) -> None:
        """Fire no more, wherever it is."""
        for task in (self._playing, *self._firing):
            task.cancel()
        await asyncio.gather(self._playing, *self._firing, return_exceptions=True)

    async def _play(self) -> None:
        async with httpx.AsyncClient(timeout=_ANSWERS_WITHIN, trust_env=False) as client:
            slot = self._began.replace(microsecond=0)
            while True:
                slot += INTERVAL
                await asyncio.sleep(max(0.0, (slot - clock.now()).total_seconds()))
                if not self.fires:
                    continue
                await asyncio.to_thread(self._enqueue)
                for _ in range(self.deliveries):
                    task = asyncio.create_task(self._fire(client, slot))
                    self._firing.add(task)
                    task.add_done_callback(self._firing.discard)

    async def _fire(self, client: httpx.AsyncClient, slot: datetime) -> None:
        headers = {"authorization": f"Bearer {CRON_SECRET}", "x-tickover-scheduled-at": iso(slot.astimezone(UTC))}
        try:
            response = await client.post(f"{self.stage.url}/api/cron/background-jobs", headers=headers)
            body: dict[str, Any] = response.json()
        except (httpx.HTTPError, ValueError) as error:
            _log.info("tick.unanswered", slot=iso(slot), error=type(error).__name__)
            self._answers.append(Answer(slot, 0, None, 0, (), ()))
            return
        recovered = body.get("recovered", [])
        self._answers.append(
            Answer(
                slot,
                response.status_code,
                body.get("mode"),
                sum(int(recovery["late"]) for recovery in recovered),
                tuple(str(recovery["cause"]) for recovery in recovered),
                tuple(f"{finding['code']}: {finding['text']}" for finding in body.get("findings", [])),
            )
        )

    def _enqueue(self) -> None:
        try:
            with psycopg.connect(self.stage.dsn, autocommit=True, connect_timeout=2) as connection:
                connection.execute(statement("enqueue_jobs", SQL), {"kind": JOB_KIND, "count": self.jobs_a_tick})
        except psycopg.OperationalError:
            _log.info("jobs.not_enqueued")  # whoever enqueues is told, and knows that they are not stored

    async def _settles(self, within: float, but: int) -> bool:
        ends = clock.monotonic() + within
        while clock.monotonic() < ends:
            if await asyncio.to_thread(self._unsettled) <= but:
                return True
            await asyncio.sleep(_POLL)
        return False

    def _unsettled(self) -> int:
        try:
            return unsettled(self.stage.dsn)
        except psycopg.OperationalError:
            return 1_000_000

    def _worker(self, of: str, since: datetime) -> int | None:
        with psycopg.connect(self.stage.dsn, autocommit=True) as connection:
            row = connection.execute(statement("find_worker", SQL), {"of": of, "since": since}).fetchone()
        return None if row is None else int(row[0])
