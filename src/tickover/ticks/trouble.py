"""What kept work from being done, and what came of it? Pure: findings from the rows of the ledger and the queue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from tickover.ledger.facts import Refusal
from tickover.ledger.states import DONE, ENDED, Path, State
from tickover.ticks.findings import Finding, refused

LOOKED_BACK = timedelta(hours=2)
"""How old an outcome may be that still says how things are."""

TICKS = 60
"""How many of a route's newest ticks are looked at."""

DEAD_WITHIN = timedelta(hours=1)
"""How long a job that died is news."""

MOST_DEAD = 100
"""Dead letters are counted up to here."""

_SHOWN = 300  # characters of an error
_CAUSES = {
    State.OWED: "it was recorded and never handed over; the process ended in between, or its function was busy",
    State.ACCEPTED: (
        "the engine accepted its event and never started it, and no call of it was refused here: check that it knows "
        "this application at the URL it is served at, reaches it, and that INNGEST_SIGNING_KEY is its own"
    ),
    State.RUNNING: "the process that carried it out died, or hung beyond its lease",
    State.RETRYING: "an attempt failed, and the engine made no other in time",
    State.INTERRUPTED: "the process that carried it out was told to stop, and nobody took the work up again in time",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """An obligation of late, and what came of it.

    Args:
        function: whose.
        dispatch_key: the tick's.
        state: where it stands.
        path: who carried it out last; None where nobody has.
        attempt: how often it was taken up.
        error: what failed, or None.
        failed_durably: the engine's last attempt failed.
        fate: what it says of the engine: `ran`, `missed` or `waiting`; None where the engine was not given it.
        at: when it ended, or else was made.
    """

    function: str
    dispatch_key: str
    state: State
    path: str | None
    attempt: int
    error: str | None
    failed_durably: bool
    fate: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class OpenCircuit:
    """That a route's circuit was announced to be open."""

    since: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class StaleLook:
    """That a responsibility which watches the queue found it stale. `oldest` is as in its summary."""

    responsibility: str
    due: int
    oldest: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Jobs of one kind that died of late; `error` is that of the newest."""

    kind: str
    count: int
    newest_id: int
    last_at: datetime
    error: str | None


def cause(state: State, refusals: Sequence[Refusal]) -> str:
    """What keeps an obligation in this state from ending, and what to check.

    Args:
        state: where it stands.
        refusals: calls of the engine that are being refused; they say why what was accepted does not start.
    """
    calls = [finding for finding in refused(refusals) if finding.code == "calls-refused"]
    if State(state) in {State.ACCEPTED, State.RETRYING} and calls:
        return f"the engine accepted its event, and its calls are refused here ({calls[0].text}): {calls[0].remedy}"
    return _CAUSES[State(state)]


def failed(outcomes: Sequence[Outcome]) -> list[Finding]:
    """Functions whose newest obligation that has ended failed after its last attempt.

    Args:
        outcomes: of one function or several, the newest of each first.
    """
    findings = []
    for function, rows in _by_function(outcomes).items():
        ended = [row for row in rows if row.state in ENDED]
        bad = list(takewhile(lambda row: row.state not in DONE, ended))
        if not bad:
            continue
        newest = bad[0]
        findings.append(
            Finding(
                "function-failed",
                function,
                f"{_ticks(len(bad))} failed after the last attempt: {_short(newest.error or 'no error was recorded')}",
                f"mend what the error says, then let cron deliver {newest.dispatch_key} again, or wait for the next "
                f"tick; `tickover diagnose {newest.dispatch_key}` shows each step",
                {
                    "dispatchKey": newest.dispatch_key,
                    "path": newest.path,
                    "attempts": newest.attempt,
                    "inARow": len(bad),
                    "since": bad[-1].at.isoformat(),
                },
            )
        )
    return findings


def never_started(outcomes: Sequence[Outcome], refusals: Sequence[Refusal]) -> list[Finding]:
    """Functions whose newest work that the engine accepted, and whose fate is known, was not carried out by it.

    Args:
        outcomes: of one function or several, the newest of each first.
        refusals: calls of the engine that are being refused.
    """
    findings = []
    why = cause(State.ACCEPTED, refusals)
    for function, rows in _by_function(outcomes).items():
        known = [row for row in rows if row.fate in {"ran", "missed"}]
        missed = list(takewhile(lambda row: row.fate == "missed", known))
        if missed:
            text = f"the engine accepted the work of {_ticks(len(missed))} and did not carry it out in time"
            evidence = {
                "cause": "engine-calls-refused" if any(r.endpoint == "engine" for r in refusals) else "engine-silent",
                "missed": len(missed),
                "recovered": sum(row.state in DONE for row in missed),
                "dispatchKey": missed[0].dispatch_key,
            }
            findings.append(Finding("never-started", function, text, why, evidence))
    return findings


def circuit_open(route: str, circuit: OpenCircuit | None) -> list[Finding]:
    """That a route's ticks are carried out inline, since handing them over came to nothing."""
    if circuit is None:
        return []
    return [
        Finding(
            "circuit-open",
            route,
            f"ticks are not handed to the engine any more: {circuit.reason or 'attempts came to nothing'}",
            "see why with `tickover diagnose`; nothing has to be reset: a tick probes now and then, and closes it when "
            "the engine has carried its work out",
            {"since": circuit.since.isoformat()},
        )
    ]


def stale(looks: Sequence[StaleLook]) -> list[Finding]:
    """That the oldest due job has waited for longer than it may."""
    return [
        Finding(
            "queue-stale",
            look.responsibility,
            f"{look.due} jobs are due, and the oldest, job {look.oldest['id']} of kind {look.oldest['kind']}, had "
            f"waited for {timedelta(seconds=round(look.oldest['age_s']))}",
            f"see whether a handler hangs or fails with `tickover jobs show {look.oldest['id']}`; where all are well, "
            "drain more often, or raise the budget",
            {"due": look.due, "oldest": dict(look.oldest), "at": look.at.isoformat()},
        )
        for look in looks
    ]


def dead_letters(dead: Sequence[DeadLetters]) -> list[Finding]:
    """Jobs that used up all their attempts within the last hour."""
    return [
        Finding(
            "dead-letters",
            row.kind,
            f"{row.count}{'+' if row.count >= MOST_DEAD else ''} jobs became dead letters within an hour: "
            f"{_short(row.error or 'no error was recorded')}",
            f"mend the cause, then `tickover jobs requeue --kind {row.kind}`; `tickover jobs show {row.newest_id}` "
            "shows the newest",
            {"count": row.count, "newestId": row.newest_id, "lastAt": row.last_at.isoformat()},
        )
        for row in dead
    ]


def wrong_environment(environment: str, contradictions: Sequence[Mapping[str, str]]) -> list[Finding]:
    """What speaks against acting where a process stands.

    Args:
        environment: what it is, in words.
        contradictions: JSON objects with `code`, `severity`, `text` and `remedy`.
    """
    return [
        Finding("wrong-environment", environment, found["text"], found["remedy"], {"cause": found["code"]})
        for found in contradictions
        if found["severity"] == "error"
    ]


def recovered(outcomes: Sequence[Outcome]) -> int:
    """How many obligations were late, and done by a recovery."""
    return sum(row.path == Path.RECOVERY and row.state in DONE for row in outcomes)


def fell_back(outcomes: Sequence[Outcome]) -> int:
    """How many obligations were done at once, since the engine did not take them."""
    return sum(row.path == Path.FALLBACK and row.state in DONE for row in outcomes)


def _by_function(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    rows: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        rows.setdefault(outcome.function, []).append(outcome)
    return rows


def _ticks(count: int) -> str:
    return "a tick" if count == 1 else f"{count} ticks in a row"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
