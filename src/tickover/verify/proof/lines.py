"""One thing that is to be proven of a deployment, and what came of it. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What came of it."""

    PASS = "pass"  # noqa: S105 - a word, no password
    FAIL = "fail"
    NOT_PROVEN = "not proven"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was to be proven.

    Args:
        name: which.
        verdict: what came of it.
        seen: what that stands on.
        remedy: what to do, where it is not a pass.
        is_required: whether the deployment is not proven without it; what needs more than was given is not.
    """

    name: str
    verdict: Verdict
    seen: str
    remedy: str | None = None
    is_required: bool = True


def passed(name: str, seen: str) -> Line:
    """A line that holds."""
    return Line(name, Verdict.PASS, seen)


def failed(name: str, seen: str, remedy: str) -> Line:
    """A line that does not, with what to do."""
    return Line(name, Verdict.FAIL, seen, remedy)


def unproven(name: str, seen: str, remedy: str) -> Line:
    """A line of which nobody could tell, with what to do about that."""
    return Line(name, Verdict.NOT_PROVEN, seen, remedy)


def skipped(name: str, seen: str, remedy: str) -> Line:
    """A line that needs something that was not given; the deployment may be proven without it."""
    return Line(name, Verdict.NOT_PROVEN, seen, remedy, is_required=False)
