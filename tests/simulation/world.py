"""Playing a scenario: cron, replicas, an engine and a database under one virtual time."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import inngest
import psycopg

from tests.simulation.checks import BrokenInvariantError, Checks
from tests.simulation.loop import EPOCH, VirtualClock, VirtualLoop
from tests.simulation.model import Model
from tests.simulation.ports import LEASE_S
from tests.simulation.replica import (
    INLINE_BUDGET_S,
    LIMITS,
    SEND_TIMEOUT_S,
    SKEW_S,
    Database,
    Killed,
    Replica,
    Surroundings,
)
from tests.simulation.scenario import MINUTE, REPLICAS, Scenario
from tickover import clock
from tickover.contract import Route
from tickover.errors import SendError
from tickover.ledger.states import Path
from tickover.rollout.stages import CANARIES, DURABLE, INLINE, Control, Step
from tickover.ticks.answer import TickAnswer, TickRequest
from tickover.ticks.decision import Mode, force_inline_name
from tickover.ticks.dispatch import SHADOW, Event
from tickover.ticks.identity import identify

_SET = {"rolled-back": INLINE, "some-are-canary": CANARIES[1]}
_DELAYS = (15.0, 30.0, 60.0, 120.0, 300.0)  # inngest-wire, "Retry delays"
_JITTER = 30.0
_CALL_TIMEOUT = 120.0
_SETTLES = 25  # minutes after the last fault; longer than any deadline, any retry and the circuit's rest
_TICK_MARGIN = 3 * SEND_TIMEOUT_S + 20.0  # of a tick beyond its inline budget: its send, its statements, its own end
TICKS_AT_LEAST = 90
"""Of any scenario, cron's longest silence left out."""

ALLOWED_S = INLINE_BUDGET_S + LEASE_S + MINUTE + _TICK_MARGIN
"""Beyond both deadlines of an obligation: what a lease may outlive its process, one tick, and that tick's time."""


@dataclass
class Played:
    """What became of a scenario that broke nothing.

    Args:
        ticks: how many were fired, deliveries of one counted once.
        by_path: obligations by who carried them out.
    """

    ticks: int
    by_path: dict[str, int]


class Engine:
    """An engine that accepts, drops repeats, serialises runs of a function, calls, and retries with the real delays."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._seen: set[str] = set()
        self._waiting: dict[str, asyncio.Queue[Any]] = {}
        self._runs = 0

    async def send(self, events: Sequence[Event]) -> list[str]:
        """Take events, or not, as the scenario has it."""
        world = self._world
        await asyncio.sleep(0.005)
        if world.on("engine-down"):
            raise SendError("refused", "nobody listens")
        if world.on("send-500"):
            raise SendError("unavailable", "500", 500)
        if world.on("send-hang"):
            await asyncio.sleep(60.0)
        for event in events:
            self._take(event)
        if world.on("send-answer-lost"):
            await asyncio.sleep(60.0)
        return [event.id for event in events]

    def _take(self, event: Event) -> None:
        world = self._world
        function_id = event.id.rpartition(":")[2]
        world.checks.sent(event.data.get(SHADOW, event.data["dispatchKey"]), function_id)
        if event.id in self._seen:
            return
        self._seen.add(event.id)
        if world.on("call-never"):
            return
        self._runs += 1
        late = 600.0 * world.scenario.chance("late", event.id) if world.on("call-late") else 0.15
        late = 600.0 if world.on("call-too-late") else late
        if function_id not in self._waiting:
            self._waiting[function_id] = asyncio.Queue()
            world.do(self._serve(function_id))
        world.do(self._queue(function_id, event, late))

    async def _queue(self, function_id: str, event: Event, late: float) -> None:
        await asyncio.sleep(late)
        self._waiting[function_id].put_nowait((event, f"run-{self._runs}-{event.id}", 0))

    async def _serve(self, function_id: str) -> None:
        """One run of a function at a time."""
        while True:
            event, run_id, attempt = await self._waiting[function_id].get()
            while self._world.on("engine-down"):  # noqa: ASYNC110 - virtual time
                await asyncio.sleep(5.0)
            delay = await self._attempt(function_id, event, run_id, attempt)
            if delay is not None:
                self._world.do(self._again(function_id, event, run_id, attempt + 1, delay))

    async def _again(self, function_id: str, event: Event, run_id: str, attempt: int, delay: float) -> None:
        await asyncio.sleep(delay)
        self._waiting[function_id].put_nowait((event, run_id, attempt))

    async def _attempt(self, function_id: str, event: Event, run_id: str, attempt: int) -> float | None:
        """Call the application once, or twice; the delay until the next attempt, or None where this was the last."""
        world = self._world
        times = 2 if world.on("call-twice") else 1
        outcomes = await asyncio.gather(*(self._call(function_id, event, run_id, attempt) for _ in range(times)))
        outcome = outcomes[0]
        if outcome is None and not (
            world.on("answer-dropped") and world.scenario.chance("drop", run_id, attempt) < 0.5
        ):
            return None
        function = world.contract.function(function_id)
        if isinstance(outcome, inngest.NonRetriableError) or function is None or attempt >= function.retries:
            return None
        if isinstance(outcome, inngest.RetryAfterError):
            at = datetime.fromisoformat(str(outcome.retry_after))
            return max(1.0, (at - world.loop.at()).total_seconds())
        jitter = _JITTER * world.scenario.chance("jitter", run_id, attempt)
        return _DELAYS[min(attempt, len(_DELAYS) - 1)] + jitter

    async def _call(self, function_id: str, event: Event, run_id: str, attempt: int) -> BaseException | None:
        world = self._world
        if world.on("wrong-key"):
            return RuntimeError("401")
        living = [replica for replica in world.replicas if replica is not None and replica.alive]
        if not living:
            return RuntimeError("nobody listens")
        replica = living[int(world.scenario.chance("replica", run_id, attempt, world.loop.time()) * len(living))]
        task = replica.run(replica.call(function_id, event.data, run_id, attempt))
        return await over(task, _CALL_TIMEOUT)


async def over(task: "asyncio.Task[Any]", within: float | None = None) -> BaseException | None:
    """How something inside a process ended: None where well. An invariant that broke there ends the simulation."""
    _, waiting = await asyncio.wait({task}, timeout=within)
    if waiting:
        return TimeoutError("no answer; the process goes on")
    if task.cancelled():
        return RuntimeError("the connection broke")
    error = task.exception()
    if isinstance(error, BrokenInvariantError):
        raise error
    return error


@dataclass
class World(Surroundings):
    """Everything, for one scenario.

    Args:
        scenario: what is played.
        loop: whose time it is.
        model: the ledger; a broken variant of it, to see that this is noticed.
    """

    scenario: Scenario
    loop: VirtualLoop
    model: Model
    replicas: list[Replica | None] = field(default_factory=list)
    ticks: int = 0
    _tasks: set["asyncio.Task[Any]"] = field(default_factory=set)
    _broken: BaseException | None = None

    def __post_init__(self) -> None:
        self.database = Database(self)
        self.engine = Engine(self)
        self.replicas = [self._start(number) for number in range(REPLICAS)]
        first = self.replicas[0]
        assert first is not None
        self.contract = first.contract
        self.checks = Checks(self.model, self.contract)
        self._sends: dict[str, list[float]] = {route.id: [] for route in self.contract.routes}

    def do(self, doing: Any) -> None:
        """Let something go on beside everything else; an invariant that it breaks ends the simulation."""
        task = self.loop.create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._broken = self._broken or task.exception()

    async def play(self) -> Played:
        """Play it to its end.

        Raises:
            BrokenInvariantError: an invariant broke.
        """
        for fault in self.scenario.faults:
            self.do(self._fault(fault.kind, fault.at, fault.lasts, fault.replica))
        last = max((fault.until for fault in self.scenario.faults), default=0.0)
        minutes = max(self.scenario.minutes, int(last / MINUTE) + 1) + _SETTLES
        await self.tick_until(lambda: self.loop.time() >= (minutes - 1) * MINUTE + 5.0)
        await self._until(minutes * MINUTE + 60.0)
        self._raise_broken()
        self._end()
        return Played(self.ticks, self.checks.by_path)

    async def tick_until(self, over: Callable[[], bool]) -> None:
        """Fire every route once a minute, until that is over.

        Raises:
            BrokenInvariantError: an invariant broke.
        """
        for minute in itertools.count():
            await self._until(minute * MINUTE + 5.0)
            self._raise_broken()
            self._set_flags()
            if not self.on("cron-stops"):
                for route in self.contract.routes:
                    self.ticks += 1
                    await self._cron(route, minute)
                self.checks.aged(ALLOWED_S + self.scenario.outage)
            if over():
                return

    def _raise_broken(self) -> None:
        broken = self.checks.broken or self._broken
        if broken is not None:
            raise broken

    def _end(self) -> None:
        failing = any(fault.kind.startswith("work-") or fault.kind.endswith("frozen") for fault in self.scenario.faults)
        for route in self.contract.routes:
            newest = self.model.by_route[route.id][-1]
            durable = all(o.path is Path.DURABLE for o in newest.obligations.values())
            if newest.mode != Mode.DISPATCH or not durable:
                raise BrokenInvariantError(
                    f"8: {route.id} has not gone back to durable: {newest.mode}, {newest.reason}"
                )
        self.checks.settled(failing=failing)

    def stop(self) -> None:
        """End what still goes on."""
        for task in self._tasks:
            task.cancel()
        for replica in self.replicas:
            if replica is not None:
                replica.kill()

    async def _until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - self.loop.time()))

    def _set_flags(self) -> None:
        for replica in self.replicas:
            if replica is not None:
                for route in self.contract.routes:
                    replica.flags[route.flag] = not self.on("flag-off")
                    replica.flags[force_inline_name(route.flag)] = self.on("forced-inline")

    async def _cron(self, route: Route, minute: int) -> None:
        deliveries = 3 if self.on("cron-redelivers") else 1
        for number in range(deliveries):
            self.do(self._deliver(route, minute, number))

    async def _deliver(self, route: Route, minute: int, number: int) -> None:
        """Fire a tick at a replica; one that fails is delivered again, a few times, as schedulers do."""
        await asyncio.sleep(5.0 * self.scenario.chance("cron", route.id, minute, number) if number else 0.0)
        for attempt in range(3):
            living = [replica for replica in self.replicas if replica is not None and replica.alive]
            if living:
                replica = living[int(self.scenario.chance("to", route.id, minute, number, attempt) * len(living))]
                if await self._fire(replica, route, minute):
                    return
            await asyncio.sleep(10.0)

    async def _fire(self, replica: Replica, route: Route, minute: int) -> bool:
        began, inline = self.loop.time(), not replica.flags[route.flag] or replica.flags[force_inline_name(route.flag)]
        is_set_back = self._is_set_back(route)
        scheduled = (EPOCH + timedelta(minutes=minute)).isoformat()

        async def handle() -> TickAnswer:
            now = clock.now()
            identity = identify(route.id, route.window, {"x-tickover-scheduled-at": scheduled}, None, now)
            own = replica.contract.route(route.id)  # whose work is done in that process
            assert own is not None
            return await replica.handler.handle(TickRequest(own, identity, None, "simulated", now))

        task = replica.run(handle())
        error = await over(task)
        if error is not None:
            return not isinstance(error, psycopg.OperationalError | Killed | RuntimeError)
        answer: TickAnswer = task.result()
        took = self.loop.time() - began
        frozen = any(fault.kind == "replica-frozen" for fault in self.scenario.faults)
        if took > INLINE_BUDGET_S + _TICK_MARGIN and not self.scenario.outage and not frozen:
            raise BrokenInvariantError(f"10: a tick of {route.id} took {took:.0f} s")
        if (inline or (is_set_back and self._is_set_back(route))) and answer.mode is Mode.DISPATCH:
            raise BrokenInvariantError(f"7: {route.id} was handed over, and it was inline when its tick came")
        self._check_circuit(route, answer, began)
        return not answer.failed

    def _is_set_back(self, route: Route) -> bool:
        """Whether nothing of a route may be handed over, by what is set."""
        return all(self.model.is_inline(function.id) for function in route.functions)

    def _check_circuit(self, route: Route, answer: TickAnswer, began: float) -> None:
        """While a circuit is open, one tick per rest is handed over."""
        if (
            answer.circuit is None
            or answer.circuit.state != "open"
            or answer.mode not in {Mode.DISPATCH, Mode.FALLBACK}
        ):
            return
        sends = self._sends[route.id]
        if sends and began - sends[-1] < LIMITS.rest.total_seconds() - 10.0:
            raise BrokenInvariantError(f"8: two probes of {route.id} within {began - sends[-1]:.0f} s")
        sends.append(began)

    def _control(self, step: Step) -> None:
        """Move every function, as a rollback does and whoever goes forward again."""
        for function in self.contract.functions:
            version = self.model.read_control(function.id).version + 1
            self.model.controls[function.id] = Control(
                function.id, step.stage, step.percent, version, "ada", "a reason"
            )
            self.model.withdraw(function.id)
        self.checks.step()

    def _start(self, number: int) -> Replica:
        return Replica(number, self)

    async def _fault(self, kind: str, at: float, lasts: float, number: int) -> None:
        """What has to be done for a fault, beyond being there."""
        await self._until(at)
        replica = self.replicas[number]
        if kind in _SET:
            self._control(_SET[kind])
            await asyncio.sleep(lasts)
            self._control(DURABLE)
        if kind == "clock-skewed" and replica is not None:
            replica.set_skew(SKEW_S)
            await asyncio.sleep(lasts)
            replica.set_skew(0.0)
        if kind in {"replica-killed", "replica-stopped"} and replica is not None:
            self.replicas[number] = None
            if kind == "replica-killed":
                replica.kill()
            else:
                await replica.stop()
            await asyncio.sleep(min(lasts, 2 * MINUTE))
            self.replicas[number] = self._start(number)
            self._set_flags()


def play(scenario: Scenario, make_model: type[Model] = Model) -> Played:
    """Play a scenario from its beginning to its end.

    Args:
        scenario: which.
        make_model: the ledger, or a broken variant of it.

    Raises:
        BrokenInvariantError: an invariant broke.
    """
    loop = VirtualLoop()
    with clock.taken_from(VirtualClock(loop)):
        try:
            return loop.run_until_complete(_play(scenario, loop, make_model))
        finally:
            loop.close()


async def _play(scenario: Scenario, loop: VirtualLoop, make_model: type[Model]) -> Played:
    world = World(scenario, loop, make_model(loop.at, LEASE_S))
    try:
        return await world.play()
    finally:
        world.stop()
        await asyncio.sleep(0)
