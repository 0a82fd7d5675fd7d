"""How good the evidence has to be before a function goes on, and how bad before it goes back. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from tickover.errors import ContractError
from tickover.rollout.stages import Stage


@dataclass(frozen=True, slots=True)
class Tolerance:
    """By how much the figures of a shadow may differ from what inline then did; the larger of the two counts.

    Args:
        share: of the figure, 0 to 1.
        items: in absolute numbers, for figures that are small, and for what arrives in between.
    """

    share: float = 0.1
    items: int = 10

    def of(self, figure: int) -> int:
        """How much that is for a figure."""
        return max(self.items, round(figure * self.share))


DEFAULT_TOLERANCE = Tolerance()


@dataclass(frozen=True, slots=True)
class Limits:
    """What is asked of the evidence at one stage.

    Args:
        time: how long the function has to have stood there.
        ticks: how many ticks have to have come in that time.
        runs: how many of the function's runs by the engine have to be known; those of the shadow at that stage.
        missed: how many accepted events may come to nothing.
        twice: how many ticks may have had two executors at once.
        failure_rate: the share of runs that has to stay below this, 0 to 1.
        demotion_rate: the share of failed runs at which a function goes back, 0 to 1.
        parity: the share of shadow runs that have to agree with what inline did, 0 to 1.
        start_p95: the 95th percentile of the time from acceptance to start; None takes the function's `start_by`.
        duration_p95: that from start to end; None takes the function's deadline.
        window: evidence is bad where it is bad in the two newest windows of this length that hold any.

    Raises:
        ContractError: a share does not lie between 0 and 1, or a window has no length.
    """

    time: timedelta = timedelta(minutes=30)
    ticks: int = 30
    runs: int = 30
    missed: int = 0
    twice: int = 0
    failure_rate: float = 0.005
    demotion_rate: float = 0.02
    parity: float = 1.0
    start_p95: timedelta | None = None
    duration_p95: timedelta | None = None
    window: timedelta = timedelta(minutes=15)

    def __post_init__(self) -> None:
        shares = {name: getattr(self, name) for name in ("failure_rate", "demotion_rate", "parity")}
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise ContractError(f"limits: {name} lies between 0 and 1, and {share} does not")
        if self.window <= timedelta():
            raise ContractError("limits: a window is longer than nothing")


LIMITS: Mapping[Stage, Limits] = {
    Stage.SHADOW: Limits(),
    Stage.CANARY: Limits(runs=5),  # of 100 ticks five go the durable way at the first step
    Stage.DURABLE: Limits(),
}
"""The defaults. A function has others with `limits={Stage.CANARY: replace(LIMITS[Stage.CANARY], runs=20)}`."""
