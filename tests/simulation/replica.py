"""A replica: the real handler, executor, watchdog and durable functions, over ports that fail as a process's do."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextvars import copy_context
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, TypeVar

import psycopg

from tests.gates import OpenGate
from tests.simulation.checks import Checks
from tests.simulation.loop import VirtualLoop, skew
from tests.simulation.model import Model
from tests.simulation.ports import CircuitPort, ControlsPort, EvidencePort, LedgerPort, ShadowsPort
from tests.simulation.scenario import Scenario
from tickover.contract import Contract, Function, Responsibility, Route
from tickover.engine.functions import DurableFunctions
from tickover.errors import LeaseLostError, SendError
from tickover.execution.dry import DryRuns
from tickover.execution.executor import Executor
from tickover.execution.run import Run, Summary
from tickover.heartbeats.pinger import Heartbeats
from tickover.rollout.controller import Rollout
from tickover.rollout.controls import Change
from tickover.rollout.rollback import Rollback
from tickover.rollout.stages import Control
from tickover.ticks.breaker import Breaker
from tickover.ticks.circuit import Limits
from tickover.ticks.continuation import Continuation
from tickover.ticks.decision import force_inline_name
from tickover.ticks.dispatch import Dispatcher, Event
from tickover.ticks.handler import TickHandler
from tickover.ticks.idleness import Idleness
from tickover.ticks.planner import Planner
from tickover.ticks.shadowing import Shadowing
from tickover.ticks.watchdog import Watchdog

SEND_TIMEOUT_S, INLINE_BUDGET_S, DURABLE_BUDGET_S = 3.0, 50.0, 50.0
LIMITS = Limits(3, timedelta(minutes=5))
SKEW_S = 300.0
_T = TypeVar("_T")


class Killed(BaseException):
    """The process is gone: nothing it still does has an effect."""


def contract(carry_out: Callable[[Run], Coroutine[Any, Any, Summary]]) -> Contract:
    """Two routes, four functions, with deadlines and retries that differ."""

    def function(name: str, responsibilities: Sequence[str], retries: int, start_by: float, **options: Any) -> Function:
        carried = tuple(Responsibility(r, carry_out) for r in responsibilities)
        return Function(
            name,
            f"background/{name}.requested",
            carried,
            retries=retries,
            start_by=timedelta(minutes=start_by),
            **options,
        )

    first = (
        function("process", ["drain"], 3, 3, finish_by=timedelta(minutes=8), continues=True),
        function("maintain", ["recover", "prune", "health"], 1, 2),
    )
    second = (function("digest", ["digest"], 2, 3), function("report", ["collect", "report"], 0, 4))
    return Contract(
        (
            Route("jobs", "JOBS_USE_INNGEST", ("drain", "recover", "prune", "health"), first),
            Route("mail", "MAIL_USE_INNGEST", ("digest", "collect", "report"), second, every=timedelta(minutes=1)),
        )
    )


class Replica:
    """One process.

    Args:
        number: which.
        world: what it lives in.
    """

    def __init__(self, number: int, world: "Surroundings") -> None:
        self.number, self.world = number, world
        self.alive = True
        self.tasks: set[asyncio.Task[Any]] = set()
        self.context = copy_context()
        self.contract = contract(self._carry_out)
        port: Any = LedgerPort(self)
        self.flags = {name: False for r in self.contract.routes for name in (r.flag, force_inline_name(r.flag))}
        executor = Executor(None, port, _NoStatus(), Heartbeats({}, port))  # type: ignore[arg-type]
        dispatcher = Dispatcher(port, self)
        controls: Any = ControlsPort(port)
        shadows: Any = ShadowsPort(port)
        rollback = Rollback(controls, port, EvidencePort(port, self.contract))  # type: ignore[arg-type]
        self.rollout = Rollout(self.contract, controls, rollback)
        self.handler = TickHandler(
            planner=Planner(OpenGate(), self.flags, controls, Idleness(None)),  # type: ignore[arg-type] # nobody is idle
            ledger=port,
            dispatcher=dispatcher,
            shadowing=Shadowing(shadows, self),
            executor=executor,
            watchdog=Watchdog(self.contract, port, port, executor),
            breaker=Breaker(CircuitPort(port), LIMITS),  # type: ignore[arg-type]
            housekeeping=world.housekeeping(self.rollout),
            keeper=NoNotices(),  # type: ignore[arg-type]
            send_timeout=SEND_TIMEOUT_S,
            inline_budget=INLINE_BUDGET_S,
        )
        continuation = Continuation(self.contract, controls, port, dispatcher, most=3)
        dry_runs = DryRuns(_NoDatabase(), shadows)  # type: ignore[arg-type]
        self._durable = DurableFunctions(self.contract, executor, continuation, dry_runs, DURABLE_BUDGET_S)

    def run(self, doing: Coroutine[Any, Any, _T]) -> "asyncio.Task[_T]":
        """Do something inside this process, with its clock; it ends with the process."""
        task = asyncio.get_running_loop().create_task(doing, context=self.context)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def set_skew(self, seconds: float) -> None:
        """Set its clock wrong."""
        self.context.run(skew.set, seconds)

    def kill(self) -> None:
        """SIGKILL: from now on nothing that it does has an effect."""
        self.alive = False
        for task in list(self.tasks):
            task.cancel()

    async def stop(self) -> None:
        """SIGTERM: what runs is interrupted, and may put its things in order."""
        for task in list(self.tasks):
            task.cancel()
        await asyncio.wait(self.tasks, timeout=5.0) if self.tasks else None
        self.alive = False

    async def call(self, function_id: str, data: Mapping[str, Any], run_id: str, attempt: int) -> Any:
        """One call of the engine."""
        function = self.contract.function(function_id)
        context: Any = SimpleNamespace(
            event=SimpleNamespace(id=run_id, data=dict(data)), run_id=run_id, attempt=attempt
        )
        return await self._durable._run(function, context)  # type: ignore[arg-type]

    async def send(self, events: Sequence[Event], *, bad_key: bool = False) -> list[str]:  # noqa: ARG002 - never here
        """Hand events to the engine, within the send's own deadline."""
        await self.thawed()
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                ids: list[str] = await self.world.engine.send(events)
        except TimeoutError:
            raise SendError("timeout", "no answer; it may have been accepted") from None
        self.lives()
        return ids

    async def thawed(self) -> None:
        """Wait while the process is frozen, as a host freezes one; then raise if it is gone."""
        while self.alive and self.world.scenario.active("replica-frozen", self.world.loop.time(), self.number):  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(1.0)
        self.lives()

    def lives(self) -> None:
        """Raise where the process is gone."""
        if not self.alive:
            raise Killed

    async def _carry_out(self, run: Run) -> Summary:
        """The body of every responsibility: a few batches, which may be slow, fail, or overrun their time."""
        scenario, world = self.world.scenario, self.world
        now = world.loop.time()
        share = scenario.chance("work", run.dispatch_key, run.responsibility, run.attempt)
        if scenario.active("work-fails", now) and share < 0.5:
            raise OSError("no disk")
        if scenario.active("work-breaks", now):
            raise OSError("no disk at all")
        if run.dry:
            await asyncio.sleep(0.1)
            return Summary(looked_at=3, left=3)
        pause = 0.2 + share * (15.0 if scenario.active("work-is-slow", now) else 1.8)
        if scenario.active("work-overruns", now) and share < 0.3:
            pause = 120.0
        for batch in range(3):
            if not run.may_go_on():
                if not world.model.holds(run.lease.obligation_id, run.lease.fence):
                    raise LeaseLostError("gone")
                world.checks.worked_on(run.lease.obligation_id, run.lease.fence, run.responsibility, done=True)
                return Summary(looked_at=batch, changed=batch, left=3 - batch)
            await asyncio.sleep(pause)
            await world.database.statement(self)
            if not world.model.holds(run.lease.obligation_id, run.lease.fence):
                raise LeaseLostError("gone")
            world.checks.worked_on(run.lease.obligation_id, run.lease.fence, run.responsibility, done=batch == 2)
        left = int(run.responsibility == "drain" and share > 0.9)
        return Summary(looked_at=3, changed=3, left=left)


class Database:
    """How statements reach the database: with a latency, and with its faults."""

    def __init__(self, world: "Surroundings") -> None:
        self._world = world
        self._count = 0

    async def statement(self, replica: Replica) -> None:
        """On the way there: the process may be gone or frozen, the database away, or silent."""
        await replica.thawed()
        world = self._world
        self._count += 1
        await asyncio.sleep(0.001 + 0.004 * world.scenario.chance("there", self._count))
        replica.lives()
        while world.scenario.active("database-frozen", world.loop.time()):
            await asyncio.sleep(1.0)
            replica.lives()
        if world.scenario.active("database-away", world.loop.time()):
            raise psycopg.OperationalError("the database is away")

    async def answer(self, replica: Replica) -> None:
        """On the way back: what was committed may not be heard of."""
        world = self._world
        await asyncio.sleep(0.001)
        await replica.thawed()
        is_lost = world.scenario.chance("back", self._count) < 0.2
        if is_lost and world.scenario.active("commit-answer-lost", world.loop.time()):
            raise psycopg.OperationalError("the connection broke")


class Surroundings:
    """What a replica lives in.

    Attributes:
        loop: whose time it is.
        scenario: what goes wrong.
        model: the ledger.
        checks: the invariants.
        database: how statements reach it.
        engine: where events go.
    """

    loop: VirtualLoop
    scenario: Scenario
    model: Model
    checks: Checks
    database: Database
    engine: Any

    def on(self, kind: str, replica: int | None = None) -> bool:
        """Whether something goes wrong now."""
        return self.scenario.active(kind, self.loop.time(), replica)

    def housekeeping(self, rollout: Rollout) -> Any:
        """What a replica does now and then beside its ticks: nothing, unless functions are moved."""
        del rollout
        return NoHousekeeping()

    def moved(self, change: Change, after: Control) -> None:
        """A function was moved."""


class _NoStatus:
    """Redis decides nothing (invariant 6)."""

    async def write(self, *_: object) -> None:
        """Nothing stands there."""


class _NoDatabase:
    """What responsibilities do is simulated without one."""

    dsn, _pool, _sync = "", None, None


class NoHousekeeping:
    """What is forgotten and found is not simulated."""

    async def keep(self, *_: object) -> tuple[()]:
        """Nothing is found."""
        return ()


class NoNotices:
    """What somebody is told is not simulated: no work depends on it."""

    async def keep(self, *_: object) -> None:
        """Nobody is told."""
