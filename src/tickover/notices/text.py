"""What a message says: what is wrong, since when, what it affects, what was done already, and what to do. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tickover.notices.notice import Notice
from tickover.notices.states import Kind, Severity

_IN_FULL = 3  # notices of one message; more are a line each
_LONGEST = 600  # characters of what is wrong


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent.

    Args:
        title: one line.
        body: plain text.
        is_good: it says only that something is over.
    """

    title: str
    body: str
    is_good: bool


def write(told: Sequence[tuple[Notice, Kind]], place: str, dashboard: str | None, now: datetime) -> Message:
    """One message about one notice, or about several.

    Args:
        told: what is told, the oldest first; of a notice that opened and closed meanwhile only the end.
        place: which application and environment, in words.
        dashboard: the address of the dashboard, or None.
        now: the time.
    """
    last = {notice.id: (notice, kind) for notice, kind in told}
    ordered = sorted(last.values(), key=lambda row: (row[1] is Kind.CLOSED, row[0].severity is not Severity.PAGE))
    full, brief = (ordered, []) if len(ordered) <= _IN_FULL else (ordered[:1], ordered[1:])
    parts = [_in_full(notice, kind, now) for notice, kind in full]
    if brief:
        parts.append("\n".join(["Also:", *(f"- {_line(notice, kind, now)}" for notice, kind in brief)]))
    if dashboard is not None:
        parts.append(f"See: {dashboard}")
    is_good = all(kind is Kind.CLOSED for _, kind in ordered)
    return Message(f"[{place}] {_title(ordered)}", "\n\n".join(parts), is_good)


def trial(place: str, by: str, now: datetime) -> Message:
    """What is sent to see whether it arrives.

    Args:
        place: which application and environment, in words.
        by: who had it sent.
        now: the time.
    """
    body = f"Nothing is wrong. {by} had this sent at {_time(now)}, to see that notices arrive here."
    return Message(f"[{place}] Test: notices of Tickover arrive here", body, is_good=True)


def _title(ordered: Sequence[tuple[Notice, Kind]]) -> str:
    notice, kind = ordered[0]
    head = _head(notice, kind)
    more = len(ordered) - 1
    return head if not more else f"{head}, and {more} more"


def _head(notice: Notice, kind: Kind) -> str:
    about = ", ".join(notice.subjects)
    if kind is Kind.CLOSED:
        return f"Over: {notice.code} of {about}"
    return f"{'PAGE' if notice.severity is Severity.PAGE else 'Warning'}: {notice.code} of {about}"


def _in_full(notice: Notice, kind: Kind, now: datetime) -> str:
    since = notice.first_seen_at
    if kind is Kind.CLOSED:
        until = notice.away_since or notice.closed_at or now
        lines = [
            _head(notice, kind),
            f"What was wrong: {_cut(notice.text)}",
            f"From {_time(since)} to {_time(until)}, for {_span(until - since)}",
        ]
    else:
        over = "" if notice.away_since is None else f"; not seen any more since {_time(notice.away_since)}"
        lines = [
            _head(notice, kind),
            f"What is wrong: {_cut(notice.text)}",
            f"Since: {_time(since)}, for {_span(now - since)}{over}",
        ]
    lines += _listed("Affects", notice.affects)
    lines += _listed("Tickover already", notice.done) or ["Tickover already: nothing that would help"]
    if kind is Kind.OPENED:
        lines.append(f"What to do: {notice.remedy}")
    return "\n".join(lines)


def _line(notice: Notice, kind: Kind, now: datetime) -> str:
    text = f"{_head(notice, kind)}, since {_time(notice.first_seen_at)}: {_cut(notice.text)}"
    if kind is Kind.CLOSED:
        return f"{text} ({_span((notice.away_since or now) - notice.first_seen_at)})"
    return f"{text}; what to do: {notice.remedy}"


def _listed(name: str, texts: Sequence[str]) -> list[str]:
    if not texts:
        return []
    return [f"{name}: {texts[0]}"] if len(texts) == 1 else [f"{name}:", *(f"- {text}" for text in texts)]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _span(span: timedelta) -> str:
    """A span in the two units that matter."""
    minutes = max(0, round(span.total_seconds() / 60))
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {rest} min" if hours else f"{rest} min"
