"""Who waits how long: the clients with due jobs, the one that has waited for the longest time first."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tickover import clock
from tickover.database import Database
from tickover.errors import CursorError
from tickover.jobs.filters import is_client
from tickover.jobs.looking import Count
from tickover.sql import statement

_MOST_LISTED = 200
_DUE_COUNTED_UP_TO = 1000
_CLIENTS_LOOKED_AT = 10_000  # of a lane; found by one step in an index each
_LONGEST_CURSOR = 300


@dataclass(frozen=True, slots=True)
class ClientQueue:
    """How a client's jobs stand.

    Args:
        client_id: whose; None for the jobs without a client.
        due: jobs that are due, counted up to 1,000.
        oldest_run_at: since when the one that has waited longest has been due.
        running: jobs that run now.
        quota: jobs it gets in each round, where `tickover.client_quota` says so.
        max_running: jobs it may have running, where that table says so.
        is_throttled: whether it has as many running as it may.
    """

    client_id: str | None
    due: Count
    oldest_run_at: datetime
    running: int
    quota: int | None
    max_running: int | None
    is_throttled: bool

    def waits(self, now: datetime) -> float:
        """Seconds that its oldest due job has waited.

        Args:
            now: the current time.
        """
        return max((now - self.oldest_run_at).total_seconds(), 0.0)


@dataclass(frozen=True, slots=True)
class ClientPage:
    """A page of clients, the one that has waited for the longest time first.

    Args:
        rows: the clients.
        next: the cursor of the page after it; None at the end.
        is_cut: there are more clients with due jobs than one look takes, and those beyond are left out.
    """

    rows: Sequence[ClientQueue]
    next: str | None
    is_cut: bool = False


class ClientQueues:
    """Looks at the queue client by client.

    Args:
        database: where the queue stands.
        max_running: jobs that a client may have running where `tickover.client_quota` does not say, as the drain's
            settings have it; None for any number.
    """

    def __init__(self, database: Database, max_running: int | None = None) -> None:
        self._database = database
        self._max_running = max_running

    async def page(self, cursor: str | None = None, limit: int = 50, now: datetime | None = None) -> ClientPage:
        """The clients that have due jobs; at most 10,000 of them are looked at.

        Args:
            cursor: of the page, as the one before it named it; None for the first.
            limit: at most so many, up to 200.
            now: the current time; None reads the clock.

        Raises:
            CursorError: no page can have named the cursor.
            ValueError: the limit is not from 1 to 200.
        """
        if not 1 <= limit <= _MOST_LISTED:
            raise ValueError(f"limit must lie between 1 and {_MOST_LISTED}")
        after_time, after_client = (None, None) if cursor is None else _place(cursor)
        parameters = {
            "now": now or clock.now(),
            "after_time": after_time,
            "after_client": after_client,
            "limit": limit + 1,
            "bound": _DUE_COUNTED_UP_TO + 1,
            "most": _CLIENTS_LOOKED_AT,
        }
        found = await self._database.rows(dict, statement("jobs/list_client_queues"), parameters)
        rows = [self._client(row) for row in found[:limit]]
        is_cut = any((row["looked_at"] or 0) >= _CLIENTS_LOOKED_AT for row in found)
        return ClientPage(rows, _cursor(rows[-1]) if len(found) > limit else None, is_cut)

    def _client(self, row: dict[str, Any]) -> ClientQueue:
        most = self._max_running if row["max_running"] is None else row["max_running"]
        due = Count(min(row["due"], _DUE_COUNTED_UP_TO), row["due"] <= _DUE_COUNTED_UP_TO)
        return ClientQueue(
            client_id=row["client"] or None,
            due=due,
            oldest_run_at=row["oldest"],
            running=row["running"],
            quota=row["quota"],
            max_running=most,
            is_throttled=most is not None and row["running"] >= most,
        )


def _cursor(last: ClientQueue) -> str:
    place = json.dumps([last.oldest_run_at.isoformat(), last.client_id or ""])
    return urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[datetime, str]:
    """Where a page begins.

    Raises:
        CursorError: no page can have named it.
    """
    try:
        text = urlsafe_b64decode((cursor[:_LONGEST_CURSOR] + "=" * (-len(cursor) % 4)).encode("ascii"))
        time, client = json.loads(text)
        at = datetime.fromisoformat(time)
    except (ValueError, TypeError, RecursionError):
        at, client = datetime.min, None  # noqa: DTZ901 - without a zone, so that it is refused
    if at.tzinfo is None or not (client == "" or is_client(client)):
        raise CursorError("this is no place in the list of clients: begin again without a cursor")
    return at, client
