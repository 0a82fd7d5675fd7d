"""Is the evidence good enough to go on? Pure: facts in, verdicts out.

Three verdicts: pass, fail, inconclusive. What is inconclusive never moves a function.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from tickover.moments import told
from tickover.rollout.facts import Facts, Fate, HandedOver
from tickover.rollout.figures import (
    NAMED,
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


class Verdict(StrEnum):
    """What the evidence says."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Gate:
    """One thing that is asked before a function goes on.

    Args:
        name: what it is about.
        verdict: what the evidence says.
        seen: the figures.
        limit: what is asked.
        missing: what is still missing, or why it fails; None where it passes.
    """

    name: str
    verdict: Verdict
    seen: str
    limit: str
    missing: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The gate as a JSON object."""
        return asdict(self)


def judge(stage: Stage, facts: Facts, terms: Terms) -> list[Gate]:
    """The gates of a stage, each with its verdict.

    Args:
        stage: where the function stands.
        facts: what is known since it stands there.
        terms: what is asked of it.
    """
    gates = [gate(facts, terms) for gate in _GATES[stage]]
    found = [gate for gate in gates if gate is not None]
    if facts.unreadable is None:
        return found
    text = f"the ledger could not be read: {facts.unreadable}"
    return [Gate(gate.name, Verdict.INCONCLUSIVE, "-", gate.limit, text) for gate in found]


def overall(gates: Sequence[Gate]) -> Verdict:
    """What all gates say together: fail before inconclusive, inconclusive before pass; pass where nothing is asked."""
    verdicts = {gate.verdict for gate in gates}
    return next((v for v in (Verdict.FAIL, Verdict.INCONCLUSIVE) if v in verdicts), Verdict.PASS)


def _at_least(name: str, seen: int, asked: int, what: str) -> Gate:
    if seen >= asked:
        return Gate(name, Verdict.PASS, f"{seen} {what}", f"at least {asked}")
    return Gate(name, Verdict.INCONCLUSIVE, f"{seen} {what}", f"at least {asked}", f"{asked - seen} more")


def _at_most(name: str, bad: Sequence[HandedOver], of: int, most: int, what: str) -> Gate:
    """No more than so many bad ones: fails at once, passes only where anything is known."""
    seen, limit = f"{len(bad)} of {of} {what}", f"at most {most}"
    if len(bad) > most:
        return Gate(name, Verdict.FAIL, seen, limit, _keys([run.dispatch_key for run in bad]))
    if not of:
        return Gate(name, Verdict.INCONCLUSIVE, seen, limit, "no run is known yet")
    return Gate(name, Verdict.PASS, seen, limit)


def _keys(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    return ", ".join(sorted(keys)[:NAMED]) + more


def _time(facts: Facts, terms: Terms) -> Gate:
    stood, asked = facts.now - facts.since, terms.limits.time
    seen, limit = f"{_minutes(stood)} at this stage", f"at least {_minutes(asked)}"
    if stood >= asked:
        return Gate("time", Verdict.PASS, seen, limit)
    return Gate("time", Verdict.INCONCLUSIVE, seen, limit, f"{_minutes(asked - stood)} more")


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:.1f} min"


def _ticks(facts: Facts, terms: Terms) -> Gate:
    return _at_least("ticks", len(facts.ticks), terms.limits.ticks, "ticks")


def _runs(facts: Facts, terms: Terms) -> Gate:
    return _at_least("runs", len(known(facts)), terms.limits.runs, "runs known")


def _comparisons(facts: Facts, terms: Terms) -> Gate:
    return _at_least("runs", len(compared(facts)), terms.limits.runs, "shadow runs compared")


def missed_starts(facts: Facts, terms: Terms) -> Gate:
    """How many accepted events came to nothing."""
    runs = known(facts)
    bad = [run for run in runs if run.fate == Fate.MISSED]
    return _at_most("missed-starts", bad, len(runs), terms.limits.missed, "accepted and not started")


def done_twice(facts: Facts, terms: Terms) -> Gate:
    """How many ticks had two executors at once."""
    bad = [run for run in facts.handed_over if run.twice]
    return _at_most("done-twice", bad, len(known(facts)), terms.limits.twice, "with two executors at them")


def failures(facts: Facts, terms: Terms) -> Gate:
    """The share of runs that failed for good."""
    runs, asked = ended(facts.handed_over), terms.limits.failure_rate
    limit = f"below {asked:.2%}"
    if not runs:
        return Gate("failure-rate", Verdict.INCONCLUSIVE, "no run has ended", limit, "no run has ended yet")
    rate, failed = failure_rate(runs), [run.dispatch_key for run in runs if run.failed]
    seen = f"{rate:.2%}: {len(failed)} of {len(runs)} failed"
    # Without a failure there is none too many, whatever the limit.
    if failed and rate >= asked:
        return Gate("failure-rate", Verdict.FAIL, seen, limit, _keys(failed))
    return Gate("failure-rate", Verdict.PASS, seen, limit)


def _percentile_gate(name: str, values: Sequence[float], most: timedelta) -> Gate:
    limit = f"at most {most.total_seconds():g} s"
    if not values:
        return Gate(name, Verdict.INCONCLUSIVE, "no run is known", limit, "no run is known yet")
    seen = percentile_95(values)
    text = f"p95 {seen:.2f} s of {len(values)}"
    if seen > most.total_seconds():
        return Gate(name, Verdict.FAIL, text, limit, f"the slowest took {max(values):.2f} s")
    return Gate(name, Verdict.PASS, text, limit)


def start_time(facts: Facts, terms: Terms) -> Gate:
    """The time from acceptance to start."""
    return _percentile_gate("start-p95", start_delays(facts.handed_over), terms.start_p95)


def duration(facts: Facts, terms: Terms) -> Gate:
    """The time from start to end."""
    return _percentile_gate("duration-p95", durations(facts.handed_over), terms.duration_p95)


def queue(facts: Facts, terms: Terms) -> Gate | None:  # noqa: ARG001 - as all gates are called
    """The alarm of the queue that the function drains; nothing is asked of one that drains none."""
    if facts.queue is None:
        return None
    limit = "an alarm that is off"
    if not facts.queue:
        return Gate("queue", Verdict.INCONCLUSIVE, "nobody looked", limit, "queue health has not looked at it yet")
    newest = max(facts.queue, key=lambda look: look.at)
    if newest.stale:
        return Gate("queue", Verdict.FAIL, "the oldest due job has waited too long", limit, f"seen {told(newest.at)}")
    return Gate("queue", Verdict.PASS, "the oldest due job is below its alarm", limit)


def parity(facts: Facts, terms: Terms) -> Gate:
    """The share of shadows that agree with what inline did."""
    shadowed, asked = compared(facts), terms.limits.parity
    limit = f"at least {asked:.0%}"
    if not shadowed:
        return Gate("parity", Verdict.INCONCLUSIVE, "no shadow was compared", limit, "no shadow was compared yet")
    bad = disagreeing(shadowed)
    share = 1 - len(bad) / len(shadowed)
    seen = f"{share:.1%} agree: {len(bad)} of {len(shadowed)} shadows differ"
    if share < asked:
        return Gate("parity", Verdict.FAIL, seen, limit, differences(bad))
    return Gate("parity", Verdict.PASS, seen, limit)


Judge = Callable[[Facts, Terms], Gate | None]
"""One gate; None where it is not asked of the function."""

_OF_RUNS: tuple[Judge, ...] = (_time, _ticks, _runs, missed_starts, done_twice, failures, start_time, duration, queue)
_GATES: Mapping[Stage, tuple[Judge, ...]] = {
    Stage.INLINE: (),
    Stage.SHADOW: (_time, _ticks, _comparisons, parity),
    Stage.CANARY: _OF_RUNS,
    Stage.DURABLE: _OF_RUNS,
}
