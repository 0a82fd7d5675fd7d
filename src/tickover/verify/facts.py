"""What is known about one tick, from the ledger, the engine, the status and the settings: values only. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tickover.contract import Function
from tickover.ledger.facts import Refusal


@dataclass(frozen=True, slots=True)
class TickRow:
    """The tick, as the ledger has it. `error`: how its send failed; `event_ids`: the engine's, where it accepted."""

    dispatch_key: str
    route: str
    client_id: str | None
    identity_source: str
    mode: str
    reason: str
    event_ids: list[str]
    error: Mapping[str, Any] | None
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class ObligationRow:
    """One function's obligation in the tick.

    `accepted`: the engine took its event, and no rollback has taken that back. `durable`: a call of the engine won it
    once. `held`: its lease is alive. `late`: as the watchdog judges.
    `covered_*`: the run that did its work instead. `busy_*`: another tick's run of the function that is alive.
    """

    function: str
    state: str
    path: str | None
    run_id: str | None
    attempt: int
    lease_expires_at: datetime | None
    start_by: datetime
    finish_by: datetime | None
    started_at: datetime | None
    error: str | None
    fenced_off: int
    accepted: bool
    durable: bool
    held: bool
    late: bool
    covered_key: str | None
    covered_path: str | None
    covered_started_at: datetime | None
    busy_key: str | None
    busy_until: datetime | None


@dataclass(frozen=True, slots=True)
class ResponsibilityRow:
    """What a responsibility did last for an obligation, or for the one that covered it."""

    function: str
    responsibility: str
    path: str
    attempt: int
    duration_ms: float
    changed: int
    error: str | None


@dataclass(frozen=True, slots=True)
class EngineRun:
    """A run, as the engine tells of it.

    Args:
        id: its id.
        status: `Queued`, `Scheduled`, `Running`, `Completed`, `Failed`, …
        output: what it ended with, as text.
    """

    id: str
    status: str
    output: str = ""


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """An event, as the engine tells of it.

    Args:
        id: the engine's own.
        known: whether it is there; None where that could not be learned.
        name: its name.
        runs: those it started; None where they could not be learned.
        earlier: runs of earlier events with the same id of its sender; None where they could not be learned.
        why: why something could not be learned.
    """

    id: str
    known: bool | None
    name: str = ""
    runs: Sequence[EngineRun] | None = None
    earlier: Sequence[EngineRun] | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What the engine's API told.

    Args:
        url: where it was asked.
        why_not: why it was not asked, or could not be; empty where it answered.
        events: by the engine's id.
        functions: where it calls each function, by its full id; None where that could not be learned.
        why_no_functions: why.
    """

    url: str
    why_not: str = ""
    events: Mapping[str, EngineEvent] = field(default_factory=dict)
    functions: Mapping[str, str] | None = None
    why_no_functions: str = ""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What this process reads as settings, and what the application answers at its own URL.

    Args:
        app_id: what the engine knows the application by.
        dev_mode: whether the engine is a dev server, without keys.
        engine_url: the engine, where it is not Inngest Cloud.
        served_at: the URL the engine is to call; None where INNGEST_SERVE_ORIGIN is not set.
        missing: variables that are needed and not set.
        untrimmed: variables with blanks or newlines around their value.
        endpoint: what `served_at` answered, in words; empty where it was not asked.
        has_signing_key: whether the application says that it has one; None where it was not asked.
    """

    app_id: str
    dev_mode: bool
    engine_url: str | None
    served_at: str | None
    missing: Sequence[str] = ()
    untrimmed: Sequence[str] = ()
    endpoint: str = ""
    has_signing_key: bool | None = None


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """The status keys.

    Args:
        source: `redis`; `ledger` where Redis did not answer; `none` where there is no REDIS_URL.
        started: when the attempt began that each function's status tells of, by function; without those that have none.
        ttl: seconds a key lives.
    """

    source: str
    started: Mapping[str, datetime]
    ttl: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the chain is walked with.

    Args:
        now: the time.
        tick: the tick.
        functions: what its route declares, in order.
        obligations: what it owes, by function, in the order of its events.
        runs: what responsibilities did.
        refusals: requests that are being refused.
        deployment: settings, and the application's own answer.
        engine: what the engine told.
        status: the status keys.
    """

    now: datetime
    tick: TickRow
    functions: Sequence[Function]
    obligations: Mapping[str, ObligationRow]
    runs: Sequence[ResponsibilityRow]
    refusals: Sequence[Refusal]
    deployment: Deployment
    engine: EngineFacts
    status: StatusFacts
