"""Every error Tickover raises on purpose. Each text says what is wrong and what to do next.

TickoverError
├── SettingsError        a setting is missing or malformed
├── ContractError        the declared contract contradicts itself
├── TableError           a responsibility names a table or a column that is not there
├── RequestError         a caller sent something that cannot be served (carries an HTTP status)
├── EnqueueError         a job cannot be stored as given
├── JobFilterError       jobs were asked for, or are to be acted on, in a way that makes no sense
├── CursorError          a page was asked for at a place that no page has named
├── ScheduleError        a recurring job is declared in a way that cannot be kept
├── LeaseLostError       another executor took over; this one must stop
├── JobTransactionError  a second transaction of its own was asked for by one attempt at a job (jobs/transaction.py)
├── BudgetExceededError  a piece of work overran the time it was given
├── SendError            events could not be handed to the engine
├── WrongEnvironmentError  this process stands in the wrong environment, and changes nothing
├── RedisAwayError       Redis does not answer; whoever asked does without (status/link.py)
├── SealError            a store may not be sealed for this environment
├── ControlError         a function may not be moved to that stage, or somebody else moved it first
├── EnvironmentStateError  this machine is not in a state to run (ports, directories, other processes)
├── WireError            the local engine was asked for something it refuses
├── RunsHangError        in a test: runs did not come to rest (testing/errors.py)
└── NotServedError       in a test: an application could not be served or registered (testing/errors.py)
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus


class TickoverError(Exception):
    """The head of the family."""


class SettingsError(TickoverError):
    """A setting is missing or malformed; the text names the variable and never shows a secret."""


class ContractError(TickoverError):
    """The declared contract contradicts itself; the text lists every contradiction."""


class TableError(TickoverError):
    """A responsibility names a table or a column that is not there; the text says what there is."""


class RequestError(TickoverError):
    """A request that cannot be served as it was sent.

    Args:
        status: the HTTP status to answer with.
        code: a stable, kebab-case name of the case; the problem document's `type` ends in it.
        detail: what was wrong and what to send instead.
    """

    def __init__(self, status: HTTPStatus, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


class SignInError(TickoverError):
    """Nobody is let into the dashboard like this; the text says what is missing."""


class ControlError(TickoverError):
    """A function may not be moved as asked; nothing was changed. The text says what may be done instead."""


class EnqueueError(TickoverError):
    """A job cannot be stored as given; nothing of the call was stored."""


class JobFilterError(TickoverError):
    """A filter of jobs that cannot be kept; the text names every fault, and nothing was done."""


class CursorError(TickoverError):
    """A page was asked for at a place that no page has named; begin again without it."""


class ScheduleError(TickoverError):
    """A recurring job is declared in a way that cannot be kept; the text names every fault."""


class LeaseLostError(TickoverError):
    """Another executor holds the lease now; whoever gets this must stop without recording anything."""


class BudgetExceededError(TickoverError):
    """A piece of work overran the time it was given and was cut off."""


class SendError(TickoverError):
    """Events could not be handed to the engine.

    Args:
        kind: one of `refused`, `rejected`, `unavailable`, `timeout`, `malformed`, `unconfigured`,
            `withheld`.
        detail: what was seen, with the remedy.
        status: the last HTTP status the engine answered with, if it answered.
    """

    def __init__(self, kind: str, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.status = status


class WrongEnvironmentError(TickoverError):
    """This process stands where it may change nothing.

    Args:
        environment: what it is, in words.
        contradictions: what speaks against acting, as JSON objects with `code`, `severity`, `text` and `remedy`.
    """

    def __init__(self, environment: str, contradictions: Sequence[Mapping[str, str]]) -> None:
        errors = [found for found in contradictions if found["severity"] == "error"]
        listed = "".join(f"\n- {found['text']}; {found['remedy']}" for found in errors)
        super().__init__(f"this is {environment}, and nothing is changed here:{listed}")
        self.environment = environment
        self.contradictions = contradictions

    @property
    def codes(self) -> list[str]:
        """The names of the contradictions that forbid it."""
        return [found["code"] for found in self.contradictions if found["severity"] == "error"]


class RedisAwayError(TickoverError):
    """Redis does not answer, or there is none; no fact is lost by that."""


class SealError(TickoverError):
    """A store may not be sealed for this environment; nothing was written."""


class EnvironmentStateError(TickoverError):
    """This machine is not in a state to run: a port is taken, another run is alive, a directory is stale."""


class WireError(TickoverError):
    """The local engine refuses a request, as the real one would.

    Args:
        status: the HTTP status to answer with.
        detail: the message of the answer.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
