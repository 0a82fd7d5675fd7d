"""Is the evidence bad enough to go back? Pure.

Evidence is bad where it is bad in the two newest windows that hold any of its kind: one bad quarter of an hour moves
nothing, and neither does one without evidence.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tickover.rollout.facts import Facts, Fate, HandedOver, QueueLook, Shadowed
from tickover.rollout.figures import (
    Terms,
    compared,
    differences,
    disagreeing,
    durations,
    ended,
    failure_rate,
    known,
    percentile_95,
    start_delays,
)
from tickover.rollout.stages import Stage

_TWO = 2  # windows


@dataclass(frozen=True, slots=True)
class Breach:
    """Bad evidence on which a function goes back.

    Args:
        gate: which gate it is about.
        text: what was seen, in both windows.
        evidence: the figures, JSON values only.
    """

    gate: str
    text: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


def breach(stage: Stage, facts: Facts, terms: Terms) -> Breach | None:
    """The bad evidence on which a function goes back, where there is any: the first kind of it.

    Evidence is bad where it is bad in the two newest windows that hold any of its kind. Windows are counted from when
    the function came to stand where it stands, and the one that is not over yet counts as well.

    Args:
        stage: where the function stands.
        facts: what is known since it stands there.
        terms: what is asked of it.
    """
    if facts.unreadable is not None:
        return None
    for kind in _BREACHES[stage]:
        windows = _newest_two(facts, terms, kind)
        if len(windows) == _TWO and all(window.is_bad for window in windows):
            older, newer = windows
            text = f"{newer.seen}; in the window before: {older.seen}"
            figures = [{"since": window.since.isoformat(), "seen": window.seen} for window in windows]
            return Breach(kind.name, text, {"windows": figures})
    return None


@dataclass(frozen=True, slots=True)
class _Window:
    since: datetime
    seen: str
    is_bad: bool


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of bad evidence.

    `pieces` are what it is judged by, each with the moment that puts it into a window; `judge` says of those of one
    window what was seen, and whether it is bad.
    """

    name: str
    pieces: Callable[[Facts, Terms], Sequence[tuple[datetime, Any]]]
    judge: Callable[[Sequence[Any], Terms], tuple[str, bool]]


def _newest_two(facts: Facts, terms: Terms, kind: _Kind) -> list[_Window]:
    """The two newest windows that hold evidence of a kind, the older first."""
    windows: dict[int, list[Any]] = {}
    for at, piece in kind.pieces(facts, terms):
        windows.setdefault((at - facts.since) // terms.limits.window, []).append(piece)
    return [
        _Window(facts.since + number * terms.limits.window, *kind.judge(windows[number], terms))
        for number in sorted(windows)[-_TWO:]
    ]


def _when_known(runs: Sequence[HandedOver], terms: Terms) -> list[tuple[datetime, HandedOver]]:
    """Runs with the moment at which their fate became known.

    By that, and not by their acceptance: bad news takes longer than good, and would always come too late for a window.
    """
    return [(_known_at(run, terms), run) for run in runs]


def _known_at(run: HandedOver, terms: Terms) -> datetime:
    if run.fate == Fate.MISSED:
        return run.started_at or run.finished_at or run.accepted_at + terms.start_by
    return run.finished_at or run.started_at or run.accepted_at


def _missed_in(runs: Sequence[HandedOver], terms: Terms) -> tuple[str, bool]:
    bad = sum(run.fate == Fate.MISSED for run in runs)
    return f"{bad} of {len(runs)} accepted and not started", bad > terms.limits.missed


def _twice_in(runs: Sequence[HandedOver], terms: Terms) -> tuple[str, bool]:
    bad = sum(run.twice for run in runs)
    return f"{bad} of {len(runs)} with two executors at them", bad > terms.limits.twice


def _failed_in(runs: Sequence[HandedOver], terms: Terms) -> tuple[str, bool]:
    rate = failure_rate(runs)
    return f"{rate:.1%} of {len(runs)} runs failed", rate >= terms.limits.demotion_rate


def _slow_start_in(runs: Sequence[HandedOver], terms: Terms) -> tuple[str, bool]:
    seen, most = percentile_95(start_delays(runs)), terms.start_p95.total_seconds()
    return f"p95 from acceptance to start {seen:.1f} s, of at most {most:g} s", seen > most


def _slow_in(runs: Sequence[HandedOver], terms: Terms) -> tuple[str, bool]:
    seen, most = percentile_95(durations(runs)), terms.duration_p95.total_seconds()
    return f"p95 of duration {seen:.1f} s, of at most {most:g} s", seen > most


def _stale_in(looks: Sequence[QueueLook], terms: Terms) -> tuple[str, bool]:  # noqa: ARG001 - as all are called
    is_stale = max(looks, key=lambda look: look.at).stale
    return "the oldest due job waited too long" if is_stale else "the queue was below its alarm", is_stale


def _differ_in(shadowed: Sequence[Shadowed], terms: Terms) -> tuple[str, bool]:
    bad = disagreeing(shadowed)
    text = f"{len(bad)} of {len(shadowed)} shadows differ"
    is_bad = 1 - len(bad) / len(shadowed) < terms.limits.parity
    return f"{text} ({differences(bad)})" if bad else text, is_bad


def _started(facts: Facts, _: Terms) -> list[tuple[datetime, HandedOver]]:
    return [(run.started_at, run) for run in facts.handed_over if run.started_at is not None and start_delays([run])]


def _with_both_times(facts: Facts, terms: Terms) -> list[tuple[datetime, HandedOver]]:
    return _when_known([run for run in facts.handed_over if durations([run])], terms)


_KINDS: tuple[_Kind, ...] = (
    _Kind("missed-starts", lambda facts, terms: _when_known(known(facts), terms), _missed_in),
    _Kind("done-twice", lambda facts, terms: _when_known(known(facts), terms), _twice_in),
    _Kind("failure-rate", lambda facts, terms: _when_known(ended(facts.handed_over), terms), _failed_in),
    _Kind("start-p95", _started, _slow_start_in),
    _Kind("duration-p95", _with_both_times, _slow_in),
    _Kind("queue", lambda facts, _: [(look.at, look) for look in facts.queue or ()], _stale_in),
)
_PARITY = (_Kind("parity", lambda facts, _: [(one.known_at, one) for one in compared(facts)], _differ_in),)
_BREACHES: Mapping[Stage, tuple[_Kind, ...]] = {
    Stage.INLINE: (),
    Stage.SHADOW: _PARITY,
    Stage.CANARY: _KINDS,
    Stage.DURABLE: _KINDS,
}
