"""Which deliveries make up which message, and which have to wait. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from tickover.notices.notice import Delivery
from tickover.notices.states import Kind, Severity
from tickover.notices.timing import Timing

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done about the deliveries that are due to one destination.

    Args:
        messages: the deliveries of each message that is sent now, the most urgent first.
        held: deliveries that wait.
        until: when each of those is due again.
    """

    messages: Sequence[Sequence[Delivery]]
    held: Sequence[Delivery]
    until: Sequence[datetime]


def plan(due: Sequence[Delivery], sent: Sequence[datetime], timing: Timing, now: datetime) -> Plan:
    """Quiet hours hold back what does not break through; the limit makes one message of all that is too much.

    Deliveries of one kind and code are one message. The last message of an hour is kept for what is urgent.

    Args:
        due: to one destination.
        sent: when each message of the last hour was sent there.
        timing: the limit and the quiet hours.
        now: the time.
    """
    quiet_ends = timing.quiet.ends(now) if timing.quiet else None
    held = [delivery for delivery in due if quiet_ends is not None and not delivery.breaks]
    until = [quiet_ends or now] * len(held)
    groups = _groups([delivery for delivery in due if quiet_ends is None or delivery.breaks])
    recent = sorted(at for at in sent if now - at < _HOUR)
    left = max(0, timing.hourly - len(recent))
    urgent = [group for group in groups if _is_urgent(group)]
    others = [group for group in groups if not _is_urgent(group)]
    messages = _fit(urgent, left)
    kept_back = 1 if timing.hourly > 1 and not messages else 0
    more = _fit(others, max(0, left - len(messages) - kept_back))
    waiting = [] if messages or not urgent else urgent
    waiting += [] if more else others
    late = [delivery for group in waiting for delivery in group]
    free_at = (recent[0] if recent else now) + _HOUR
    return Plan([*messages, *more], [*held, *late], [*until, *([free_at] * len(late))])


def _groups(deliveries: Sequence[Delivery]) -> list[list[Delivery]]:
    """By kind and code; what opened before what closed, the oldest first."""

    def topic(delivery: Delivery) -> tuple[bool, str]:
        return delivery.kind is Kind.CLOSED, delivery.code

    ordered = sorted(deliveries, key=lambda d: (*topic(d), d.id))
    return sorted(
        (list(group) for _, group in groupby(ordered, key=topic)),
        key=lambda group: (group[0].kind is Kind.CLOSED, group[0].id),
    )


def _is_urgent(group: Sequence[Delivery]) -> bool:
    return any(delivery.severity is Severity.PAGE and delivery.kind is Kind.OPENED for delivery in group)


def _fit(groups: Sequence[Sequence[Delivery]], most: int) -> list[Sequence[Delivery]]:
    """As many messages as may be; the last one holds all that is left."""
    if not groups or most == 0:
        return []
    first, rest = list(groups[: most - 1]), groups[most - 1 :]
    if len(rest) <= 1:
        return [*first, *rest]
    return [*first, [delivery for group in rest for delivery in group]]
