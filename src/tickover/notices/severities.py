"""How urgent each finding is. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from tickover.notices.states import Severity


@dataclass(frozen=True, slots=True)
class Weight:
    """What a finding weighs.

    Args:
        severity: whether somebody has to get up.
        certain: it is a fact of the ledger, which one look proves: it needs no confirmation.
    """

    severity: Severity
    certain: bool = False


_UNKNOWN = Weight(Severity.WARN)

WEIGHTS: Mapping[str, Weight] = {
    # work is not done, and nothing here does it
    "wrong-environment": Weight(Severity.PAGE, certain=True),
    "cron-refused": Weight(Severity.PAGE),
    "ticks-missing": Weight(Severity.PAGE),
    "function-failed": Weight(Severity.PAGE, certain=True),
    "queue-stale": Weight(Severity.PAGE),
    # Tickover does the work by another path, or keeps it
    "calls-refused": Weight(Severity.WARN),
    "never-started": Weight(Severity.WARN),
    "circuit-open": Weight(Severity.WARN, certain=True),
    "rolled-back": Weight(Severity.WARN, certain=True),
    "dead-letters": Weight(Severity.WARN, certain=True),
    # it is odd
    "did-nothing": Weight(Severity.WARN),
    "ran-twice": Weight(Severity.WARN),
    "ran-too-often": Weight(Severity.WARN),
}
"""By the finding's code."""


def weigh(code: str) -> Weight:
    """What a finding of this code weighs; one that nobody has weighed wakes nobody."""
    return WEIGHTS.get(code, _UNKNOWN)
