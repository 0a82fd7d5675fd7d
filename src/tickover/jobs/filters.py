"""Which jobs are meant, as operators say it, and where a page of them goes on. Pure."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Self

from tickover.errors import CursorError, JobFilterError
from tickover.jobs.states import JobState

NO_CLIENT = "-"
"""Stands for jobs without a client; no client can be named so."""

LONGEST_ERROR = 200
"""Characters of a text that is looked for in errors."""

MAX_ID = 2**63 - 1
"""No job has a higher id."""

_KIND = re.compile(r"[a-z][a-z0-9_.-]{0,99}")
_CLIENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_AGE = re.compile(r"(\d{1,9})\s*([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_OLDEST = timedelta(days=3650)
_VERSION = b"j1:"


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are meant: those for which all of this holds.

    Args:
        kind: of this kind.
        client_id: of this client; `NO_CLIENT` for those that have none.
        state: in this state.
        older_than: made at least so long ago.
        error: its last error contains this, in upper or lower case.
    """

    kind: str | None = None
    client_id: str | None = None
    state: JobState | None = None
    older_than: timedelta | None = None
    error: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no job can be.

        Raises:
            JobFilterError: at least one value cannot be; the text names every fault.
        """
        if faults := list(self._faults()):
            raise JobFilterError("; ".join(faults))

    @classmethod
    def parse(cls, asked: Mapping[str, str]) -> Self:
        """The filter that a query string, or a form, asks for; what is blank is not asked for.

        Args:
            asked: texts by the names `kind`, `client` (or `client_id`), `state`, `older_than` (`90s`, `15m`, `2h`,
                `3d`) and `error`.

        Raises:
            JobFilterError: a name is unknown, or a text is not of its form; the text names every fault.
        """
        words = {name: text.strip() for name, text in asked.items() if text.strip()}
        if "client" in words:
            words["client_id"] = words.pop("client")
        known = {field.name for field in fields(cls)}
        faults = [
            f"there is no filter {name!r}; there are {', '.join(sorted(known))}"
            for name in sorted(words.keys() - known)
        ]
        values: dict[str, Any] = {}
        for name, text in words.items():
            try:
                values[name] = _READ.get(name, str)(text)
            except ValueError as error:
                faults.append(str(error))
        if faults:
            raise JobFilterError("; ".join(faults))
        return cls(**values)

    def as_words(self) -> dict[str, str]:
        """The texts that `parse` makes this filter from again."""
        words = {name: value for name in ("kind", "client_id", "state", "error") if (value := getattr(self, name))}
        if self.older_than is not None:
            words["older_than"] = f"{self.older_than // timedelta(seconds=1)}s"
        return {name: str(value) for name, value in words.items()}

    def made_before(self, now: datetime) -> datetime | None:
        """Until when a job was made that is old enough; None where any is.

        Args:
            now: the current time.
        """
        return None if self.older_than is None else now - self.older_than

    def _faults(self) -> Iterator[str]:
        if self.kind is not None and not _KIND.fullmatch(self.kind):
            yield f"kind {_shown(self.kind)} is not of the form {_KIND.pattern}"
        if self.client_id not in {None, NO_CLIENT} and not is_client(self.client_id):
            yield (
                f"client {_shown(str(self.client_id))} is not of the form {_CLIENT.pattern}, nor {NO_CLIENT!r} for none"
            )
        if self.older_than is not None and not timedelta() < self.older_than <= _OLDEST:
            yield f"older_than lies above nothing, and up to {_OLDEST.days} days"
        if self.error is not None and not (0 < len(self.error) <= LONGEST_ERROR and "\0" not in self.error):
            yield f"error is a text of 1 to {LONGEST_ERROR} characters, without a zero among them"


def is_client(name: object) -> bool:
    """Whether a client may be named so."""
    return isinstance(name, str) and _CLIENT.fullmatch(name) is not None


def state_of(text: str) -> JobState:
    """The state of that name.

    Raises:
        ValueError: there is none; the text says which there are.
    """
    try:
        return JobState(text)
    except ValueError:
        raise ValueError(f"there is no state {_shown(text)}; there are {', '.join(JobState)}") from None


def age_of(text: str) -> timedelta:
    """How long `90s`, `15m`, `2h` or `3d` is.

    Raises:
        ValueError: it is of another form.
    """
    found = _AGE.fullmatch(text)
    if found is None:
        raise ValueError(f"older_than {_shown(text)} is no age: say 90s, 15m, 2h or 3d")
    try:
        return timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError:
        raise ValueError(f"older_than lies above nothing, and up to {_OLDEST.days} days") from None


_READ: Mapping[str, Callable[[str], Any]] = {"state": state_of, "older_than": age_of}


def cursor_at(job_id: int) -> str:
    """The cursor of the page that goes on below a job.

    Args:
        job_id: the last one that was looked at.
    """
    return urlsafe_b64encode(_VERSION + str(job_id).encode()).decode().rstrip("=")


def place_of(cursor: str | None) -> int:
    """Below which id a page begins; above them all where there is no cursor.

    Args:
        cursor: as a page named it.

    Raises:
        CursorError: no page can have named it.
    """
    if cursor is None:
        return MAX_ID
    try:
        text = urlsafe_b64decode((cursor[:64] + "=" * (-len(cursor) % 4)).encode("ascii"))
        place = int(text.removeprefix(_VERSION)) if text[len(_VERSION) :].isdigit() else 0
    except (Base64Error, UnicodeEncodeError, ValueError):
        place = 0
    if not 1 <= place <= MAX_ID or cursor_at(place) != cursor:
        raise CursorError(f"{_shown(cursor)} is no place in a list of jobs: begin again without a cursor")
    return place


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:80]}…")  # noqa: PLR2004 - enough to recognise it
