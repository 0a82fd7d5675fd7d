"""A whole rollout of every function, with faults at each stage, judged by what was seen and not by the gates."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from tests.simulation.checks import BrokenInvariantError
from tests.simulation.loop import VirtualClock, VirtualLoop
from tests.simulation.ports import LEASE_S
from tests.simulation.rollout_model import RolloutModel
from tests.simulation.scenario import MINUTE, Fault, Scenario
from tests.simulation.world import World, over
from tickover import clock
from tickover.contract import Route
from tickover.ledger.states import Path, State
from tickover.rollout.controller import BY_ITSELF, Rollout
from tickover.rollout.controls import Change
from tickover.rollout.limits import LIMITS
from tickover.rollout.stages import CANARIES, DURABLE, INLINE, SHADOW, Control, Step

_FOR_EVER = 1e9  # seconds
_LOOKS_EVERY = 60.0  # seconds, of one replica: as the real housekeeping
_STOOD, _TICKS = timedelta(minutes=30), 30
_WINDOW = timedelta(minutes=15)
_KNOWN_AFTER = timedelta(minutes=12)  # the longest deadline to start, or all retries; and a look
_LEFT_ALONE = 45.0  # minutes without evidence
_SETTLES = 40 * MINUTE
_PATIENCE = 600.0  # minutes in which anything has to have happened

BAD = {
    SHADOW: ("call-never",),
    CANARIES[0]: ("call-never", "work-breaks"),
    CANARIES[1]: ("call-never", "wrong-key", "work-breaks", "call-too-late"),
    DURABLE: ("call-never", "wrong-key", "work-breaks", "call-too-late"),
}
"""What is bad evidence, at each stage."""


class Looking:
    """The part of housekeeping that moves functions."""

    def __init__(self, rollout: Rollout) -> None:
        self._rollout = rollout
        self._looks_at: dict[str, float] = {}

    async def keep(self, route: Route, _: datetime) -> list[Any]:
        """Look at a route's functions, now and then."""
        if clock.monotonic() < self._looks_at.get(route.id, 0.0):
            return []
        self._looks_at[route.id] = clock.monotonic() + _LOOKS_EVERY
        return list(await self._rollout.watch(route))


@dataclass
class Seen:
    """What was seen of a function since it came to stand where it stands: by onlookers, not by the ledger."""

    since: datetime
    ticks: int = 0
    well: int = 0
    badly: int = 0
    taken: list[datetime] = field(default_factory=list)


@dataclass
class Moving(World):
    """A world in which functions are moved.

    Attributes:
        moves: every move: function, from where, to where, by whom, minutes after it had come to stand there.
        went_back_after: minutes from the beginning of a fault until each function was inline.
    """

    seen: dict[str, Seen] = field(default_factory=dict)
    moves: list[tuple[str, str, str, str, float]] = field(default_factory=list)
    went_back_after: list[float] = field(default_factory=list)
    done: bool = False
    fault_began: datetime | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.seen = {function.id: Seen(self.model.now()) for function in self.contract.functions}

    def housekeeping(self, rollout: Rollout) -> Any:
        """The part of it that moves functions."""
        return Looking(rollout)

    def moved(self, change: Change, after: Control) -> None:
        """A function was moved: forward by itself only on evidence that onlookers have seen as well."""
        before, function, now = change.before, change.before.function, self.model.now()
        if before.step == after.step:
            return
        seen = self.seen[function]
        stood = (now - seen.since).total_seconds() / MINUTE
        self.moves.append((function, str(before.step), str(after.step), change.by, stood))
        forward = after.step != INLINE
        if change.by == BY_ITSELF and self.on("evidence-unreadable"):
            raise BrokenInvariantError(f"7: {function} was moved to {after.step} without evidence")
        if change.by == BY_ITSELF and forward and before.step != INLINE:
            runs = LIMITS[before.step.stage].runs if before.step else 0
            if now - seen.since < _STOOD or seen.ticks < _TICKS or seen.well < runs or seen.badly:
                raise BrokenInvariantError(f"7: {function} went from {before.step} to {after.step} on {seen}")
        if change.by == BY_ITSELF and not forward and self.fault_began is None:
            raise BrokenInvariantError(f"7: {function} went back, and nothing was wrong: {change.reason}")
        self.seen[function] = Seen(now)

    def took(self, function: str, at: datetime) -> None:
        """The engine accepted an event of a function."""
        self.seen[function].taken.append(at)

    def ended(self, function: str, *, well: bool) -> None:
        """A run of the engine, or a shadow's, has ended."""
        seen = self.seen[function]
        seen.well, seen.badly = seen.well + well, seen.badly + (not well)

    def begin(self, kind: str) -> None:
        """Something begins to go wrong, until it is ended."""
        fault = Fault(kind, self.loop.time(), _FOR_EVER, 0)
        self.scenario = replace(self.scenario, faults=(*self.scenario.faults, fault))

    def end(self) -> None:
        """Nothing goes wrong any more."""
        now = self.loop.time()
        ended = tuple(replace(f, lasts=min(f.lasts, now - f.at)) for f in self.scenario.faults)
        self.scenario = replace(self.scenario, faults=ended)


class Story:
    """Who leads the rollout: a patient operator, and whoever breaks things at each stage.

    Args:
        world: where it is played.
    """

    def __init__(self, world: Moving) -> None:
        self._world = world
        self._functions = [function.id for function in world.contract.functions]

    async def play(self) -> None:
        """Every function through all stages, with every fault, and durable in the end."""
        world = self._world
        for function in self._functions:
            await self._do(partial(Rollout.begin, function=function, by="ada", reason="it begins"))
        for stage, kinds in BAD.items():
            for kind in kinds:
                await self._reach(stage)
                await self._without_evidence()
                await self._break(stage, kind)
        await self._reach(DURABLE)
        await asyncio.sleep(_SETTLES)
        world.done = True

    async def _reach(self, stage: Step) -> None:
        """Release what is held; let each function advance by itself until it stands there."""
        for function in self._functions:
            if self._control(function).held:
                await self._do(partial(Rollout.release, function=function, by="ada", reason="mended"))
            if self._control(function).step != stage:
                await self._auto(function, auto=True)
        ends = self._world.loop.time() + _PATIENCE * MINUTE
        moving = set(self._functions)
        while moving:
            if self._world.loop.time() > ends:
                where = {function: str(self._control(function).step) for function in moving}
                raise BrokenInvariantError(f"7: never came to {stage}: {where}")
            await asyncio.sleep(10.0)
            for function in [f for f in moving if self._control(f).step == stage]:
                await self._auto(function, auto=False)
                moving.discard(function)

    async def _without_evidence(self) -> None:
        """The ledger's evidence cannot be read, with auto on: nothing moves."""
        for function in self._functions:
            await self._auto(function, auto=True)
        self._world.begin("evidence-unreadable")
        await asyncio.sleep(_LEFT_ALONE * MINUTE)
        for function in self._functions:
            await self._auto(function, auto=False)
        self._world.end()

    async def _break(self, stage: Step, kind: str) -> None:
        """Bad evidence until each function is back; each has to be so when the second window's worth of it is known."""
        world = self._world
        began = world.fault_began = world.model.now()
        world.begin(kind)
        waiting = {function: world.seen[function] for function in self._functions}
        while waiting:
            await asyncio.sleep(10.0)
            now = world.model.now()
            for function, seen in list(waiting.items()):
                if self._control(function).step == INLINE:
                    world.went_back_after.append((now - began).total_seconds() / MINUTE)
                    del waiting[function]
                elif (due := _due(seen, began)) is not None and now > due:
                    raise BrokenInvariantError(f"7: {function} stands at {stage} after two windows of {kind}")
                elif (now - began).total_seconds() > _PATIENCE * MINUTE:
                    raise BrokenInvariantError(f"7: {function} has no evidence of {kind} at {stage}")
        world.end()
        await asyncio.sleep(15 * MINUTE)  # what was broken is gone from every queue before functions go on
        world.fault_began = None

    def _control(self, function: str) -> Control:
        return self._world.model.read_control(function)

    async def _auto(self, function: str, *, auto: bool) -> None:
        """Let a function advance by itself, or no longer."""
        await self._do(partial(Rollout.set_auto, function=function, by="ada", reason="a story", auto=auto))

    async def _do(self, act: Callable[[Rollout], Coroutine[Any, Any, Any]]) -> None:
        """Do something in one of the replicas, again if somebody else came first."""
        for _ in range(20):
            replica = next(r for r in self._world.replicas if r is not None)
            if await over(replica.run(act(replica.rollout))) is None:
                return
            await asyncio.sleep(1.0)
        raise BrokenInvariantError("an operator could not change anything")


def _due(seen: Seen, began: datetime) -> datetime | None:
    """When a function has to be back: two windows that began within the fault have evidence, and it is known by now."""
    windows: dict[int, datetime] = {}
    for at in seen.taken:
        number = (at - seen.since) // _WINDOW
        if seen.since + number * _WINDOW >= began:
            windows.setdefault(number, at)
    firsts = sorted(windows.values())
    return firsts[1] + _KNOWN_AFTER if len(firsts) > 1 else None


class Onlooker(RolloutModel):
    """The ledger, with somebody who looks on at its doors."""

    world: Moving

    def accept(self, dispatch_key: str, event_ids: Any, functions: Any) -> None:
        """Noted."""
        super().accept(dispatch_key, event_ids, functions)
        for function in functions:
            if self.ticks[dispatch_key].obligations[function].accepted_at is not None:
                self.world.took(function, self.now())

    def record(self, tick: Any) -> bool:
        """Counted, for each of its functions."""
        is_new = super().record(tick)
        if is_new and tick.identity_source != "continuation":
            for function in tick.functions:
                self.world.seen[function].ticks += 1
        return is_new

    def finish(self, obligation_id: int, fence: int, state: State, error: str | None) -> Any:
        """Counted, where the engine ran it."""
        finished = super().finish(obligation_id, fence, state, error)
        o = self.obligations[obligation_id]
        if finished is not None and o.path is Path.DURABLE and state in (State.SUCCEEDED, State.FAILED):
            self.world.ended(o.function, well=state is State.SUCCEEDED)
        return finished

    def record_shadow(self, dispatch_key: str, functions: Any) -> None:
        """Noted."""
        super().record_shadow(dispatch_key, functions)
        for function in functions:
            self.world.took(function, self.now())

    def finish_shadow(self, dispatch_key: str, function: str, run_id: str, summaries: Any) -> None:
        """Counted."""
        super().finish_shadow(dispatch_key, function, run_id, summaries)
        self.world.ended(function, well=all(summary["error"] is None for summary in summaries.values()))


def roll_out(seed: int) -> Moving:
    """Play a whole rollout.

    Raises:
        BrokenInvariantError: something was lost, done twice, or moved without reason.
    """
    loop = VirtualLoop()
    with clock.taken_from(VirtualClock(loop)):
        try:
            return loop.run_until_complete(_roll_out(seed, loop))
        finally:
            loop.close()


async def _roll_out(seed: int, loop: VirtualLoop) -> Moving:
    model = Onlooker(loop.at, LEASE_S)
    world = Moving(Scenario(seed, 0, ()), loop, model)
    model.world = world
    try:
        world.do(Story(world).play())
        await world.tick_until(lambda: world.done)
        await asyncio.sleep(3 * MINUTE)
        world.checks.settled(failing=True)  # work was broken on purpose
        return world
    finally:
        world.stop()
        await asyncio.sleep(0)
