"""Findings, notices and deliveries as tests need them."""

from datetime import UTC, datetime, timedelta

from tickover.notices.notice import Concern, Delivery, Notice
from tickover.notices.rules import Change, concerns
from tickover.notices.states import DeliveryState, Kind, NoticeState, Severity
from tickover.notices.timing import Timing
from tickover.ticks.findings import Finding

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TIMING = Timing(confirm=MINUTE, away=10 * MINUTE, hourly=10)


def finding(code: str = "did-nothing", subject: str = "queue-drain", cause: str | None = None) -> Finding:
    """A finding."""
    return Finding(code, subject, f"{subject} is wrong", "do this", {} if cause is None else {"cause": cause})


def concern(code: str = "did-nothing", subject: str = "queue-drain") -> Concern:
    """What one finding of the route `r` says."""
    return concerns([finding(code, subject)], "r")[0]


def stored(change: Change, number: int = 1) -> Notice:
    """The row that a change leaves, as the statements of `sql/notices` write it."""
    before, now = change.before, change.at
    known = change.concern or before
    assert known is not None
    ends = change.state in {NoticeState.CLOSED, NoticeState.DISMISSED}
    opened = before.opened_at if before else None
    away = None if change.concern else (before.away_since if before else None) or now
    return Notice(
        id=before.id if before else number,
        version=before.version + 1 if before else 0,
        key=known.key,
        scope=known.scope,
        code=known.code,
        severity=known.severity,
        state=change.state,
        subjects=known.subjects,
        text=known.text,
        remedy=known.remedy,
        affects=known.affects,
        done=known.done,
        evidence=known.evidence,
        is_new=change.is_new,
        first_seen_at=before.first_seen_at if before else now,
        seen_at=now if change.concern or before is None else before.seen_at,
        opened_at=opened or (now if change.state is NoticeState.OPEN else None),
        away_since=away,
        closed_at=now if ends else None,
        seen_count=(before.seen_count if before else 0) + (change.concern is not None),
        flaps=change.flaps,
    )


def delivery(
    number: int,
    code: str = "did-nothing",
    severity: Severity = Severity.WARN,
    kind: Kind = Kind.OPENED,
    *,
    breaks: bool = True,
) -> Delivery:
    """A delivery that is due."""
    return Delivery(number, number, kind, "json#1", breaks, DeliveryState.DUE, 0, NOW, code, severity)
