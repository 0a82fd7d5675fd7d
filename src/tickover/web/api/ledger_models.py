"""What the API gives of ticks, functions, notices and the audit."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from tickover.insight.coverage import End
from tickover.web.api.models import Model


class Coverage(Model):
    """What became of a route's ticks of the last day."""

    sentence: str
    is_whole: bool
    expected: int
    done: int
    paths: Mapping[str, int]
    idle: int
    failed: int
    open: int
    missing: int
    twice: int
    longest_gap: float | None = Field(description="seconds")
    since: datetime | None
    interval: float | None = Field(description="seconds between ticks, declared or usual")


class Cell(Model):
    """A tick of the last day, or several: then the one that ended worst."""

    at: datetime
    path: str | None
    end: End
    dispatch_key: str | None
    ticks: int


class RouteNow(Model):
    """How a route is."""

    id: str
    circuit: str
    circuit_reason: str
    is_cut: bool
    coverage: Coverage
    cells: list[Cell]


class Health(Model):
    """How a function is, in a word, and what that stands on."""

    word: str
    reason: str


class FunctionNow(Model):
    """How a function is."""

    function: str
    in_force: str
    health: Health
    last_key: str | None
    last_started_at: datetime | None
    last_path: str | None
    last_took_s: float | None


class Finding(Model):
    """Something that is wrong."""

    code: str
    subject: str
    text: str
    remedy: str
    evidence: Mapping[str, Any]


class Notice(Model):
    """Something that is wrong, or was, of which somebody was told."""

    id: int
    code: str
    severity: str
    state: str
    subjects: list[str]
    text: str
    remedy: str
    affects: list[str]
    done: list[str]
    first_seen_at: datetime
    seen_at: datetime
    opened_at: datetime | None
    closed_at: datetime | None
    due: int
    last_error: str | None


class Notices(Model):
    """The newest notices, and where they go."""

    destinations: list[str]
    notices: list[Notice]


class Tried(Model):
    """A test message."""

    destination: str
    works: bool
    error: str | None


class QueueSample(Model):
    """How the queue stood."""

    at: datetime
    due: int
    oldest_age_s: float


class Overview(Model):
    """Is every tick's work done, by whom, and if not, why?"""

    routes: list[RouteNow]
    functions: list[FunctionNow]
    notices: list[Notice]
    findings: list[Finding]
    queue: list[QueueSample]
    environment: Mapping[str, Any]


class ListedTick(Model):
    """A tick in a list."""

    id: int
    dispatch_key: str
    route: str
    client_id: str | None
    identity_source: str
    mode: str
    reason: str
    at: datetime
    end: End
    owed: int
    failed: int
    unended: int
    path: str | None
    send_error: str | None


class TickPage(Model):
    """A page of ticks."""

    rows: list[ListedTick]
    next: int | None


class Link(Model):
    """A link of the chain from cron to the status."""

    name: str
    verdict: str
    seen: str
    remedy: str | None
    function: str | None


class Tick(Model):
    """A tick's own row."""

    dispatch_key: str
    route: str
    client_id: str | None
    identity_source: str
    mode: str
    reason: str
    correlation_id: str
    event_ids: list[str]
    error: Mapping[str, Any] | None
    requested_at: datetime
    completed_at: datetime | None
    switched_off: str | None
    idle: list[str]


class Obligation(Model):
    """What became of a function that a tick owes."""

    function: str
    state: str
    path: str | None
    run_id: str | None
    attempt: int
    fence: int
    fenced_off: int
    start_by: datetime
    finish_by: datetime | None
    created_at: datetime
    accepted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    late: bool
    covered_by: str | None
    covered_path: str | None


class Run(Model):
    """What a responsibility did."""

    function: str
    responsibility: str
    path: str
    attempt: int
    started_at: datetime
    duration_ms: float
    summary: Mapping[str, Any]
    error: str | None


class Story(Model):
    """A tick, all that became of it, and the chain from cron to the status."""

    tick: Tick
    obligations: list[Obligation]
    runs: list[Run]
    chain: list[Link]


class Percentiles(Model):
    """Of figures in seconds."""

    count: int
    p50: float | None
    p95: float | None


class Bucket(Model):
    """A quarter of an hour."""

    at: datetime
    outcomes: Mapping[str, int]
    took: Percentiles


class Counted(Model):
    """What a responsibility did in a quarter of an hour."""

    part: int
    runs: int
    failed: int
    looked_at: int
    changed: int
    left: int
    mean_ms: float


class FunctionDay(Model):
    """What a function did over the last day."""

    function: str
    since: datetime
    health: Health
    took: Percentiles
    waited: Percentiles
    buckets: list[Bucket]
    counted: Mapping[str, list[Counted]]
    is_cut: bool


class AuditRow(Model):
    """An act that is kept."""

    id: int
    at: datetime
    action: str
    subject: str
    by: str
    reason: str
    evidence: Mapping[str, Any]


class AuditPage(Model):
    """A page of the audit."""

    rows: list[AuditRow]
    next: int | None


class Line(Model):
    """One thing that was checked."""

    name: str
    verdict: str
    seen: str
    remedy: str | None
    required: bool


class Check(Model):
    """What `tickover check` says."""

    proven: bool
    lines: list[Line]
