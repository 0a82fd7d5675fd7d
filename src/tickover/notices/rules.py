"""What becomes of notices at a look: begun, opened, updated, closed; and which of them somebody is told of. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from tickover.notices.notice import Concern, Notice
from tickover.notices.severities import weigh
from tickover.notices.states import LIVE, MOVES, Kind, NoticeState, Severity
from tickover.notices.timing import KNOWN_FOR, Timing
from tickover.ticks.findings import Finding

CRON, ENGINE, QUEUE = "cron", "engine", "queue"
"""Scopes that every look judges, whichever route it is about."""

_SHARED = {"cron-refused": CRON, "calls-refused": ENGINE, "dead-letters": QUEUE}


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one notice.

    Args:
        before: the notice as it stands; None where it begins.
        state: what it is from now on.
        concern: what is known of it now; None where it is not seen.
        tells: what somebody is told, or None.
        breaks: whether that is told in quiet hours too.
        is_new: the cause had not been known for a day.
        flaps: how often it came back.
        at: the time of the look.
    """

    before: Notice | None
    state: NoticeState
    concern: Concern | None
    at: datetime
    tells: Kind | None = None
    breaks: bool = False
    is_new: bool = True
    flaps: int = 0


def scopes(route: str) -> frozenset[str]:
    """What a look at a route judges."""
    return frozenset({f"route:{route}", CRON, ENGINE, QUEUE})


def concerns(findings: Iterable[Finding], route: str) -> list[Concern]:
    """Findings of one code and one cause are one concern; without a cause, those about one subject are.

    Args:
        findings: of a look at the route.
        route: which.
    """
    keyed = sorted((_key(finding, route), number, finding) for number, finding in enumerate(findings))
    return [_together(key, [finding for *_, finding in group]) for key, group in groupby(keyed, key=lambda row: row[0])]


def decide(
    seen: Sequence[Concern], notices: Sequence[Notice], judged: Collection[str], timing: Timing, now: datetime
) -> list[Change]:
    """What becomes of the notices.

    Args:
        seen: what is wrong now.
        notices: the live ones, and those that ended within a day.
        judged: the scopes that were looked at; of other ones nothing is known.
        timing: how patient notices are.
        now: the time.
    """
    live = {notice.key: notice for notice in notices if notice.state in LIVE}
    ended = [notice for notice in notices if notice.state not in LIVE]
    changes = [_seen(concern, live.get(concern.key), ended, timing, now) for concern in seen]
    keys = {concern.key for concern in seen}
    gone = [notice for notice in live.values() if notice.scope in judged and notice.key not in keys]
    return changes + [change for notice in gone if (change := _away(notice, timing, now)) is not None]


def require_move(before: NoticeState, after: NoticeState) -> None:
    """Go on with a move that is allowed.

    Raises:
        ValueError: it is not.
    """
    if after is not before and after not in MOVES[before]:
        raise ValueError(f"a notice that is {before} does not become {after}")


def _key(finding: Finding, route: str) -> str:
    cause = finding.evidence.get("cause")
    return f"{_SHARED.get(finding.code, f'route:{route}')}/{finding.code}/{cause or finding.subject}"


def _together(key: str, findings: Sequence[Finding]) -> Concern:
    first = findings[0]
    weight = weigh(first.code)
    subjects = sorted({finding.subject for finding in findings})
    texts = dict.fromkeys(
        finding.text if len(subjects) == 1 else f"{finding.subject}: {finding.text}" for finding in findings
    )
    return Concern(
        key=key,
        scope=key.partition("/")[0],
        code=first.code,
        severity=weight.severity,
        certain=weight.certain,
        subjects=subjects,
        text="; ".join(texts),
        remedy="; ".join(dict.fromkeys(finding.remedy for finding in findings)),
        evidence=dict(first.evidence) if len(findings) == 1 else {"findings": [dict(f.evidence) for f in findings]},
    )


def _seen(concern: Concern, notice: Notice | None, ended: Sequence[Notice], timing: Timing, now: datetime) -> Change:
    if notice is None:
        return _begun(concern, ended, timing, now)
    same = Change(notice, notice.state, concern, now, is_new=notice.is_new, flaps=notice.flaps)
    if notice.state is NoticeState.FADING:
        return replace(same, state=NoticeState.OPEN, flaps=notice.flaps + 1)
    if notice.state is NoticeState.SUSPECTED and now - notice.first_seen_at >= timing.confirm:
        return _opened(same, concern)
    return same


def _begun(concern: Concern, ended: Sequence[Notice], timing: Timing, now: datetime) -> Change:
    before = [
        notice
        for notice in ended
        if notice.key == concern.key and notice.state is NoticeState.CLOSED and _recently(notice, now)
    ]
    flaps = max((notice.flaps + 1 for notice in before), default=0)
    change = Change(None, NoticeState.SUSPECTED, concern, now, is_new=not before, flaps=flaps)
    return _opened(change, concern) if concern.certain or not timing.confirm else change


def _recently(notice: Notice, now: datetime) -> bool:
    return notice.closed_at is not None and now - notice.closed_at < KNOWN_FOR


def _opened(change: Change, concern: Concern) -> Change:
    breaks = change.is_new or concern.severity is Severity.PAGE
    return replace(change, state=NoticeState.OPEN, tells=Kind.OPENED, breaks=breaks)


def _away(notice: Notice, timing: Timing, now: datetime) -> Change | None:
    """What becomes of a notice that was looked for and is not seen; None where it only has to wait."""
    change = Change(notice, notice.state, None, now, is_new=notice.is_new, flaps=notice.flaps)
    match notice.state:
        case NoticeState.SUSPECTED:
            return replace(change, state=NoticeState.DISMISSED)
        case NoticeState.OPEN:
            return replace(change, state=NoticeState.FADING)
        case _ if notice.away_since is not None and now - notice.away_since >= timing.away_for(notice.flaps):
            return replace(change, state=NoticeState.CLOSED, tells=Kind.CLOSED)
        case _:
            return None
