"""What a function did over a day: outcomes, durations, percentiles, and what each responsibility counted. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from tickover.ledger.states import ENDED, State

BUCKETS = 96
"""Parts that a day is drawn in: a quarter of an hour each."""


@dataclass(frozen=True, slots=True)
class Carried:
    """An obligation of the function, as its row tells.

    Args:
        dispatch_key: its tick.
        created_at: when it was owed.
        accepted_at: when the engine took its event, if it did.
        started_at: when somebody began.
        finished_at: when it ended.
        state: where it stands.
        path: who carried it out.
        error: why it failed.
        late: whether it is beyond its time, with nobody at it.
    """

    dispatch_key: str
    created_at: datetime
    accepted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    state: str
    path: str | None
    error: str | None
    late: bool = False

    @property
    def took_s(self) -> float | None:
        """Seconds from start to end; None where it has not ended, or another run did its work."""
        if self.started_at is None or self.finished_at is None or self.state == State.COVERED:
            return None
        return max(0.0, (self.finished_at - self.started_at).total_seconds())

    @property
    def waited_s(self) -> float | None:
        """Seconds from acceptance to start; None where either is missing."""
        if self.started_at is None or self.accepted_at is None:
            return None
        return max(0.0, (self.started_at - self.accepted_at).total_seconds())

    @property
    def outcome(self) -> str:
        """`failed`, `open`, or the path that carried it out; `covered` where another run did."""
        if self.state == State.FAILED:
            return "failed"
        if self.state not in ENDED:
            return "open"
        return "covered" if self.state == State.COVERED else self.path or "open"


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of a number of figures, in seconds; None where there is none.

    Args:
        count: of figures.
        p50: not exceeded by half of them.
        p95: not exceeded by 95 of a hundred.
    """

    count: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """A part of the day.

    Args:
        at: when it begins.
        outcomes: how many ended in which way.
        took: how long they took.
    """

    at: datetime
    outcomes: Mapping[str, int]
    took: Percentiles


@dataclass(frozen=True, slots=True)
class Counted:
    """What a responsibility did in a part of the day.

    Args:
        responsibility: which.
        part: which part of the day, the first is 0.
        runs: how often it ran.
        failed: how many of these failed.
        looked_at: items it looked at.
        changed: of these it changed.
        left: items it left, the last time.
        mean_ms: how long a run took, on average.
    """

    responsibility: str
    part: int
    runs: int
    failed: int
    looked_at: int
    changed: int
    left: int
    mean_ms: float


@dataclass(frozen=True, slots=True)
class Health:
    """How a function is.

    Args:
        word: `well`, `late`, `failing` or `unknown`.
        reason: what that stands on.
    """

    word: str
    reason: str


@dataclass(frozen=True, slots=True)
class FunctionDay:
    """What a function did over the last day.

    Args:
        function: its id.
        since: when that day begins.
        buckets: its parts, in order, also those in which nothing happened.
        took: from start to end, of all.
        waited: from acceptance to start, of all that the engine was handed.
        counted: what each responsibility did, part by part.
        errors: the newest runs that failed, the newest first.
        newest: the newest obligations, the newest first.
        health: how it is.
        is_cut: there are more obligations of that day than one look takes; these are the newest.
    """

    function: str
    since: datetime
    buckets: Sequence[Bucket]
    took: Percentiles
    waited: Percentiles
    counted: Mapping[str, Sequence[Counted]]
    errors: Sequence[Carried]
    newest: Sequence[Carried]
    health: Health
    is_cut: bool


def percentiles(figures: Sequence[float]) -> Percentiles:
    """The nearest-rank percentiles of figures."""
    ordered = sorted(figures)
    if not ordered:
        return Percentiles(0, None, None)
    half, most = (ordered[ceil(share * len(ordered)) - 1] for share in (0.5, 0.95))
    return Percentiles(len(ordered), half, most)


def buckets(carried: Sequence[Carried], since: datetime, until: datetime, parts: int = BUCKETS) -> list[Bucket]:
    """A day in parts.

    Args:
        carried: what was owed, by when it was.
        since: when the day begins.
        until: when it ends.
        parts: of equal length.
    """
    width = (until - since) / parts
    inside: list[list[Carried]] = [[] for _ in range(parts)]
    for each in carried:
        part = (each.created_at - since) // width
        if 0 <= part < parts:
            inside[part].append(each)
    return [
        Bucket(
            since + width * number,
            dict(Counter(each.outcome for each in found)),
            percentiles([each.took_s for each in found if each.took_s is not None]),
        )
        for number, found in enumerate(inside)
    ]


def health(newest: Sequence[Carried]) -> Health:
    """How a function is, from what it was to do last.

    Args:
        newest: its newest obligations, the newest first.
    """
    late = [each for each in newest if each.late]
    if late:
        return Health("late", f"{len(late)} beyond their time; the next tick carries them out")
    ended = [each for each in newest if each.state in ENDED]
    if not ended:
        return Health("unknown", "nothing of it has ended yet")
    if ended[0].state == State.FAILED:
        in_a_row = next((n for n, each in enumerate(ended) if each.state != State.FAILED), len(ended))
        return Health("failing", f"the last {in_a_row} failed: {ended[0].error or 'no error was recorded'}")
    return Health("well", "its newest work is done")
