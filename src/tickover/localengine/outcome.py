"""What an application's answer to a call means. Pure: an answer in, what to do next out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """An application's answer to one call, or the want of one.

    Args:
        status: the HTTP status; 0 where there was no answer.
        headers: with names in lower case.
        body: the parsed JSON; None where there is none.
        fault: why it counts as a failure whatever it says: no connection, a timeout, a wrong signature.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Returned:
    """The function returned."""

    output: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """The call failed. `error` is the message the engine reports; `result` is what the application said."""

    error: str
    result: dict[str, Any]
    retry: bool
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step has a result, to be memoized under its id; the next call is to be made at a time, or at once."""

    step_id: str
    memo: Any
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """Parallel steps were found; each is to be called for by its id."""

    step_ids: Sequence[str]


Outcome = Returned | Failed | Step | Planned


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
    ops: list[dict[str, Any]] = answer.body
    if all(op.get("op") == "StepPlanned" for op in ops) or len(ops) > 1:
        return Planned([op["id"] for op in ops])
    op = ops[0]
    kind = op.get("op")
    if kind == "StepRun":
        return Step(op["id"], {"data": op.get("data")})
    if kind == "Sleep":
        return Step(op["id"], None, _time(op.get("name")))
    if kind in {"StepError", "StepFailed"}:
        last = kind == "StepFailed" or attempt >= retries or _no_retry(answer)
        error = op.get("error") or {}
        if last:
            return Step(op["id"], {"error": {name: error.get(name) for name in ("message", "name", "stack")}})
        return Failed(str(error.get("message")), error, retry=True, at=_retry_after(answer))
    return Failed(f"the local engine knows no {kind}", {"message": f"the local engine knows no {kind}"}, retry=False)


def _failed(answer: Answer, error: str, *, may_retry: bool) -> Failed:
    result = answer.body if isinstance(answer.body, dict) else {"message": error, "name": "Error"}
    if _no_retry(answer):
        return Failed("NonRetriableError", result, retry=False)
    return Failed(error, result, retry=may_retry, at=_retry_after(answer))


def _no_retry(answer: Answer) -> bool:
    return answer.headers.get("x-inngest-no-retry") == "true"


def _retry_after(answer: Answer) -> datetime | None:
    return _time(answer.headers.get("retry-after"))


def _time(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def parse_body(content: bytes) -> Any:
    """The JSON of an answer; None where it is none."""
    try:
        return json.loads(content)
    except ValueError:
        return None
