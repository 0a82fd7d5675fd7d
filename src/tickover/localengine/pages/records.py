"""What the pages show, as it is read from the rows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tickover.localengine.states import CallOutcome, RunState


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in a list; `event` is the name of the event that started it, None where that event is gone."""

    id: str
    function_id: str
    internal_id: str
    event: str | None
    state: RunState
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunRecord(RunLine):
    """A run. `output` is the head of its JSON, `output_size` the characters of the whole."""

    output: str | None
    output_size: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What became of one call, or of one sleep."""

    id: int
    step_id: str
    attempt: int
    outcome: CallOutcome
    name: str | None
    http_status: int
    error: str | None
    queued_at: datetime
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """A call still to be made or being made, or a sleep that goes on.

    Args:
        id: of its row.
        step_id: what is asked for: `step` for the function itself, or a parallel step.
        attempt: from 0.
        name: by which people know the step, where that is known already.
        queued_at: when it was queued; of a sleep, when it began.
        due_at: when it is to be made, or when the sleep ends; None for never.
        leased: it is being made.
        sleeps: it is a sleep.
    """

    id: int
    step_id: str
    attempt: int
    name: str | None
    queued_at: datetime
    due_at: datetime | None
    leased: bool
    sleeps: bool


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event in a list, with the first few runs it started, as [id, function, state]."""

    internal_id: str
    event_id: str
    name: str
    received_at: datetime
    runs: list[list[str]]


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event; `about` is the run whose end it tells of, for an event of the engine's own."""

    internal_id: str
    event_id: str
    name: str
    received_at: datetime
    body: str
    body_size: int
    about: str | None


@dataclass(frozen=True, slots=True)
class FunctionRecord:
    """A function as it was registered, and when each of its cron triggers fires next."""

    id: str
    app: str
    url: str
    config: dict[str, Any]
    next_at: dict[str, datetime]
