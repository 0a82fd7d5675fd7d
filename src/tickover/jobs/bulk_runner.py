"""Carries acts on many jobs on in the background of the process that began them."""

import asyncio

import psycopg
import structlog

from tickover.errors import WrongEnvironmentError
from tickover.execution.budget import Budget
from tickover.isolation.guard import Gate
from tickover.jobs.bulk import BulkActs
from tickover.waiting import within

_log = structlog.stdlib.get_logger("tickover.jobs")
_STEP_S = 1.0  # seconds: closing waits for no longer than this, and a batch
_CLOSES_WITHIN_S = 5.0
_PAUSE_S = 5.0  # seconds, while the database is away


class BulkRunner:
    """Carries acts on as long as there are some that nobody is at. If its process dies, ticks go on with them.

    Args:
        acts: what is carried on.
        gate: asked before every step.
    """

    def __init__(self, acts: BulkActs, gate: Gate) -> None:
        self._acts = acts
        self._gate = gate
        self._task: asyncio.Task[None] | None = None
        self._urged = False
        self._closing = asyncio.Event()

    def open(self) -> None:
        """Let it be urged, also after it was closed."""
        self._closing.clear()

    def urge(self) -> None:
        """There is something to do: called after `BulkActs.start`, on the event loop."""
        self._urged = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End the batch under way and let go, for whoever goes on with it."""
        self._closing.set()
        if self._task is not None:
            _, hanging = await asyncio.wait({self._task}, timeout=_CLOSES_WITHIN_S)
            for task in hanging:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while self._urged and not self._closing.is_set():
            self._urged = False
            try:
                await self._gate.require()
                self._urged |= await self._acts.step(Budget.of(_STEP_S))
            except psycopg.OperationalError as error:
                _log.warning("jobs.bulk_waits", reason=str(error).partition("\n")[0])
                self._urged = True
                await within(_PAUSE_S, self._closing)
            except WrongEnvironmentError as error:
                _log.error("jobs.bulk_refused", environment=error.environment, codes=error.codes)
            except Exception:  # noqa: BLE001 - the end of a round: ticks may do better
                _log.exception("jobs.bulk_failed")
