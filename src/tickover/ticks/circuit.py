"""Is it worth handing a tick over? Pure: a route's circuit, derived from the ledger's newest rows.

Kept in no process, so that all replicas, serverless ones too, see the same. A dead engine then costs a send's timeout
only when a tick probes (field note F8), and an engine that accepts and never runs costs nothing but that (F2, F5).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from tickover.ledger.facts import Attempt, CircuitRows, Refusal
from tickover.ticks.findings import refused


class CircuitState(StrEnum):
    """Whether ticks are handed over."""

    CLOSED = "closed"
    OPEN = "open"


MOVES: Mapping[CircuitState, frozenset[CircuitState]] = {
    # so many attempts in a row came to nothing
    CircuitState.CLOSED: frozenset({CircuitState.OPEN}),
    # the engine ran what a probing tick had handed over
    CircuitState.OPEN: frozenset({CircuitState.CLOSED}),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """When a circuit opens, and for how long nothing is tried then.

    Args:
        after: attempts in a row that came to nothing.
        rest: without a send, after the last of them, and after each probe.
    """

    after: int
    rest: timedelta


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is to be thought of a route's way to the engine.

    Args:
        state: `open` where ticks are better not handed over.
        reason: why.
        since: when it opened; None while closed.
        may_probe: it has rested long enough for one tick to try.
        evidence: the attempts it follows from, newest first, as JSON.
    """

    state: CircuitState
    reason: str
    since: datetime | None = None
    may_probe: bool = False
    evidence: Sequence[Mapping[str, Any]] = ()


def judge(rows: CircuitRows, limits: Limits) -> Circuit:
    """What follows from the newest attempts: open after so many in a row that came to nothing.

    Attempts whose fate is not known yet count neither way, so a probe closes the circuit when it was carried out, not
    when it was accepted (field note F5).
    """
    bad = _bad_in_a_row(rows.attempts)
    evidence = [_evidence(attempt) for attempt in bad]
    if len(bad) < limits.after:
        what = (
            "the newest known attempt was carried out" if rows.attempts and not bad else "too little speaks against it"
        )
        return Circuit(CircuitState.CLOSED, what, evidence=evidence)
    last = max(_settled(attempt) for attempt in bad)
    rested_since = max(last, rows.probed_at) if rows.probed_at else last
    return Circuit(
        CircuitState.OPEN,
        _why(bad[: limits.after], rows.refusals),
        rows.announced_at if rows.announced == CircuitState.OPEN else rows.now,
        rows.now >= rested_since + limits.rest,
        evidence,
    )


def changes(rows: CircuitRows, circuit: Circuit) -> bool:
    """Whether this state is another than the one that was last announced, and so is to be announced."""
    return circuit.state in MOVES[CircuitState(rows.announced or CircuitState.CLOSED)]


def _bad_in_a_row(attempts: Sequence[Attempt]) -> list[Attempt]:
    bad = []
    for attempt in attempts:
        if attempt.send_error is None and not attempt.missed:
            break
        bad.append(attempt)
    return bad


def _settled(attempt: Attempt) -> datetime:
    return attempt.settled_at or attempt.requested_at


def _why(bad: Sequence[Attempt], refusals: Sequence[Refusal]) -> str:
    failed = [attempt.send_error for attempt in bad if attempt.send_error is not None]
    missed = len(bad) - len(failed)
    parts = []
    if failed:
        parts.append(f"{len(failed)} sends failed in a row ({', '.join(dict.fromkeys(failed))})")
    if missed:
        parts.append(f"{missed} ticks in a row were accepted by the engine and not carried out in time")
    remedies = [finding.remedy for finding in refused(refusals) if finding.code == "calls-refused"]
    return "; ".join([" and ".join(parts), *remedies])


def _evidence(attempt: Attempt) -> dict[str, Any]:
    return {
        "dispatchKey": attempt.dispatch_key,
        "requestedAt": attempt.requested_at.isoformat(),
        "sendError": attempt.send_error,
        "missed": attempt.missed,
    }
