"""Does a shadow agree with what inline did for the same tick? Pure.

It has to be reached, in time, by the same environment, contract and code; it has to have the same responsibilities; and
what it counts has to lie within a declared tolerance of what inline then looked at.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tickover.contract import Function, Responsibility
from tickover.ledger.states import ENDED, State
from tickover.rollout.facts import Shadowed
from tickover.rollout.version import Version

Summaries = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ShadowRow:
    """A tick's shadow beside its inline work, as both stand in the ledger.

    Args:
        dispatch_key: the tick.
        requested_at: when it came.
        sender: which deployment asked for the dry run.
        start_by: by when that had to have started.
        send_error: why the engine could not be asked, or None.
        runner: which deployment ran it; None where it has not started.
        started_at: when.
        finished_at: when it ended.
        summaries: what each responsibility would have done.
        inline_state: where the inline work stands.
        inline_started_at: when that began.
        inline_finished_at: when it ended.
        inline_summaries: what each responsibility did.
    """

    dispatch_key: str
    requested_at: datetime
    sender: Mapping[str, Any]
    start_by: datetime
    send_error: str | None
    runner: Mapping[str, Any] | None
    started_at: datetime | None
    finished_at: datetime | None
    summaries: Summaries | None
    inline_state: State
    inline_started_at: datetime | None
    inline_finished_at: datetime | None
    inline_summaries: Summaries


def compare(row: ShadowRow, function: Function, now: datetime) -> Shadowed | None:
    """What a tick's shadow says; None where inline has nothing to compare it with, since another run covered the tick.

    Args:
        row: both sides.
        function: whose work it is.
        now: until when the ledger was read.
    """
    unreached = _unreached(row, now, function.deadline)
    if unreached is None and row.inline_state == State.COVERED:
        return None
    waiting = unreached == [] or (unreached is None and row.inline_state not in ENDED)
    faults: Iterable[str] = unreached or ()
    if unreached is None and not waiting:
        faults = (*_deployment(Version.of(row.sender), Version.of(row.runner or {})), *_work(row, function))
    return Shadowed(row.dispatch_key, row.requested_at, _known_at(row, now), waiting, tuple(faults))


def _known_at(row: ShadowRow, now: datetime) -> datetime:
    """When the comparison could be made; where the shadow never came, when it had to have started."""
    if row.finished_at is None:
        return min(now, row.requested_at if row.send_error is not None else row.start_by)
    return max(row.finished_at, row.inline_finished_at or row.finished_at)


def _unreached(row: ShadowRow, now: datetime, deadline: timedelta) -> list[str] | None:
    """How the dry run came to nothing; nothing yet where it may still end; None where it has ended in time."""
    if row.send_error is not None:
        return [f"the engine was not reached: {row.send_error}"]
    if row.started_at is None:
        return ["it was not started in time"] if now > row.start_by else []
    if row.started_at > row.start_by:
        return [f"it started {(row.started_at - row.start_by).total_seconds():.0f} s too late"]
    ends_by = row.started_at + deadline
    if row.finished_at is None:
        return ["it did not end in time"] if now > ends_by else []
    return ["it ended too late"] if row.finished_at > ends_by else None


def _deployment(sender: Version, runner: Version) -> Iterator[str]:
    if sender.environment != runner.environment:
        yield f"sent by {sender.environment}, run by {runner.environment}"
    if sender.contract != runner.contract:
        yield f"sent under contract {sender.contract}, run under {runner.contract}"
    if sender.code != runner.code:
        yield f"sent by code {sender.code}, run by {runner.code}"


def _work(row: ShadowRow, function: Function) -> Iterator[str]:
    dry, done = row.summaries or {}, row.inline_summaries
    missing = [r.id for r in function.responsibilities if r.id not in dry]
    if missing:
        yield f"it left out {', '.join(missing)}"
    for responsibility in function.responsibilities:
        if responsibility.id not in dry:
            continue
        summary = dry[responsibility.id]
        if summary["error"] is not None:
            yield f"{responsibility.id}: {summary['error']}"
        elif responsibility.id in done and done[responsibility.id]["error"] is None:
            yield from _counts(row, responsibility, summary, done[responsibility.id])


def _counts(
    row: ShadowRow, responsibility: Responsibility, dry: Mapping[str, Any], done: Mapping[str, Any]
) -> Iterator[str]:
    """Whether both saw as much.

    What was due before inline began is what it looked at; what was due after it had ended is what it left; in between
    it lies in between. A count with `more` in its summary is the least that there was.
    """
    seen = int(dry["looked_at"])
    before, after = int(done["looked_at"]), int(done["left"])
    if row.finished_at is not None and row.inline_started_at is not None and row.finished_at <= row.inline_started_at:
        low, high = before, before
    elif row.started_at is not None and row.inline_finished_at is not None and row.started_at >= row.inline_finished_at:
        low, high = after, after
    else:
        low, high = min(before, after), max(before, after)
    tolerance = responsibility.tolerance
    too_few = seen < low - tolerance.of(low) and not dry.get("more")
    too_many = seen > high + tolerance.of(high) and not done.get("more")
    if too_few or too_many:
        expected = f"{low}" if low == high else f"{low} to {high}"
        yield f"{responsibility.id}: counted {seen}, where inline saw {expected}"
