"""Which faults there are, and how one is asked for. Pure: a request in, a fault or a clear error out."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from tickover.errors import WireError

LONGEST = 86_400.0
"""Seconds after which every fault has ended by itself."""

_USUAL = 600.0
_LARGEST_COUNT = 1_000_000
_LONGEST_SUBJECT = 512


class FaultKind(StrEnum):
    """What goes wrong."""

    SEND_401 = "send-401"
    SEND_500 = "send-500"
    SEND_HANG = "send-hang"
    SEND_ANSWER_LOST = "send-answer-lost"
    CALL_NEVER = "call-never"
    CALL_TWICE = "call-twice"
    CALL_LATE = "call-late"
    CALL_WRONG_SIGNATURE = "call-wrong-signature"
    ANSWER_DROPPED = "answer-dropped"
    REGISTRATION_FORGOTTEN = "registration-forgotten"
    CLOCK_SKEWED = "clock-skewed"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a kind of fault takes.

    Args:
        about: what goes wrong, in a line.
        strikes: whether it strikes so often, or with a probability; otherwise it lasts.
        subject: what it can be narrowed to: `event` (a name), `function` (an id), or nothing.
        seconds: how long, where that means something; None where it does not.
        signed: whether it needs an engine with keys.
        back: whether its seconds may be negative.
    """

    about: str
    strikes: bool = True
    subject: str | None = None
    seconds: float | None = None
    signed: bool = False
    back: bool = False


SHAPES: Mapping[FaultKind, Shape] = {
    FaultKind.SEND_401: Shape("a send is refused: the event key is unknown", subject="event"),
    FaultKind.SEND_500: Shape("a send is refused: the engine is broken", subject="event"),
    FaultKind.SEND_HANG: Shape("a send is not answered, and nothing is stored", subject="event", seconds=30.0),
    FaultKind.SEND_ANSWER_LOST: Shape("a send is accepted, and its answer breaks off", subject="event"),
    FaultKind.CALL_NEVER: Shape("a run is accepted and never called", subject="function"),
    FaultKind.CALL_TWICE: Shape("the same call is made twice at once", subject="function"),
    FaultKind.CALL_LATE: Shape("a run's first call is made late", subject="function", seconds=60.0),
    FaultKind.CALL_WRONG_SIGNATURE: Shape("a call is signed with another key", subject="function", signed=True),
    FaultKind.ANSWER_DROPPED: Shape("the application's answer is thrown away", subject="function"),
    FaultKind.REGISTRATION_FORGOTTEN: Shape("the engine knows no function, and remembers no sync", strikes=False),
    FaultKind.CLOCK_SKEWED: Shape("the engine's stamps are off", strikes=False, seconds=600.0, back=True),
}


@dataclass(frozen=True, slots=True)
class NewFault:
    """A fault that was asked for.

    Args:
        kind: what goes wrong.
        subject: the event or function it is about; None: all.
        count: how often it strikes; None: as often as it likes.
        probability: of striking, each time it may.
        seconds: of a delay, a hang or a skew; None where it has none.
        for_seconds: after which it has ended.
    """

    kind: FaultKind
    subject: str | None
    count: int | None
    probability: float
    seconds: float | None
    for_seconds: float


def parse_fault(body: object, *, signs: bool) -> NewFault:
    """Read a request for a fault.

    Args:
        body: parsed JSON: `kind`, and optionally `subject`, `count`, `probability`, `seconds`, `for_seconds`.
        signs: whether the engine has keys.

    Raises:
        WireError: it is none; the text says what is wrong and what would do.
    """
    if not isinstance(body, dict):
        raise _bad('a fault is an object: {"kind": "call-twice", "count": 1}')
    if unknown := set(body) - {"kind", "subject", "count", "probability", "seconds", "for_seconds"}:
        raise _bad(f"a fault has no {', '.join(sorted(map(str, unknown)))}")
    try:
        kind = FaultKind(str(body.get("kind")))
    except ValueError:
        raise _bad(f"there is no fault {body.get('kind')!r}; there are {', '.join(FaultKind)}") from None
    shape = SHAPES[kind]
    if shape.signed and not signs:
        raise WireError(HTTPStatus.CONFLICT, f"{kind} needs an engine with keys: start it with --signing-key")
    return NewFault(
        kind,
        _subject(kind, shape, body.get("subject")),
        _count(kind, shape, body.get("count")),
        _probability(kind, shape, body.get("probability")),
        _seconds(kind, shape, body.get("seconds")),
        _number("for_seconds", body.get("for_seconds", _USUAL), LONGEST),
    )


def _subject(kind: FaultKind, shape: Shape, value: Any) -> str | None:
    if value is None:
        return None
    if shape.subject is None:
        raise _bad(f"{kind} takes no subject: it is about all")
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_SUBJECT or not _storable(value):
        raise _bad(
            f"the subject of {kind} is the {'name of an event' if shape.subject == 'event' else 'id of a function'}"
        )
    return value


def _storable(text: str) -> bool:
    """Whether PostgreSQL keeps a text: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _count(kind: FaultKind, shape: Shape, value: Any) -> int | None:
    if value is None:
        return None
    if not shape.strikes:
        raise _bad(f"{kind} takes no count: it lasts until it ends")
    if type(value) is not int or not 1 <= value <= _LARGEST_COUNT:
        raise _bad(f"a count is a whole number from 1 to {_LARGEST_COUNT}")
    return value


def _probability(kind: FaultKind, shape: Shape, value: Any) -> float:
    if value is None:
        return 1.0
    if not shape.strikes:
        raise _bad(f"{kind} takes no probability: it lasts until it ends")
    return _number("probability", value, 1.0)


def _seconds(kind: FaultKind, shape: Shape, value: Any) -> float | None:
    if shape.seconds is None:
        if value is not None:
            raise _bad(f"{kind} takes no seconds")
        return None
    if value is None:
        return shape.seconds
    if shape.back and isinstance(value, int | float) and value < 0:
        return -_number("seconds", -value, LONGEST)
    return _number("seconds", value, LONGEST)


def _number(name: str, value: Any, most: float) -> float:
    # Not a number is greater than nothing.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
        raise _bad(f"{name} is a number above 0, up to {most:g}")
    return float(value)


def _bad(text: str) -> WireError:
    return WireError(HTTPStatus.BAD_REQUEST, text)
