"""What notices are made of: values only. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from tickover.notices.states import DeliveryState, Kind, NoticeState, Severity


@dataclass(frozen=True, slots=True)
class Concern:
    """What all findings of one code and one cause say together.

    Args:
        key: one of a kind among live notices.
        scope: what has to be looked at to know whether it still holds.
        code: the findings'.
        severity: whether somebody has to get up.
        certain: one look proves it.
        subjects: what it is about, sorted.
        text: what was seen.
        remedy: what to do.
        affects: what does not work as it should, in words.
        done: what Tickover has done about it, in words.
        evidence: what it stands on, JSON values only.
    """

    key: str
    scope: str
    code: str
    severity: Severity
    certain: bool
    subjects: Sequence[str]
    text: str
    remedy: str
    affects: Sequence[str] = ()
    done: Sequence[str] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """A row of `tickover.notice`.

    Args:
        id: its number; 0 where it is not kept.
        version: grows with every change.
        key: as of its concern, and so on.
        is_new: its cause had not been known for a day when it began.
        first_seen_at: when a look first found it.
        seen_at: when a look last found it.
        opened_at: when it was confirmed.
        away_since: since when no look finds it.
        closed_at: when it closed, or was dismissed.
        seen_count: looks that found it.
        flaps: how often it came back.
        due: deliveries that are still to be sent.
        last_error: how the newest delivery that could not be sent failed.
    """

    id: int
    version: int
    key: str
    scope: str
    code: str
    severity: Severity
    state: NoticeState
    subjects: Sequence[str]
    text: str
    remedy: str
    affects: Sequence[str]
    done: Sequence[str]
    evidence: Mapping[str, Any]
    is_new: bool
    first_seen_at: datetime
    seen_at: datetime
    opened_at: datetime | None
    away_since: datetime | None
    closed_at: datetime | None
    seen_count: int
    flaps: int
    due: int = 0
    last_error: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The notice as a JSON object, the same wherever it is shown."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of `tickover.notice_delivery`.

    Args:
        id: its number.
        notice_id: what is told.
        kind: what is told of it.
        destination: the name of where to.
        breaks: whether quiet hours do not keep it.
        state: where it stands.
        attempts: how often it was tried.
        created_at: when it became due first.
        code: the notice's.
        severity: the notice's.
    """

    id: int
    notice_id: int
    kind: Kind
    destination: str
    breaks: bool
    state: DeliveryState
    attempts: int
    created_at: datetime
    code: str
    severity: Severity
