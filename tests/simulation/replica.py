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
from tests.simulation.scenario import Scenario
from tickover.contract import Contract, Function, Responsibility, Route
from tickover.engine.functions import DurableFunctions
from tickover.errors import LeaseLostError, SendError
from tickover.execution.executor import Executor
from tickover.execution.run import Run, Summary
from tickover.heartbeats.pinger import Heartbeats
from tickover.ledger.states import Path, State
from tickover.ticks.breaker import Breaker
from tickover.ticks.circuit import Limits
from tickover.ticks.continuation import Continuation
from tickover.ticks.decision import force_inline_name
from tickover.ticks.dispatch import Dispatcher, Event
from tickover.ticks.handler import TickHandler
from tickover.ticks.shadowing import Shadowing
from tickover.ticks.watchdog import Watchdog

LEASE_S, SEND_TIMEOUT_S, INLINE_BUDGET_S, DURABLE_BUDGET_S = 30.0, 3.0, 50.0, 50.0
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
        self.handler = TickHandler(
            gate=OpenGate(),
            contract=self.contract,
            flags=self.flags,
            controls=controls,
            ledger=port,
            dispatcher=dispatcher,
            shadowing=Shadowing(_NoShadows(), self),  # type: ignore[arg-type]
            executor=executor,
            watchdog=Watchdog(self.contract, port, port, executor),
            breaker=Breaker(CircuitPort(port), LIMITS),  # type: ignore[arg-type]
            housekeeping=_NoHousekeeping(),  # type: ignore[arg-type]
            send_timeout=SEND_TIMEOUT_S,
            inline_budget=INLINE_BUDGET_S,
        )
        continuation = Continuation(self.contract, controls, port, dispatcher, most=3)
        self._durable = DurableFunctions(self.contract, executor, continuation, _NoShadows(), DURABLE_BUDGET_S)  # type: ignore[arg-type]

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
        context: Any = SimpleNamespace(event=SimpleNamespace(data=dict(data)), run_id=run_id, attempt=attempt)
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


class LedgerPort:
    """The ledger as a process reaches it: late, not at all, or without hearing what came of it."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self.lease_s = LEASE_S

    async def _do(self, statement: Callable[[Model], _T]) -> _T:
        """As the real one's `_do`."""
        world = self._replica.world
        await world.database.statement(self._replica)
        result = statement(world.model)
        world.checks.step()
        await world.database.answer(self._replica)
        return result

    async def record(self, tick: Any) -> bool:
        """As the real one's `record`."""
        return await self._do(lambda m: m.record(tick))

    async def read(self, dispatch_key: str, settle_s: float) -> Any:
        """As the real one's `read`."""
        return await self._do(lambda m: m.read(dispatch_key, settle_s))

    async def accept(self, dispatch_key: str, event_ids: Sequence[str], functions: Mapping[str, timedelta]) -> None:
        """As the real one's `accept`."""
        await self._do(lambda m: m.accept(dispatch_key, event_ids, functions))

    async def fail_send(self, dispatch_key: str, mode: str, reason: str, error: Mapping[str, Any]) -> None:
        """As the real one's `fail_send`."""
        await self._do(lambda m: m.fail_send(dispatch_key, mode, reason, error))

    async def claim(
        self, dispatch_key: str, function: str, path: Path, finish_by: timedelta, run_id: str | None = None
    ) -> Any:
        """As the real one's `claim`."""

        def won(m: Model) -> Any:
            claim = m.claim(dispatch_key, function, path, finish_by, run_id)
            if claim is not None:
                self._replica.world.checks.claimed(claim.id, claim.fence)
            return claim

        return await self._do(won)

    async def defer(self, dispatch_key: str, function: str) -> None:
        """As the real one's `defer`."""
        await self._do(lambda m: m.defer(dispatch_key, function))

    async def withdraw(self, function: str, dispatch_key: str | None = None) -> int:
        """As the real one's `withdraw`."""
        return await self._do(lambda m: m.withdraw(function, dispatch_key))

    async def holder(self, dispatch_key: str, function: str) -> Any:
        """As the real one's `holder`."""
        return await self._do(lambda m: m.holder(dispatch_key, function))

    async def renew(self, obligation_id: int, fence: int) -> bool:
        """As the real one's `renew`."""
        return await self._do(lambda m: m.renew(obligation_id, fence))

    async def record_responsibility(
        self, obligation_id: int, fence: int, responsibility: str, duration_ms: float, summary: Mapping[str, Any]
    ) -> bool:
        """As the real one's `record_responsibility`."""
        del duration_ms

        def kept(m: Model) -> bool:
            is_kept = m.record_responsibility(obligation_id, fence, responsibility, summary.get("error"))
            if is_kept:
                self._replica.world.checks.recorded(obligation_id, fence, responsibility, summary.get("error"))
            return is_kept

        return await self._do(kept)

    async def finish(self, obligation_id: int, fence: int, state: State, error: str | None) -> Any:
        """As the real one's `finish`."""

        def ended(m: Model) -> Any:
            finished = m.finish(obligation_id, fence, state, error)
            if finished is not None:
                self._replica.world.checks.finished(obligation_id, fence, state)
            return finished

        return await self._do(ended)

    async def note_fenced_off(self, obligation_id: int) -> None:
        """As the real one's `note_fenced_off`."""
        await self._do(lambda m: m.note_fenced_off(obligation_id))

    async def complete(self, dispatch_key: str) -> bool:
        """As the real one's `complete`."""
        return await self._do(lambda m: m.complete(dispatch_key))

    async def overdue(self, functions: Sequence[str]) -> Any:
        """As the real one's `overdue`."""
        return await self._do(lambda m: m.overdue(functions))

    async def going_on(self) -> Any:
        """As the real one's `going_on`."""
        return await self._do(lambda m: m.refusals)

    async def claim_probe(self, route: str, rest: timedelta) -> bool:
        """As the real one's `claim_probe`."""
        return await self._do(lambda m: m.claim_probe(route, rest))

    async def divert(self, dispatch_key: str, mode: str, reason: str) -> None:
        """As the real one's `divert`."""
        await self._do(lambda m: m.divert(dispatch_key, mode, reason))

    async def announce(self, announcement: Any) -> bool:
        """As the real one's `announce`."""
        return await self._do(lambda m: m.announce(announcement.route, announcement.state))


class CircuitPort:
    """Circuits as a process reaches them; their `read` is another than the ledger's."""

    def __init__(self, ledger: LedgerPort) -> None:
        self._ledger = ledger
        self.claim_probe, self.divert, self.announce = ledger.claim_probe, ledger.divert, ledger.announce

    async def read(self, route: str, most: int) -> Any:
        """As the real one's `read`."""
        return await self._ledger._do(lambda m: m.read_circuit(route, most))


class ControlsPort:
    """What is set for the functions, as a process reaches it."""

    def __init__(self, ledger: LedgerPort) -> None:
        self._ledger = ledger

    async def read(self, functions: Sequence[str]) -> Any:
        """As the real one's `read`."""
        return await self._ledger._do(lambda m: {function: m.read_control(function) for function in functions})


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


class _NoStatus:
    """Redis decides nothing (invariant 6)."""

    async def write(self, *_: object) -> None:
        """Nothing stands there."""


class _NoShadows:
    """What a shadow finds is not simulated."""


class _NoHousekeeping:
    """What is forgotten and found is not simulated."""

    async def keep(self, *_: object) -> tuple[()]:
        """Nothing is found."""
        return ()
