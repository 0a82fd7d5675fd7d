"""What is read from the ledger to judge its health: values only. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

RECENT = timedelta(minutes=15)
"""How long a refusal counts as going on, unless something was accepted since."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Requests to one endpoint that were refused for one cause.

    Args:
        endpoint: `engine` or `cron`.
        cause: one of `tickover.ticks.findings.REMEDIES`.
        detail: what was seen last.
        count: how often.
        first_at: since when.
        last_at: when last.
    """

    endpoint: str
    cause: str
    detail: str
    count: int
    first_at: datetime
    last_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """From a row whose times are text, as JSON has them."""
        first_at, last_at = (datetime.fromisoformat(row[name]) for name in ("first_at", "last_at"))
        return cls(row["endpoint"], row["cause"], row["detail"], row["count"], first_at, last_at)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to hand a tick over, whose fate is known.

    Args:
        dispatch_key: the tick.
        requested_at: when it came.
        send_error: how its send failed, or None.
        missed: how many of its obligations the engine accepted and did not carry out.
        settled_at: when the last of these began elsewhere, or had to have begun; None without one.
    """

    dispatch_key: str
    requested_at: datetime
    send_error: str | None
    missed: int
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class CircuitRows:
    """What stands in the ledger about a route's circuit.

    Args:
        now: the database's time.
        announced: the state that was last announced; None where there never was another than closed.
        announced_at: when.
        probed_at: when a tick was last let through to probe.
        attempts: the newest first.
        refusals: requests that were refused lately, by cause, with nothing accepted since.
    """

    now: datetime
    announced: str | None
    announced_at: datetime | None
    probed_at: datetime | None
    attempts: Sequence[Attempt]
    refusals: Sequence[Refusal]


@dataclass(frozen=True, slots=True)
class CronTick:
    """A tick as cron fired it."""

    dispatch_key: str
    identity_source: str
    requested_at: datetime
    mode: str


@dataclass(frozen=True, slots=True)
class RecentRun:
    """What a responsibility did of late; the figures are those of its summary."""

    responsibility: str
    started_at: datetime
    changed: int
    left: int
    error: str | None


@dataclass(frozen=True, slots=True)
class FencedOff:
    """An obligation that two executors were at, one beyond its lease: `times` one of them found itself fenced off."""

    function: str
    dispatch_key: str
    path: str | None
    attempt: int
    times: int
    created_at: datetime
