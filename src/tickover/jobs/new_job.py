"""What may be enqueued: every rule in one place, checked before anything is stored. Pure."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tickover.errors import EnqueueError
from tickover.jobs.states import JobState

MAX_PAYLOAD_BYTES = 1024 * 1024
"""The largest payload, as UTF-8 JSON. Store what is larger elsewhere, and enqueue where it is."""

HORIZON = timedelta(days=3652)
"""How far from now `run_at` may lie, either way: about ten years."""

_KIND = re.compile(r"[a-z][a-z0-9_.-]{0,99}")
_CLIENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_MAX_DEPTH = 100  # PostgreSQL and Python both parse JSON recursively and give up somewhere
_MAX_PRIORITY = 1000
_MAX_ATTEMPTS = 100
_MAX_TIMEOUT_S = 3600
_MAX_DEDUPE = 200
_FAULTS_SHOWN = 10
_TEXT_OR_NONE = (str, type(None))
_NUMBERS = (int, float)


class NewJob(NamedTuple):
    """A job about to be enqueued.

    Args:
        kind: which handler it is for; lower-case letters, digits, `_`, `.` and `-`, at most 100.
        payload: any JSON value, at most 1 MiB; what the handler is given.
        client_id: whose it is, or None; letters, digits, `_`, `.` and `-`, at most 64.
        run_at: not before this time, aware; None is now.
        priority: higher goes first; from -1000 to 1000.
        max_attempts: attempts before it becomes a dead letter; from 1 to 100.
        timeout_s: seconds one attempt may take; at most 3600.
        dedupe_key: while an unfinished job of this kind holds the same key, that one stands for this; at most 200
            characters.
    """

    kind: str
    payload: Any
    client_id: str | None = None
    run_at: datetime | None = None
    priority: int = 0
    max_attempts: int = 5
    timeout_s: float = 60
    dedupe_key: str | None = None


class Checked(NamedTuple):
    """A job that may be stored.

    Args:
        job: what it was made from.
        payload: as JSON text.
    """

    job: NewJob
    payload: str


class Checking:
    """Checks the jobs of one call, part by part, and names the faults of all together.

    Args:
        now: the current time.
        count: how many jobs there are.
    """

    def __init__(self, now: datetime, count: int) -> None:
        self._now = now
        self._count = count
        self._place = 0
        self._known: set[tuple[str, str | None]] = set()
        self.faults: list[str] = []

    def check(self, jobs: Sequence[NewJob]) -> list[Checked]:
        """The next jobs, those that are fit to be stored."""
        checked: list[Checked] = []
        for place, job in enumerate(jobs, self._place):
            where = f"job {place}: " if self._count > 1 else ""
            if not _is_as_usual(job, self._known):
                found = [where + fault for fault in _field_faults(job, self._now)]
                self.faults += found
                if not found:
                    self._known.add((job.kind, job.client_id))
            try:
                checked.append(Checked(job, _payload_text(job.payload)))
            except ValueError as error:
                self.faults.append(f"{where}payload: {error}")
        self._place += len(jobs)
        return checked

    def require(self) -> None:
        """Go on if all were fit.

        Raises:
            EnqueueError: at least one cannot be stored; the text names the first ten faults by place and field.
        """
        if self.faults:
            more = len(self.faults) - _FAULTS_SHOWN
            rest = f"; and {more} more" if more > 0 else ""
            raise EnqueueError("nothing was enqueued: " + "; ".join(self.faults[:_FAULTS_SHOWN]) + rest)


def check(jobs: Sequence[NewJob], now: datetime) -> list[Checked]:
    """The jobs, each fit to be stored.

    Args:
        jobs: what to enqueue.
        now: the current time.

    Raises:
        EnqueueError: at least one cannot be stored; the text names the first ten faults by place and field.
    """
    checking = Checking(now, len(jobs))
    checked = checking.check(jobs)
    checking.require()
    return checked


def as_columns(jobs: Sequence[Checked]) -> Mapping[str, list[Any]]:
    """The jobs as one array a column, for `enqueue_jobs.sql`."""
    return {
        "kind": [checked.job.kind for checked in jobs],
        "payload": [checked.payload for checked in jobs],
        "client_id": [checked.job.client_id for checked in jobs],
        "run_at": [checked.job.run_at for checked in jobs],
        "priority": [checked.job.priority for checked in jobs],
        "max_attempts": [checked.job.max_attempts for checked in jobs],
        "timeout_s": [float(checked.job.timeout_s) for checked in jobs],
        "dedupe_key": [checked.job.dedupe_key for checked in jobs],
    }


@dataclass(frozen=True, slots=True)
class Reserved:
    """What the database gave for jobs about to be copied into it.

    Args:
        ids: one a job.
        now: its time.
        lanes: the lane of each kind that has limits.
    """

    ids: Sequence[int]
    now: datetime
    lanes: Mapping[str, int]

    def part(self, start: int, count: int) -> "Reserved":
        """What goes with some of the jobs."""
        return Reserved(self.ids[start : start + count], self.now, self.lanes)


def as_copied(jobs: Sequence[Checked], reserved: Reserved) -> str:
    """The jobs as text for `copy_jobs.sql`: a line a job, columns between tabs.

    Only a payload may hold what has a meaning there, and of that only backslashes: JSON writes control characters as
    escapes.

    Args:
        jobs: without dedupe keys.
        reserved: what goes with them.
    """
    at_once = f"{reserved.now.isoformat()}\t{JobState.QUEUED}"
    lines = []
    for job_id, (job, payload) in zip(reserved.ids, jobs, strict=True):
        lane = reserved.lanes.get(job.kind, 0)
        client = "\\N" if job.client_id is None else job.client_id
        when = at_once if job.run_at is None else _when(job.run_at, reserved.now)
        escaped = payload.replace("\\", "\\\\") if "\\" in payload else payload
        lines.append(
            f"{job_id}\t{job.kind}\t{client}\t{when}\t{job.priority}\t{job.max_attempts}\t{job.timeout_s}\t{lane}\t{escaped}\n"
        )
    return "".join(lines)


def _when(run_at: datetime, now: datetime) -> str:
    return f"{run_at.isoformat()}\t{JobState.QUEUED if run_at <= now else JobState.SCHEDULED}"


def job_faults(job: NewJob, now: datetime) -> Iterator[str]:
    """Everything that keeps a job from being stored as given.

    Args:
        job: what might be enqueued.
        now: the current time.
    """
    yield from _field_faults(job, now)
    try:
        _payload_text(job.payload)
    except ValueError as error:
        yield f"payload: {error}"


def _is_as_usual(job: NewJob, known: Collection[tuple[str, str | None]]) -> bool:
    """Whether a job is plainly in order: its kind and client are known to be, and the rest is as most jobs have it."""
    return (
        type(job.kind) is str
        and type(job.client_id) in _TEXT_OR_NONE
        and (job.kind, job.client_id) in known
        and job.run_at is None
        and job.dedupe_key is None
        and type(job.priority) is type(job.max_attempts) is int
        and -_MAX_PRIORITY <= job.priority <= _MAX_PRIORITY
        and 1 <= job.max_attempts <= _MAX_ATTEMPTS
        and type(job.timeout_s) in _NUMBERS
        and 0 < job.timeout_s <= _MAX_TIMEOUT_S
    )


def _field_faults(job: NewJob, now: datetime) -> Iterator[str]:
    if not _matches(_KIND, job.kind):
        yield f"kind {_shown(job.kind)} is not of the form {_KIND.pattern}"
    if job.client_id is not None and not _matches(_CLIENT, job.client_id):
        yield f"client_id {_shown(job.client_id)} is not of the form {_CLIENT.pattern}"
    if job.run_at is not None:
        yield from _time_faults(job.run_at, now)
    if not _is_integer(job.priority, -_MAX_PRIORITY, _MAX_PRIORITY):
        yield f"priority {_shown(job.priority)} is no integer from -{_MAX_PRIORITY} to {_MAX_PRIORITY}"
    if not _is_integer(job.max_attempts, 1, _MAX_ATTEMPTS):
        yield f"max_attempts {_shown(job.max_attempts)} is no integer from 1 to {_MAX_ATTEMPTS}"
    if not _is_timeout(job.timeout_s):
        yield f"timeout_s {_shown(job.timeout_s)} is no number of seconds above 0 and up to {_MAX_TIMEOUT_S}"
    if job.dedupe_key is not None and not _is_text(job.dedupe_key, _MAX_DEDUPE):
        yield f"dedupe_key {_shown(job.dedupe_key)} is no text of 1 to {_MAX_DEDUPE} characters without NUL"


def _time_faults(run_at: object, now: datetime) -> Iterator[str]:
    if not isinstance(run_at, datetime):
        yield f"run_at {_shown(run_at)} is no datetime"
    elif run_at.utcoffset() is None:
        yield f"run_at {run_at} is naive; give it a time zone"
    elif abs(run_at - now) > HORIZON:
        yield f"run_at {run_at} lies more than 10 years from now; give a time at which the job is really meant to run"


def _payload_text(payload: object) -> str:
    """The payload as JSON that PostgreSQL stores and gives back unchanged.

    Raises:
        ValueError: it is no JSON, or none that `jsonb` takes.
    """
    try:
        text = _ENCODER.encode(payload)
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair, which is no Unicode text") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from None
    if size > MAX_PAYLOAD_BYTES:
        raise ValueError(f"it has {size} bytes, more than {MAX_PAYLOAD_BYTES}; store it elsewhere and enqueue where")
    if "\\u0000" in text and _NUL.search(text):
        raise ValueError("it holds a NUL character, which PostgreSQL does not store")
    _check_nesting(payload, 1)
    return text


def _check_nesting(value: object, depth: int) -> None:
    """Refuse keys that are no strings (JSON would rename them), and nesting that a parser may not survive."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"it is nested more than {_MAX_DEPTH} deep")
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise ValueError(f"it is no JSON: the key {_shown(key)} is no string")  # noqa: TRY004 - one error type
            if isinstance(inner, dict | list | tuple):
                _check_nesting(inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            if isinstance(inner, dict | list | tuple):
                _check_nesting(inner, depth + 1)


def _matches(form: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def _is_integer(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_timeout(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _MAX_TIMEOUT_S


def _is_text(value: object, longest: int) -> bool:
    if not isinstance(value, str) or not 1 <= len(value) <= longest or "\0" in value:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _shown(value: object) -> str:
    try:
        text = ascii(value)
    except ValueError:  # an integer too long to be written out
        text = f"of type {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - enough to recognise it by
