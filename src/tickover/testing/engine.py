"""The engine in the hands of a test."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from time import sleep
from typing import Any

import httpx
from psycopg import Connection
from psycopg.rows import class_row, dict_row, scalar_row

from tickover import clock
from tickover.errors import SendError, WireError
from tickover.sql import statement
from tickover.testing.errors import RunsHangError
from tickover.testing.hanging import Hanging, why_hanging
from tickover.testing.moving import Time
from tickover.testing.observed import Registration
from tickover.testing.run import Run

_POLL = 0.02  # seconds
SOON = timedelta(seconds=1)
"""A sleep or a delay that ends so soon is waited for."""

_TIMEOUT = 30.0  # seconds of a request to the engine
_ENDED_OR_ASLEEP = [
    "step",
    "step_failed",
    "slept",
]  # outcomes of calls that tell of a step; a test holds them to the enum
_WOKE = "woke"


class Engine:
    """An engine that runs in a thread of its own for one test.

    Its methods block; they may be called in async tests too, for neither the engine nor an application of `inngest_app`
    lives in the test's event loop.

    Args:
        url: where it is reached.
        event_key: that senders name; without a signing key any will do.
        signing_key: that calls and answers are signed with; None where nothing is checked.
        connection: to its database.
        time: by which it goes.
        registrations: what it answered to applications that registered, in order.
    """

    def __init__(
        self,
        url: str,
        event_key: str,
        signing_key: str | None,
        connection: Connection[Any],
        time: Time,
        registrations: Sequence[Registration],
    ) -> None:
        self.url = url
        self.event_key = event_key
        self.signing_key = signing_key
        self._connection = connection
        self.time = time
        self.registrations = registrations

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment variables by which the SDK finds this engine; they are set while the test runs."""
        mode = {"INNGEST_DEV": "1"} if self.signing_key is None else {"INNGEST_SIGNING_KEY": self.signing_key}
        return {"INNGEST_BASE_URL": self.url, "INNGEST_EVENT_KEY": self.event_key} | mode

    def send(self, name: str, data: Mapping[str, Any] | None = None, id: str | None = None) -> str:  # noqa: A002 - the event's field
        """Send an event.

        Args:
            name: of the event.
            data: of the event.
            id: by which the engine knows it when it is sent again within 24 h, and starts nothing.

        Returns:
            The engine's id of the event, another one each time.

        Raises:
            SendError: it was not accepted.
        """
        event = {"name": name, "data": dict(data or {})} | ({} if id is None else {"id": id})
        try:
            answer = httpx.post(f"{self.url}/e/{self.event_key}", json=event, timeout=_TIMEOUT, trust_env=False)
        except httpx.TransportError as error:
            raise SendError("unavailable", f"the engine did not answer: {type(error).__name__}: {error}") from error
        if not answer.is_success:
            raise SendError("rejected", f"the engine answered {answer.status_code}: {answer.text}", answer.status_code)
        return str(answer.json()["ids"][0])

    def runs(self, event_id: str | None = None) -> list[Run]:
        """The runs that an event started, the oldest first; all runs where none is named.

        Args:
            event_id: what `send` returned, or the id that the event was sent with.
        """
        with self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(_sql("read_runs"), {"event": event_id, "outcomes": _ENDED_OR_ASLEEP})
            return [Run.of(row) for row in cursor.fetchall()]

    def wait(self, event_id: str | None = None, within: float = 10.0) -> list[Run]:
        """Wait until runs are at rest: ended, or asleep or waiting for their next attempt for more than a second yet.

        Args:
            event_id: whose runs; those of all events, and of cron triggers that are due, where none is named.
            within: seconds to wait at most.

        Returns:
            The runs.

        Raises:
            RunsHangError: some are not at rest by then; says which, where they hang, and what was answered last.
        """
        __tracebackhide__ = True  # pytest shows the line of the test instead
        until = clock.monotonic() + within
        while True:
            calls, triggers = self._hanging(event_id), [] if event_id else self._due_triggers()
            if not calls and not triggers:
                return self.runs(event_id)
            if clock.monotonic() > until:
                raise RunsHangError(why_hanging(calls, triggers, within))
            sleep(_POLL)

    def fault(self, kind: str, **options: Any) -> None:
        """Let something go wrong from now on: see docs/local-engine.md, Faults.

        Args:
            kind: of the fault.
            options: how often, how long, for what.

        Raises:
            WireError: the engine knows no such fault.
        """
        answer = httpx.post(f"{self.url}/faults", json={"kind": kind} | options, timeout=_TIMEOUT, trust_env=False)
        if not answer.is_success:
            raise WireError(answer.status_code, f"the engine refuses the fault: {answer.text}")

    def _hanging(self, event_id: str | None) -> Sequence[Hanging]:
        with self._connection.cursor(row_factory=class_row(Hanging)) as cursor:
            cursor.execute(_sql("list_hanging"), {"event": event_id, "soon": self.time.now() + SOON, "woke": _WOKE})
            return cursor.fetchall()

    def _due_triggers(self) -> Sequence[str]:
        with self._connection.cursor(row_factory=scalar_row) as cursor:
            cursor.execute(_sql("list_due_triggers"), {"at": self.time.now()})
            return cursor.fetchall()


def _sql(verb: str) -> bytes:
    return statement(verb, "tickover.testing.sql")
