"""Notices as people ask for them, from the command line and from the page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tickover import clock
from tickover.contract import Route
from tickover.errors import SettingsError
from tickover.isolation.guard import Guard
from tickover.isolation.verdict import Verdict
from tickover.notices.courier import Courier
from tickover.notices.notice import Notice
from tickover.notices.rules import concerns
from tickover.notices.states import TOLD, NoticeState
from tickover.notices.store import NoticeStore
from tickover.notices.text import trial
from tickover.ticks.findings import Finding
from tickover.ticks.trouble import wrong_environment

_MOST_OPEN = 1000
_MOST_LISTED = 1000
_SEEN = [state for state in NoticeState if state not in {NoticeState.SUSPECTED, NoticeState.DISMISSED}]


@dataclass(frozen=True, slots=True)
class Tried:
    """A test message.

    Args:
        destination: the name of where to.
        error: how it failed; None where it was taken.
    """

    destination: str
    error: str | None

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON object."""
        return {"destination": self.destination, "works": self.error is None, "error": self.error}


class Notices:
    """What was told, and whether telling works.

    Args:
        store: where notices stand.
        courier: what delivers them.
        guard: what knows whether this process may act.
    """

    def __init__(self, store: NoticeStore, courier: Courier, guard: Guard) -> None:
        self._store = store
        self._courier = courier
        self._guard = guard

    @property
    def destinations(self) -> list[str]:
        """The names of where notices go; none where nothing is configured."""
        return self._courier.names

    async def open_now(self) -> list[Notice]:
        """The notices that are open, the newest first.

        A process in the wrong environment keeps and sends none (invariant 5); that it is there stands before them, and
        in no table.

        Raises:
            psycopg.Error: the database cannot be reached.
        """
        unkept = _unkept(await self._guard.verdict(), clock.now())
        return [*unkept, *await self._store.list(sorted(TOLD), _MOST_OPEN)]

    async def found_around(self, route: Route) -> list[Finding]:
        """What one look finds around a route, whether it has lasted for long enough to be a notice or not.

        Args:
            route: which.

        Raises:
            psycopg.Error: the database cannot be reached.
        """
        return (await self._store.look_around(route, clock.now())).findings(route.id)

    async def recent(self, limit: int = 50) -> list[Notice]:
        """The newest notices that were opened, open or closed, the newest first.

        Args:
            limit: at most so many, up to 1000.

        Raises:
            ValueError: the limit is not from 1 to 1000.
        """
        if not 1 <= limit <= _MOST_LISTED:
            raise ValueError(f"limit must lie between 1 and {_MOST_LISTED}")
        return await self._store.list(_SEEN, limit)

    async def test(self, by: str) -> list[Tried]:
        """Send a test message to each destination, whatever the hour, and keep in the audit who did.

        Args:
            by: who does.

        Raises:
            SettingsError: nothing is configured.
            WrongEnvironmentError: nothing may be sent here, and nothing was.
        """
        await self._guard.require()
        if not self.destinations:
            raise SettingsError("TICKOVER_NOTICES is not set: there is nowhere to send to")
        errors = await self._courier.send_to_all(trial(self._courier.place, by, clock.now()))
        await self._store.audit_test(", ".join(errors), by, {"errors": errors})
        return [Tried(name, error) for name, error in errors.items()]


def _unkept(verdict: Verdict, now: datetime) -> list[Notice]:
    contradictions = [found.as_json() for found in verdict.contradictions] if verdict.is_refused else []
    found = concerns(wrong_environment(str(verdict.environment), contradictions), "")
    return [
        Notice(
            id=0,
            version=0,
            key=concern.key,
            scope=concern.scope,
            code=concern.code,
            severity=concern.severity,
            state=NoticeState.OPEN,
            subjects=concern.subjects,
            text=concern.text,
            remedy=concern.remedy,
            affects=["every tick: it is answered 409"],
            done=["changed nothing, and sent nothing"],
            evidence=concern.evidence,
            is_new=True,
            first_seen_at=now,
            seen_at=now,
            opened_at=now,
            away_since=None,
            closed_at=None,
            seen_count=1,
            flaps=0,
        )
        for concern in found
    ]
