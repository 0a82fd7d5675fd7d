"""Where does a function stand on its way from inline to durable, and what follows for a tick? Pure.

Each function moves alone: inline, shadow, a growing share of ticks (canary), durable. Forward it goes one step at a
time; back it goes at once, from anywhere, and starts again at the first canary step.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tickover.errors import ControlError


class Stage(StrEnum):
    """Where a function stands."""

    INLINE = "inline"
    SHADOW = "shadow"
    CANARY = "canary"
    DURABLE = "durable"


@dataclass(frozen=True, slots=True)
class Step:
    """A stage, with the share of ticks that go the durable way where it is `canary`.

    Args:
        stage: where the function stands.
        percent: of its ticks, 1 to 99; None at every stage but `canary`.

    Raises:
        ControlError: the two do not belong together.
    """

    stage: Stage
    percent: int | None = None

    def __post_init__(self) -> None:
        if (self.stage is Stage.CANARY) != (self.percent is not None):
            raise ControlError("a canary has a percentage, and no other stage has one")
        if self.percent is not None and not 1 <= self.percent <= _LAST_PERCENT:
            raise ControlError(f"a canary takes 1 to {_LAST_PERCENT} % of the ticks; {self.percent} % is none")

    def __str__(self) -> str:
        """As it is shown: `canary 5 %`."""
        return self.stage if self.percent is None else f"{self.stage} {self.percent} %"


_LAST_PERCENT = 99
INLINE, SHADOW, DURABLE = Step(Stage.INLINE), Step(Stage.SHADOW), Step(Stage.DURABLE)
CANARIES = (Step(Stage.CANARY, 5), Step(Stage.CANARY, 25))
"""The shares of ticks by which a canary grows; after the last, every tick is durable."""

MOVES: Mapping[Stage | None, frozenset[Stage]] = {
    # Nothing was set: the flag alone decides, and where it is on the function is durable.
    None: frozenset({Stage.INLINE}),
    # a shadow beside it · after a rollback straight to the first canary step
    Stage.INLINE: frozenset({Stage.SHADOW, Stage.CANARY}),
    Stage.SHADOW: frozenset({Stage.CANARY, Stage.INLINE}),
    # another share · all · back
    Stage.CANARY: frozenset({Stage.CANARY, Stage.DURABLE, Stage.INLINE}),
    # a share again · back
    Stage.DURABLE: frozenset({Stage.CANARY, Stage.INLINE}),
}
"""Every move that is allowed; `docs/states.md` is drawn from this table."""


@dataclass(frozen=True, slots=True)
class Control:
    """What is set for one function. It is read at every tick, and no copy of it outlives one.

    Args:
        function: whose.
        stage: where it stands; None where nobody has set anything.
        percent: of its ticks, where it is a canary.
        version: counts every change; a change is refused where another came before it.
        changed_by: who changed it last.
        reason: why.
        changed_at: when its stage changed last; evidence from before does not count.
        held: it was rolled back, and goes nowhere until somebody releases it.
        auto: it advances by itself when its gates pass.
        rolled_back: it was rolled back from where ticks went the durable way, so the next step forward is the first
            canary.
    """

    function: str
    stage: Stage | None = None
    percent: int | None = None
    version: int = 0
    changed_by: str | None = None
    reason: str | None = None
    changed_at: datetime | None = None
    held: bool = False
    auto: bool = False
    rolled_back: bool = False

    @property
    def step(self) -> Step | None:
        """Where it stands; None where nobody has set anything."""
        return None if self.stage is None else Step(Stage(self.stage), self.percent)

    @property
    def is_inline(self) -> bool:
        """Whether its work is done inline, whatever the engine has accepted; as `tickover.is_inline` in SQL."""
        return self.stage in {Stage.INLINE, Stage.SHADOW}


@dataclass(frozen=True, slots=True)
class Switches:
    """What stands above every control of a route: the variables of the process, and its environment.

    Args:
        flag: the name of the route's flag.
        is_on: whether it is on.
        force_name: the name of the switch that beats everything.
        is_forced: whether that one is on.
        withheld: why nothing may be sent from this environment; None where it may.
    """

    flag: str
    is_on: bool
    force_name: str
    is_forced: bool
    withheld: str | None = None


@dataclass(frozen=True, slots=True)
class InForce:
    """The step that counts for a function, and why it is that one."""

    step: Step
    why: str


def switched_off(switches: Switches) -> str | None:
    """Why a route is inline whatever is set for its functions; None where that counts: the switch first that forces
    inline, then the flag, then the environment.

    Args:
        switches: of the route.
    """
    if switches.is_forced:
        return f"{switches.force_name} is on"
    if not switches.is_on:
        return f"{switches.flag} is off"
    return None if switches.withheld is None else f"nothing is sent: {switches.withheld}"


def in_force(flag: str, off: str | None, control: Control) -> InForce:
    """What counts for a function.

    Args:
        flag: the name of its route's flag.
        off: why the route is inline whatever is set, as `switched_off` says.
        control: what is set.
    """
    if off is not None:
        return InForce(INLINE, off)
    if control.step is None:
        return InForce(DURABLE, f"{flag} is on")
    held = ", held" if control.held else ""
    return InForce(control.step, f"set by {control.changed_by}{held}: {control.reason}")


def is_chosen(percent: int, dispatch_key: str, function: str) -> bool:
    """Whether a tick is one of a canary's share. The same in every replica; a growing share keeps the ticks it had.

    Args:
        percent: of all ticks, 1 to 99.
        dispatch_key: the tick.
        function: the function; each has other ticks.
    """
    digest = hashlib.sha256(f"{function}\n{dispatch_key}".encode()).digest()
    return int.from_bytes(digest[:8]) * 100 < percent * 2**64


def next_step(control: Control) -> Step | None:
    """One step forward from where a function stands; None where there is none.

    Raises:
        ControlError: nobody has begun to move it, so there is no way forward either.
    """
    step = control.step
    if step is None:
        raise ControlError(
            f"{control.function} is not being moved: where its flag is on it is durable. "
            f"Begin with `tickover rollout begin {control.function}`"
        )
    if step.stage is Stage.INLINE:
        return CANARIES[0] if control.rolled_back else SHADOW
    if step.stage is Stage.DURABLE:
        return None
    larger = [canary for canary in CANARIES if canary.percent is not None and canary.percent > (step.percent or 0)]
    return larger[0] if larger else DURABLE


def require_move(control: Control, to: Step) -> None:
    """Go on where a function may move to a step.

    Raises:
        ControlError: it may not; the text says what may be done instead.
    """
    if to.stage not in MOVES[control.stage]:
        start = "nothing was set" if control.step is None else f"it stands at {control.step}"
        allowed = ", ".join(sorted(MOVES[control.stage]))
        raise ControlError(f"{control.function} may not move to {to}: {start}, from where it may move to {allowed}")
