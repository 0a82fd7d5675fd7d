"""A link of the chain from cron to the status, and what is thought of it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class Verdict(StrEnum):
    """What is thought of a link."""

    OK = "ok"
    BROKEN = "broken"
    NOT_REACHED = "not reached"
    NOT_NEEDED = "not needed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Link:
    """One link.

    Args:
        name: which.
        verdict: what is thought of it.
        seen: what that stands on.
        remedy: what to do, where it is broken.
        function: whose; None for a link that all functions of the tick share.
    """

    name: str
    verdict: Verdict
    seen: str
    remedy: str | None = None
    function: str | None = None


def ok(name: str, seen: str) -> Link:
    """A link that holds."""
    return Link(name, Verdict.OK, seen)


def broken(name: str, seen: str, remedy: str) -> Link:
    """A link that does not, with what to do."""
    return Link(name, Verdict.BROKEN, seen, remedy)


def unknown(name: str, seen: str) -> Link:
    """A link of which nobody here can tell, and why."""
    return Link(name, Verdict.UNKNOWN, seen)


def not_needed(name: str, seen: str) -> Link:
    """A link that this tick went without."""
    return Link(name, Verdict.NOT_NEEDED, seen)


def after_the_break(links: Sequence[Link]) -> list[Link]:
    """The links, with one broken at most: what comes after it follows from it, or waits for it.

    A later link that was judged broken or unknown is `not reached`, and still says what was seen; one that holds, or
    that another path went without, stays as it is.
    """
    walked: list[Link] = []
    is_broken = False
    for link in links:
        if is_broken and link.verdict in {Verdict.BROKEN, Verdict.UNKNOWN}:
            walked.append(replace(link, verdict=Verdict.NOT_REACHED, remedy=None))
        else:
            walked.append(link)
        is_broken = is_broken or link.verdict is Verdict.BROKEN
    return walked


def first_broken(links: Sequence[Link]) -> Link | None:
    """The first broken link, which is the answer; None where none is."""
    return next((link for link in links if link.verdict is Verdict.BROKEN), None)
