"""Is the evidence bad enough to go back? Pure.

Evidence is bad where it is bad in the two newest windows that hold any of its kind: one bad quarter of an hour moves
nothing, and neither does one without evidence.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tickover.rollout.facts import Facts, Fate, HandedOver, QueueLook, Shadowed
from tickover.rollout.figures import Terms, compared, durations, ended, known, start_delays
from tickover.rollout.gates import (
    Gate,
    Judge,
    Verdict,
    done_twice,
    duration,
    failures,
    missed_starts,
    parity,
    queue,
    start_time,
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
        if len(windows) == _TWO and all(window.gate.verdict is Verdict.FAIL for window in windows):
            older, newer = windows
            text = f"{newer.seen}; in the window before: {older.seen}"
            figures = [{"since": window.since.isoformat(), "seen": window.seen} for window in windows]
            return Breach(newer.gate.name, text, {"windows": figures})
    return None


@dataclass(frozen=True, slots=True)
class _Window:
    """What the gate says of the evidence of one window alone."""

    since: datetime
    gate: Gate

    @property
    def seen(self) -> str:
        """The figures, and which they are about."""
        return f"{self.gate.seen} ({self.gate.missing})" if self.gate.missing else self.gate.seen


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of bad evidence: the gate that judges it, and what it is judged by.

    `pieces` are the rows, each with the moment that puts it into a window; `only` are the facts with these rows alone.
    """

    judge: Judge
    pieces: Callable[[Facts, Terms], Sequence[tuple[datetime, Any]]]
    only: Callable[[Facts, Sequence[Any]], Facts]


def _newest_two(facts: Facts, terms: Terms, kind: _Kind) -> list[_Window]:
    """The two newest windows that hold evidence of a kind, the older first."""
    windows: dict[int, list[Any]] = {}
    for at, piece in kind.pieces(facts, terms):
        windows.setdefault((at - facts.since) // terms.limits.window, []).append(piece)
    # One failure too many keeps a function where it is; it takes more to send it back.
    harder = replace(terms, limits=replace(terms.limits, failure_rate=terms.limits.demotion_rate))
    found = []
    for number in sorted(windows)[-_TWO:]:
        gate = kind.judge(kind.only(facts, windows[number]), harder)
        if gate is not None:
            found.append(_Window(facts.since + number * terms.limits.window, gate))
    return found


def _runs(facts: Facts, rows: Sequence[HandedOver]) -> Facts:
    return replace(facts, handed_over=rows)


def _shadows(facts: Facts, rows: Sequence[Shadowed]) -> Facts:
    return replace(facts, shadowed=rows)


def _looks(facts: Facts, rows: Sequence[QueueLook]) -> Facts:
    return replace(facts, queue=rows)


def _when_known(runs: Sequence[HandedOver], terms: Terms) -> list[tuple[datetime, HandedOver]]:
    """Runs with the moment at which their fate became known.

    By that, and not by their acceptance: bad news takes longer than good, and would always come too late for a window.
    """
    return [(_known_at(run, terms), run) for run in runs]


def _known_at(run: HandedOver, terms: Terms) -> datetime:
    if run.fate == Fate.MISSED:
        return run.started_at or run.finished_at or run.accepted_at + terms.start_by
    return run.finished_at or run.started_at or run.accepted_at


def _started(facts: Facts, _: Terms) -> list[tuple[datetime, HandedOver]]:
    return [(run.started_at, run) for run in facts.handed_over if run.started_at is not None and start_delays([run])]


def _with_both_times(facts: Facts, terms: Terms) -> list[tuple[datetime, HandedOver]]:
    return _when_known([run for run in facts.handed_over if durations([run])], terms)


_KINDS: tuple[_Kind, ...] = (
    _Kind(missed_starts, lambda facts, terms: _when_known(known(facts), terms), _runs),
    _Kind(done_twice, lambda facts, terms: _when_known(known(facts), terms), _runs),
    _Kind(failures, lambda facts, terms: _when_known(ended(facts.handed_over), terms), _runs),
    _Kind(start_time, _started, _runs),
    _Kind(duration, _with_both_times, _runs),
    _Kind(queue, lambda facts, _: [(look.at, look) for look in facts.queue or ()], _looks),
)
_PARITY = (_Kind(parity, lambda facts, _: [(one.known_at, one) for one in compared(facts)], _shadows),)
_BREACHES: Mapping[Stage, tuple[_Kind, ...]] = {
    Stage.INLINE: (),
    Stage.SHADOW: _PARITY,
    Stage.CANARY: _KINDS,
    Stage.DURABLE: _KINDS,
}
