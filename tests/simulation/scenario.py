"""A scenario: which ticks come and what goes wrong, as data. Made from a seed, and made smaller when it fails."""

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

REPLICAS = 3
MINUTE = 60.0
_FAULTS_AT_MOST = 6
_MINUTES = 40
_LONGEST_FAULT = 12 * MINUTE

KINDS = (
    "engine-down", "send-500", "send-hang", "send-answer-lost", "call-never", "call-twice", "call-late", "wrong-key",
    "answer-dropped", "replica-killed", "replica-stopped", "replica-frozen", "database-away", "database-frozen",
    "commit-answer-lost", "cron-redelivers", "cron-stops", "clock-skewed", "flag-off", "forced-inline", "work-fails",
    "work-overruns", "work-is-slow", "rolled-back", "some-are-canary",
)  # fmt: skip
OUTAGES = {"database-away", "database-frozen", "commit-answer-lost", "cron-stops", "replica-killed", "replica-stopped"}
"""Faults during which nothing need be done: what they last is added to every deadline."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong for a while.

    Args:
        kind: one of `KINDS`.
        at: seconds from the beginning.
        lasts: seconds.
        replica: which one, where the kind is about one.
    """

    kind: str
    at: float
    lasts: float
    replica: int

    @property
    def until(self) -> float:
        """When it ends."""
        return self.at + self.lasts


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is played.

    Args:
        seed: of everything that is left to chance: latencies, jitter, which replica is called.
        minutes: for how long cron fires before things are left to settle.
        faults: what goes wrong, in that time.
    """

    seed: int
    minutes: int
    faults: tuple[Fault, ...]

    @classmethod
    def of(cls, seed: int) -> "Scenario":
        """The scenario of a seed: up to six faults, at any time, alone or together."""
        chance = random.Random(seed)  # noqa: S311 - the same each time
        faults = []
        for _ in range(chance.randint(0, _FAULTS_AT_MOST)):
            lasts = chance.choice((5.0, MINUTE, 4 * MINUTE, _LONGEST_FAULT)) * chance.uniform(0.5, 1.0)
            at = chance.uniform(MINUTE, _MINUTES * MINUTE - lasts)
            faults.append(Fault(chance.choice(KINDS), round(at, 3), round(lasts, 3), chance.randrange(REPLICAS)))
        return cls(seed, _MINUTES, tuple(sorted(faults, key=lambda fault: fault.at)))

    @property
    def outage(self) -> float:
        """Seconds for which nothing need be done, all outages together."""
        return sum(fault.lasts for fault in self.faults if fault.kind in OUTAGES)

    def active(self, kind: str, at: float, replica: int | None = None) -> bool:
        """Whether something goes wrong at a time, for a replica or for all."""
        return any(
            fault.kind == kind and fault.at <= at < fault.until and (replica is None or fault.replica == replica)
            for fault in self.faults
        )

    def chance(self, *subject: object) -> float:
        """A number from 0 to 1 that depends on seed and subject alone, so that other faults do not change it."""
        digest = hashlib.blake2b(repr((self.seed, subject)).encode(), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64


def shrink(scenario: Scenario, fails: Callable[[Scenario], bool]) -> Scenario:
    """The smallest scenario that still fails: without each fault that is not needed, and as short as it can be.

    Args:
        scenario: one that fails.
        fails: plays one.
    """
    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller(scenario):
            if fails(candidate):
                scenario, smaller = candidate, True
                break
    return scenario


def _smaller(scenario: Scenario) -> Sequence[Scenario]:
    faults = scenario.faults
    dropped = [replace(scenario, faults=faults[:n] + faults[n + 1 :]) for n in range(len(faults))]
    last = max((fault.until for fault in faults), default=0.0) / MINUTE
    shorter = [
        replace(scenario, minutes=minutes)
        for minutes in (int(last) + 1, scenario.minutes // 2, scenario.minutes - 1)
        if 2 <= minutes < scenario.minutes
    ]
    briefer = [
        replace(scenario, faults=(*faults[:n], replace(fault, lasts=round(fault.lasts / 2, 3)), *faults[n + 1 :]))
        for n, fault in enumerate(faults)
        if fault.lasts > 2
    ]
    return [*dropped, *shorter, *briefer]
