"""What a process does now and then beside its ticks: forget what is too old, look for what is wrong, move functions."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import psycopg
import structlog

from tickover import clock
from tickover.contract import Route
from tickover.execution.budget import Budget
from tickover.insight.samples import QueueSamples
from tickover.jobs.bulk import BulkActs
from tickover.ledger.evidence import Evidence
from tickover.ledger.store import Ledger
from tickover.rollout.controller import Rollout
from tickover.ticks.findings import IDLE_RUNS, TICKS_LOOKED_AT, Finding, idle, ran_twice, rhythm

_log = structlog.stdlib.get_logger("tickover.ticks")
_FORGETS_EVERY = 600.0  # seconds, of one process
_LOOKS_EVERY = 60.0  # seconds, of one process and route
_SAMPLES_EVERY = 60.0  # seconds, of one process; the row of a minute is written once
_SAYS_AGAIN_AFTER = 3600.0  # seconds
_ACTS_FOR = 0.5  # seconds, of one tick
_FENCED_OFF_WITHIN = timedelta(hours=1)


class Housekeeping:
    """Forgets and looks around, at most so often, whatever the number of ticks. A tick is as good without it.

    Args:
        ledger: what is forgotten.
        evidence: what findings stand on.
        rollout: what moves functions, forward and back.
        retention: how long the ledger keeps a tick.
        bulk: acts on many jobs, which it goes on with where the process that began one has died.
        samples: how the queue stands, minute by minute.
        monotonic: a clock in seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        evidence: Evidence,
        rollout: Rollout,
        retention: timedelta,
        bulk: BulkActs,
        samples: QueueSamples,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._ledger = ledger
        self._evidence = evidence
        self._rollout = rollout
        self._retention = retention
        self._bulk = bulk
        self._samples = samples
        self._samples_at = 0.0
        self._monotonic = monotonic
        self._forgets_at = 0.0
        self._looks_at: dict[str, float] = {}
        self._found: dict[str, Sequence[Finding]] = {}
        self._said: dict[tuple[str, str], float] = {}

    async def keep(self, route: Route, now: datetime) -> Sequence[Finding]:
        """Do what is due; the route's newest findings, at most a minute old."""
        try:
            await self._forget()
            await self._look(route, now)
            await self._sample(now)
            await self._bulk.step(Budget.of(_ACTS_FOR))
        except psycopg.Error as error:
            _log.warning("housekeeping.failed", route=route.id, reason=str(error).partition("\n")[0])
        return self._found.get(route.id, ())

    async def _forget(self) -> None:
        if self._monotonic() < self._forgets_at:
            return
        self._forgets_at = self._monotonic() + _FORGETS_EVERY
        await self._ledger.forget(self._retention)
        await self._bulk.forget(self._retention)
        await self._samples.forget(self._retention)

    async def _sample(self, now: datetime) -> None:
        if self._monotonic() >= self._samples_at:
            self._samples_at = self._monotonic() + _SAMPLES_EVERY
            await self._samples.take(now)

    async def _look(self, route: Route, now: datetime) -> None:
        if self._monotonic() < self._looks_at.get(route.id, 0.0):
            return
        self._looks_at[route.id] = self._monotonic() + _LOOKS_EVERY
        self._found[route.id] = found = [
            *await examine(self._evidence, route, now),
            *await self._rollout.watch(route),
        ]
        for finding in found:
            self._say(finding)

    def _say(self, finding: Finding) -> None:
        """Log a finding, once an hour while it lasts."""
        key = finding.code, finding.subject
        if self._monotonic() < self._said.get(key, 0.0):
            return
        self._said[key] = self._monotonic() + _SAYS_AGAIN_AFTER
        _log.error(
            "health.finding",
            code=finding.code,
            subject=finding.subject,
            text=finding.text,
            remedy=finding.remedy,
            evidence=dict(finding.evidence),
        )


async def examine(evidence: Evidence, route: Route, now: datetime) -> list[Finding]:
    """What the ledger's newest rows say is wrong with a route.

    Args:
        evidence: the rows.
        route: whose.
        now: the time until which another tick could have come.
    """
    responsibilities = [r.id for function in route.functions for r in function.responsibilities]
    ticks = await evidence.ticks(route.id, TICKS_LOOKED_AT)
    runs = await evidence.runs(responsibilities, IDLE_RUNS)
    fenced_off = await evidence.fenced_off([function.id for function in route.functions], _FENCED_OFF_WITHIN)
    return [*rhythm(route.id, route.every, route.window, ticks, now), *idle(runs), *ran_twice(fenced_off)]
