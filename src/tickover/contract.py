"""The contract: which responsibilities a cron endpoint owes, and which durable functions carry them. Pure.

The inline path, the durable functions and the checks are all made from it, so none can forget a piece of work.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from tickover.errors import ContractError
from tickover.rollout.limits import DEFAULT_TOLERANCE, Limits, Tolerance
from tickover.rollout.stages import Stage

if TYPE_CHECKING:
    from tickover.execution.run import Work

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_EVENT = re.compile(r"[a-z0-9_-]+(/[a-z0-9_.-]+)+")
_FLAG = re.compile(r"[A-Z][A-Z0-9_]*")
EVERY_FUNCTION = "all"
"""What stands for every function, where otherwise the id of one does."""

_MAX_RETRIES = 20  # the engine's own limit (inngest-wire: "default 4 retries, at most 20")
_MINUTES = (0.25, 0.5, 1, 2, 5, 10, 20, 40, 60, 120)  # between the engine's attempts (inngest-wire: "Retry delays")
_RETRY_DELAYS = [timedelta(minutes=_MINUTES[min(n, len(_MINUTES) - 1)]) for n in range(_MAX_RETRIES)]
_JITTER = timedelta(seconds=30)  # the most that is added to each
_WORK = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Responsibility:
    """The smallest named piece of work a tick owes.

    Args:
        id: kebab-case name, unique in the contract.
        run: a sync or async callable that takes a `Run` and returns a `Summary`.
        tolerance: by how much what its shadow counts may differ from what inline then looks at.
        every: how often it is due, where its function skips idle ticks; None is at every tick, unless its body can tell
            whether there is anything to do, as `queue_drain` can.
    """

    id: str
    run: Work
    tolerance: Tolerance = DEFAULT_TOLERANCE
    every: timedelta | None = None

    @property
    def is_checked(self) -> bool:
        """Whether its body can tell cheaply whether there is anything to do."""
        return hasattr(type(self.run), "owes_nothing")


@dataclass(frozen=True, slots=True)
class Function:
    """A durable function: an event and the responsibilities it carries, in order.

    Args:
        id: kebab-case name, unique in the contract.
        event: name of the event that requests it, `area/thing.requested`.
        responsibilities: what it carries out, in this order; a failing one does not keep the later ones from running.
        retries: attempts after the first one when the engine runs it.
        concurrency: durable runs at a time, over all replicas.
        start_by: how long after acceptance its run may begin before that counts as never.
        finish_by: how long after its start it may take, retries included; None allows for the engine's own delays
            between its attempts, and ten minutes of work.
        continues: start again at once, a bounded number of times, when a durable run stopped with work left.
        skip_idle: a tick at which nothing is due for it owes it nothing, and sends nothing for it.
        limits: what is asked of the evidence at some stages, where that is not what `tickover.rollout.limits` says.
    """

    id: str
    event: str
    responsibilities: tuple[Responsibility, ...]
    retries: int = 3
    concurrency: int = 1
    start_by: timedelta = timedelta(minutes=3)
    finish_by: timedelta | None = None
    continues: bool = False
    skip_idle: bool = False
    limits: Mapping[Stage, Limits] = field(default_factory=dict, hash=False)

    @property
    def drains(self) -> bool:
        """Whether one of its responsibilities drains a queue, and can tell whether it is empty."""
        return any(responsibility.is_checked for responsibility in self.responsibilities)

    @property
    def deadline(self) -> timedelta:
        """How long after its start it may take, as declared or as its retries need."""
        if self.finish_by is not None:
            return self.finish_by
        return sum(_RETRY_DELAYS[: self.retries], _WORK) + _JITTER * self.retries


@dataclass(frozen=True, slots=True)
class Route:
    """A cron endpoint, `/api/cron/{id}`.

    Args:
        id: kebab-case name, the last part of its URL.
        flag: environment variable that hands its work to the engine.
        owes: ids of every responsibility a tick of it owes; each must be carried by exactly one of its functions.
        functions: the functions that carry them.
        window: ticks that name no time of their own are one tick within this span.
        every: how often cron fires it; where that is said, a tick that is missing or too much is noticed sooner.
    """

    id: str
    flag: str
    owes: tuple[str, ...]
    functions: tuple[Function, ...]
    window: timedelta = timedelta(seconds=60)
    every: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """All routes of an application.

    Raises:
        ContractError: it contradicts itself; the text lists every contradiction at once.
    """

    routes: tuple[Route, ...]

    def __post_init__(self) -> None:
        faults = [*self._names(), *self._owed(), *self._limits(), *self._idle()]
        if faults:
            raise ContractError("the contract contradicts itself:\n" + "\n".join(f"- {fault}" for fault in faults))

    @property
    def functions(self) -> tuple[Function, ...]:
        """Every function, in the order of declaration."""
        return tuple(function for route in self.routes for function in route.functions)

    def route(self, route_id: str) -> Route | None:
        """The route of that id, if there is one."""
        return next((route for route in self.routes if route.id == route_id), None)

    def function(self, function_id: str) -> Function | None:
        """The function of that id, if there is one."""
        return next((function for function in self.functions if function.id == function_id), None)

    def _names(self) -> Iterator[str]:
        carried = [r.id for f in self.functions for r in f.responsibilities]
        for kind, ids in (
            ("route", [route.id for route in self.routes]),
            ("function", [function.id for function in self.functions]),
            ("responsibility", carried),
        ):
            yield from (f"{kind} id {i!r} is not kebab-case" for i in ids if not _ID.fullmatch(i))
            yield from (f"{kind} {i!r} is declared {n} times" for i, n in Counter(ids).items() if n > 1)
        if self.function(EVERY_FUNCTION) is not None:
            yield f"function id {EVERY_FUNCTION!r} means every function, where one is taken back; give it another"
        events = Counter(function.event for function in self.functions)
        yield from (f"event {e!r} requests {n} functions; give each its own" for e, n in events.items() if n > 1)
        yield from (
            f"event name {e!r} is not of the form area/thing.requested" for e in events if not _EVENT.fullmatch(e)
        )
        yield from (f"event {e!r}: names under inngest/ are reserved" for e in events if e.startswith("inngest/"))
        yield from (
            f"flag {r.flag!r} is no name of an environment variable" for r in self.routes if not _FLAG.fullmatch(r.flag)
        )

    def _owed(self) -> Iterator[str]:
        if not self.routes:
            yield "it has no route"
        for route in self.routes:
            if not route.functions:
                yield f"route {route.id!r} has no function"
            carried = {r.id for f in route.functions for r in f.responsibilities}
            for missing in sorted(set(route.owes) - carried):
                yield f"route {route.id!r} owes {missing!r}, but none of its functions carries it: it would be dropped"
            for extra in sorted(carried - set(route.owes)):
                yield f"route {route.id!r} does not owe {extra!r}, but one of its functions carries it: add it to owes"

    def _limits(self) -> Iterator[str]:
        for route in self.routes:
            if route.window < timedelta(seconds=1):
                yield f"route {route.id!r}: a window is at least one second"
            if route.every is not None and route.every < timedelta(seconds=1):
                yield f"route {route.id!r}: cron fires every second at most; say so in every"
        for f in self.functions:
            if not f.responsibilities:
                yield f"function {f.id!r} carries nothing"
            if not 0 <= f.retries <= _MAX_RETRIES:
                yield f"function {f.id!r}: retries must lie between 0 and {_MAX_RETRIES}"
            if f.concurrency < 1:
                yield f"function {f.id!r}: concurrency must be at least 1"
            if min(f.start_by, f.deadline) <= timedelta():
                yield f"function {f.id!r}: start_by and finish_by must be longer than nothing"

    def _idle(self) -> Iterator[str]:
        for f, r in [(function, r) for function in self.functions for r in function.responsibilities]:
            if r.every is not None and r.every <= timedelta():
                yield f"responsibility {r.id!r}: every must be longer than nothing"
            if r.every is not None and not f.skip_idle:
                yield f"responsibility {r.id!r} has every, which counts only where its function has skip_idle=True"
            if f.skip_idle and r.every is None and not r.is_checked:
                yield f"function {f.id!r} has skip_idle, but {r.id!r} is due at every tick: say every=… for it"
