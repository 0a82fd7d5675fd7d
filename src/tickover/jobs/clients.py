"""Who waits how long: the clients with due jobs, the one that has waited for the longest time first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tickover.database import Database
from tickover.jobs.looking import Count


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
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, cursor: str | None = None, limit: int = 50, now: datetime | None = None) -> ClientPage:
        """The clients that have due jobs.

        Args:
            cursor: of the page, as the one before it named it; None for the first.
            limit: at most so many, up to 200.
            now: the current time; None reads the clock.

        Raises:
            CursorError: no page can have named the cursor.
            ValueError: the limit is not from 1 to 200.
        """
        raise NotImplementedError
