"""What is wrong although every tick was answered? Pure: findings from the ledger's rows, each with its evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from statistics import median
from typing import Any

from tickover.ledger.facts import CronTick, FencedOff, RecentRun, Refusal

IDLE_RUNS = 5
"""Runs in a row that changed nothing while work was due, after which that is a finding."""

TICKS_LOOKED_AT = 12
"""Ticks of a route that its rhythm is judged by."""

_SILENT_INTERVALS = 2
_HASTE = 2  # times as many ticks as were declared
_ENOUGH_GAPS = 5  # before an interval is taken from what was seen ...
_SHORTEST_S = 5.0  # ... seconds: ticks that come faster are a test's, or somebody's by hand

REMEDIES: Mapping[tuple[str, str], str] = {
    ("engine", "signature"): (
        "the engine calls this application and is answered 401: check that INNGEST_SIGNING_KEY is that of the engine's "
        "environment, without blanks or newlines"
    ),
    ("engine", "unsigned"): (
        "calls without a signature are answered 401: whoever calls is not the engine, or is a dev server; that needs "
        "INNGEST_DEV here"
    ),
    ("engine", "server-kind"): (
        "a dev server calls an application that expects Inngest Cloud or a self-hosted server: set INNGEST_DEV "
        "here, or point the dev server elsewhere"
    ),
    ("engine", "unknown-function"): (
        "the engine asks for a function that is not served here: sync this deployment again, and check app_id"
    ),
    ("engine", "stale"): (
        "calls whose signature is more than five minutes from now are answered 401: set the clock of this host (NTP), "
        "or the engine's"
    ),
    ("engine", "no-signing-key"): "set INNGEST_SIGNING_KEY: without it every call of the engine is answered 503",
    ("cron", "cron-secret"): (
        "cron is answered 401: let it send the value of CRON_SECRET as 'Authorization: Bearer …' or 'x-cron-secret', "
        "or an ID token for CRON_OIDC_AUDIENCE of somebody whom CRON_OIDC_SUBJECT names"
    ),
    ("cron", "identity-unavailable"): (
        "cron is answered 503, since the keys of its ID tokens cannot be fetched: check CRON_OIDC_ISSUER, and that "
        "this host reaches it"
    ),
}
"""What to do about each cause of refused requests, by endpoint."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong.

    Args:
        code: `calls-refused`, `cron-refused`, `ran-twice`, `ran-too-often`, `ticks-missing`, `did-nothing` or
            `rolled-back`.
        subject: the endpoint, route, function or responsibility it is about.
        text: what was seen.
        remedy: what to do.
        evidence: the figures and keys it stands on, JSON values only.
    """

    code: str
    subject: str
    text: str
    remedy: str
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The finding as a JSON object, the same wherever it is shown."""
        return asdict(self)


def refused(refusals: Sequence[Refusal]) -> list[Finding]:
    """A finding for each cause for which requests are being refused."""
    return [
        Finding(
            "calls-refused" if refusal.endpoint == "engine" else "cron-refused",
            refusal.endpoint,
            f"{refusal.count} requests refused: {refusal.detail}",
            REMEDIES[refusal.endpoint, refusal.cause],
            {
                "cause": refusal.cause,
                "count": refusal.count,
                "firstAt": refusal.first_at.isoformat(),
                "lastAt": refusal.last_at.isoformat(),
            },
        )
        for refusal in refusals
    ]


def rhythm(
    route: str, every: timedelta | None, window: timedelta, ticks: Sequence[CronTick], now: datetime
) -> list[Finding]:
    """What is wrong with how often a route's ticks come.

    Args:
        route: whose.
        every: how often cron was declared to fire; None takes the usual gap between its ticks, where there are enough.
        window: ticks that the clock names are one within this span.
        ticks: its newest, the newest first, those of a client or a continuation left out.
        now: the time until which another could have come.
    """
    found = [_two_names(route, window, newer, older) for newer, older in pairwise(ticks)]
    return [
        finding
        for finding in (*found, _too_often(route, every, ticks), _missing(route, interval_of(every, ticks), ticks, now))
        if finding is not None
    ]


def idle(runs: Sequence[RecentRun]) -> list[Finding]:
    """Responsibilities that ran again and again, and did nothing, while work was due.

    Args:
        runs: the newest of each, together and newest first; at most `IDLE_RUNS` count.
    """
    findings = []
    for responsibility, group in groupby(runs, key=lambda run: run.responsibility):
        newest = list(group)[:IDLE_RUNS]
        if len(newest) == IDLE_RUNS and all(run.left and not run.changed and run.error is None for run in newest):
            findings.append(
                Finding(
                    "did-nothing",
                    responsibility,
                    f"{IDLE_RUNS} runs in a row changed nothing while {newest[0].left} were due",
                    "look at what is due: is it kept by somebody else, or does it need longer than a run may take?",
                    {"left": [run.left for run in newest], "since": newest[-1].started_at.isoformat()},
                )
            )
    return findings


def ran_twice(rows: Sequence[FencedOff]) -> list[Finding]:
    """Obligations that two executors were at. One was fenced off, so no result counts twice."""
    return [
        Finding(
            "ran-twice",
            row.function,
            f"two executors were at {row.dispatch_key}; the one whose lease had expired was fenced off",
            "a lease outlives a process that hangs: look for blocked event loops, or raise TICKOVER_LEASE",
            {"dispatchKey": row.dispatch_key, "times": row.times, "attempt": row.attempt, "path": row.path},
        )
        for row in rows
    ]


def _two_names(route: str, window: timedelta, newer: CronTick, older: CronTick) -> Finding | None:
    if newer.identity_source == older.identity_source or newer.requested_at - older.requested_at > window / 2:
        return None
    return Finding(
        "ran-twice",
        route,
        "two ticks within half a window, known by different names: one firing that was done twice, by all appearances",
        "let one scheduler call this route, in one way: with an execution id, with the scheduled time, or with neither",
        {"dispatchKeys": [newer.dispatch_key, older.dispatch_key]},
    )


def _too_often(route: str, every: timedelta | None, ticks: Sequence[CronTick]) -> Finding | None:
    if every is None or len(ticks) < TICKS_LOOKED_AT:
        return None
    span = ticks[0].requested_at - ticks[-1].requested_at
    if span * _HASTE > every * (len(ticks) - 1):
        return None
    return Finding(
        "ran-too-often",
        route,
        f"{len(ticks)} ticks within {span.total_seconds():g} s; one every {every.total_seconds():g} s was declared",
        "look for a second scheduler, or for retries that are ticks of their own; or declare how often it really fires",
        {
            "ticks": len(ticks),
            "spanS": span.total_seconds(),
            "sources": sorted({tick.identity_source for tick in ticks}),
        },
    )


def _missing(route: str, interval: timedelta | None, ticks: Sequence[CronTick], now: datetime) -> Finding | None:
    """The newest silence of more than two intervals: one that lasts, or that the newest tick has ended."""
    if interval is None or not ticks:
        return None
    silences = [(ticks[0], now)] + [(older, newer.requested_at) for newer, older in pairwise(ticks[:2])]
    for last, until in silences:
        silent = until - last.requested_at
        if silent > interval * _SILENT_INTERVALS:
            return Finding(
                "ticks-missing",
                route,
                f"no tick came for {silent.total_seconds():.0f} s after {last.dispatch_key}, which was answered "
                f"{last.mode}; one is due every {interval.total_seconds():g} s",
                "look whether the scheduler still fires, and whether it calls this deployment",
                {"lastDispatchKey": last.dispatch_key, "silentS": silent.total_seconds(), "mode": last.mode},
            )
    return None


def interval_of(every: timedelta | None, ticks: Sequence[CronTick]) -> timedelta | None:
    """How often a tick of a route is due; None where that was not declared, and too few have come to tell.

    Args:
        every: as declared.
        ticks: its newest, the newest first.
    """
    if every is not None:
        return every
    gaps = [(newer.requested_at - older.requested_at).total_seconds() for newer, older in pairwise(ticks)]
    return timedelta(seconds=median(gaps)) if len(gaps) >= _ENOUGH_GAPS and median(gaps) >= _SHORTEST_S else None
