"""Which tick is this? Pure.

The scheduler's own identity counts where it gives one; otherwise the clock does, floored to the route's window, so
that a tick delivered twice is one tick (field note F10).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from tickover.errors import RequestError
from tickover.status.keys import GLOBAL

_CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_EXECUTION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+/=-]{0,127}")
_CORRELATION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+/=-]{0,127}")

EXECUTION_ID_HEADERS = ("idempotency-key", "upstash-message-id")
"""Headers that name one execution: the IETF draft's, and Upstash QStash's."""

CANARY_HEADER = "x-tickover-canary"
"""The header of a tick that is fired to see whether ticks are carried out; it says nothing of cron's rhythm."""

CANARY = "canary"
"""The source of such a tick's identity."""

SCHEDULED_AT_HEADERS = ("x-tickover-scheduled-at", "x-cloudscheduler-scheduletime")
"""Headers that carry the time a tick was scheduled for: ours, and Google Cloud Scheduler's."""

_OLDEST = timedelta(hours=24)  # the engine remembers event ids for 24 h (inngest-wire, Deduplication)
_FARTHEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a tick is known by.

    Args:
        dispatch_key: unique; the same for every delivery of the tick.
        source: `execution-id`, `scheduled-time`, `clock` or `canary`.
    """

    dispatch_key: str
    source: str


def identify(
    route: str, window: timedelta, headers: Mapping[str, str], client_id: str | None, now: datetime
) -> Identity:
    """Name a tick.

    Args:
        route: the cron endpoint's id.
        window: ticks that the clock names are one within this span.
        headers: of the request, with names in lower case.
        client_id: the client the tick is narrowed to, or None.
        now: the time of its arrival.

    Raises:
        RequestError: a header that identifies it is malformed.
    """
    what, source = _named(headers, now) or (_window(window, now), "clock")
    scope = "" if client_id is None else f":client:{client_id}"
    return Identity(f"{route}:v1:{what}{scope}", source)


def _named(headers: Mapping[str, str], now: datetime) -> tuple[str, str] | None:
    if CANARY_HEADER in headers:
        return f"canary:{_execution_id(CANARY_HEADER, headers[CANARY_HEADER].strip())}", CANARY
    for header in EXECUTION_ID_HEADERS:
        if header in headers:
            return f"id:{_execution_id(header, headers[header].strip())}", "execution-id"
    for header in SCHEDULED_AT_HEADERS:
        if header in headers:
            return f"at:{_stamp(_scheduled_at(header, headers[header].strip(), now))}", "scheduled-time"
    return None


def _window(window: timedelta, now: datetime) -> str:
    seconds = int(window.total_seconds())
    floored = datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, tz=UTC)
    return f"{seconds}:{_stamp(floored)}"


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _execution_id(header: str, value: str) -> str:
    if not _EXECUTION_ID.fullmatch(value):
        raise RequestError(
            HTTPStatus.BAD_REQUEST, "bad-execution-id", f"{header}: use up to 128 letters, digits and ._:+/=-"
        )
    return value


def _scheduled_at(header: str, value: str, now: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise RequestError(
            HTTPStatus.BAD_REQUEST,
            "bad-scheduled-time",
            f"{header}: use ISO 8601 with a time zone, 2026-11-23T15:00:00Z",
        )
    if not now - _OLDEST <= moment <= now + _FARTHEST:
        raise RequestError(
            HTTPStatus.BAD_REQUEST, "bad-scheduled-time", f"{header}: a tick is at most 24 h old and 1 h ahead"
        )
    return moment


def parse_client_id(value: object) -> str | None:
    """The client a tick is narrowed to.

    Args:
        value: what the caller sent; None for all clients.

    Raises:
        RequestError: it is no client id.
    """
    if value is None:
        return None
    if not isinstance(value, str) or not _CLIENT_ID.fullmatch(value) or value == GLOBAL:
        raise RequestError(
            HTTPStatus.BAD_REQUEST,
            "bad-client-id",
            f"clientId: use up to 64 letters, digits and _.- that begin with a letter or digit; {GLOBAL!r} is taken",
        )
    return value


def correlation_id(headers: Mapping[str, str], generated: str) -> str:
    """The id that a tick's log lines carry: the caller's, if it sent a well-formed one, or the generated one."""
    for header in ("x-correlation-id", "x-request-id"):
        value = headers.get(header, "").strip()
        if _CORRELATION_ID.fullmatch(value):
            return value
    return generated
