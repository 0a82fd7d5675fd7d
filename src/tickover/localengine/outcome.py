"""What an application's answer to a call means. Pure: an answer in, what to do next out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

LONGEST_STEP_ID = 512
"""Characters; the SDK's are hashes of 40."""

_VERSION = re.compile(r"^[0-9]{1,4}$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """An application's answer to one call, or the want of one.

    Args:
        status: the HTTP status; 0 where there was no answer.
        headers: with names in lower case.
        body: the parsed JSON; None where there is none.
        size: bytes of it.
        fault: why it counts as a failure whatever it says: no connection, a timeout, a wrong signature.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    size: int = 0
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Returned:
    """The function returned."""

    output: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """The call failed.

    Args:
        error: the message that the engine reports.
        result: what the application said.
        retry: whether it is made again.
        at: when, where the application said so.
        name: the step that failed, where it was one.
    """

    error: str
    result: dict[str, Any]
    retry: bool
    at: datetime | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step has a result, to be memoized under its id.

    `name` is what people call the step, `error` why it failed for good.
    """

    step_id: str
    memo: Any
    name: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Slept:
    """A step that sleeps until a time; it is memoized then."""

    step_id: str
    until: datetime
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """Parallel steps were found; each is to be called for by its id."""

    step_ids: Sequence[str]


Outcome = Returned | Failed | Step | Slept | Planned


def outcome(answer: Answer, attempt: int, retries: int) -> Outcome:
    """What an answer means.

    Args:
        answer: the application's.
        attempt: which attempt at this call it was, from 0.
        retries: attempts after the first one that the function allows.
    """
    if answer.fault is not None:
        return _failed(answer, answer.fault, may_retry=attempt < retries)
    if answer.status == HTTPStatus.OK:
        return Returned(answer.body)
    if answer.status == HTTPStatus.PARTIAL_CONTENT and isinstance(answer.body, list) and answer.body:
        return _of_ops(answer, attempt, retries)
    return _failed(answer, f"invalid status code: {answer.status}", may_retry=attempt < retries)


def _of_ops(answer: Answer, attempt: int, retries: int) -> Outcome:
    ops: list[Any] = answer.body
    if not all(isinstance(op, dict) and isinstance(op.get("op"), str) and _is_id(op.get("id")) for op in ops):
        return _refused("op without a name and an id")
    if all(op["op"] == "StepPlanned" for op in ops):
        return Planned(list(dict.fromkeys(op["id"] for op in ops)))
    if len(ops) > 1:
        return _refused("list of ops in which not all are StepPlanned")
    return _of_op(ops[0], answer, attempt, retries)


def _of_op(op: dict[str, Any], answer: Answer, attempt: int, retries: int) -> Outcome:
    match op["op"]:
        case "StepRun":
            return Step(op["id"], {"data": op.get("data")}, _name(op))
        case "Sleep" if (until := _time(op.get("name"))) is not None:
            return Slept(op["id"], until, _name(op))
        case "Sleep":
            return _refused(f"sleep until {op.get('name')!r}")
        case "StepError" | "StepFailed":
            error = op["error"] if isinstance(op.get("error"), dict) else {}
            text = str(error.get("message"))
            if op["op"] == "StepFailed" or attempt >= retries or _no_retry(answer):
                memo = {"error": {name: error.get(name) for name in ("message", "name", "stack")}}
                return Step(op["id"], memo, _name(op), text)
            return Failed(text, error, retry=True, at=_retry_after(answer), name=_name(op))
        case kind:
            return _refused(kind)


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_STEP_ID


def _name(op: Mapping[str, Any]) -> str | None:
    """What people call a step."""
    name = op.get("displayName")
    return name[:LONGEST_STEP_ID] if isinstance(name, str) else None


def _refused(what: str) -> Failed:
    text = f"the local engine knows no {what[:100]}"
    return Failed(text, {"message": text, "name": "Error"}, retry=False)


def _failed(answer: Answer, error: str, *, may_retry: bool) -> Failed:
    result = answer.body if isinstance(answer.body, dict) else {"message": error, "name": "Error"}
    if _no_retry(answer):
        return Failed("NonRetriableError", result, retry=False)
    return Failed(error, result, retry=may_retry, at=_retry_after(answer))


def _no_retry(answer: Answer) -> bool:
    return answer.headers.get("x-inngest-no-retry") == "true"


def _retry_after(answer: Answer) -> datetime | None:
    return _time(answer.headers.get("retry-after"))


def _time(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if moment is None:
        return None
    return moment if moment.tzinfo is not None else None


def parse_version(header: str | None) -> int | None:
    """The version of the protocol that an answer names, in `x-inngest-req-version`; None for any other form."""
    return int(header) if header is not None and _VERSION.match(header) else None
