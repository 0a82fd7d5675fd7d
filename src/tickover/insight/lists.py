"""Lists that go on by key: ticks, and the audit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from tickover.database import Database
from tickover.insight.coverage import End, end_of
from tickover.insight.days import TELLING
from tickover.ledger.states import ENDED, State
from tickover.sql import statement

Row = TypeVar("Row")
_LOOKED_AT = 5_000  # ticks that one look for those of one kind takes


@dataclass(frozen=True, slots=True)
class ListedTick:
    """A tick in a list.

    Args:
        id: its place.
        dispatch_key: its name.
        route: whose.
        client_id: for whom; None for all.
        identity_source: what names it.
        mode: how it was answered.
        reason: why so.
        at: when it came.
        owed: how many functions it owes.
        failed: how many of these failed.
        unended: how many have not ended.
        path: the most telling one of those that carried it out.
        send_error: why its events were not taken.
    """

    id: int
    dispatch_key: str
    route: str
    client_id: str | None
    identity_source: str
    mode: str
    reason: str
    at: datetime
    owed: int
    failed: int
    unended: int
    path: str | None
    send_error: str | None

    @property
    def end(self) -> End:
        """What became of it."""
        return end_of(self.owed, self.failed, self.unended)


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An act that is kept.

    Args:
        id: its place.
        at: when.
        action: what was done.
        subject: to what.
        by: by whom.
        reason: why.
        evidence: what it stood on, and what it changed.
    """

    id: int
    at: datetime
    action: str
    subject: str
    by: str
    reason: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """A page of a list, the newest first.

    Args:
        rows: of it.
        next: below which place the page after it goes on; None at the end.
    """

    rows: Sequence[Row]
    next: int | None


class Lists:
    """Reads lists.

    Args:
        database: where they stand.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ticks(self, route: str | None, mode: str | None, before: int | None, limit: int) -> Page[ListedTick]:
        """The newest ticks.

        Args:
            route: of one route.
            mode: answered in this way.
            before: below this place; None for the newest.
            limit: at most so many. Where few are of that kind, a page may hold fewer, and go on.
        """
        asked: dict[str, Any] = {
            "route": route,
            "mode": mode,
            "before": before,
            "limit": limit + 1,
            "window": _LOOKED_AT,
        }
        asked |= {"failed": State.FAILED, "ended": list(ENDED), "paths": list(TELLING)}
        rows = await self._database.rows(ListedTick, statement("insight/list_ticks"), asked)
        if len(rows) > limit:
            return Page(rows[:limit], rows[limit - 1].id)
        looked = await self._database.rows(_Place, statement("insight/find_window_end"), asked) if route or mode else []
        return Page(rows, looked[0].id if looked else None)

    async def audit(self, subject: str | None, before: int | None, limit: int) -> Page[AuditRow]:
        """The newest acts that are kept.

        Args:
            subject: to this alone.
            before: below this place; None for the newest.
            limit: at most so many.
        """
        asked = {"subject": subject, "before": before, "limit": limit + 1}
        rows = await self._database.rows(AuditRow, statement("insight/list_audit"), asked)
        return Page(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


@dataclass(frozen=True, slots=True)
class _Place:
    id: int
