"""Which functions owe nothing at this tick? Nothing is sent for them, so an idle minute costs no execution."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from tickover.contract import Function, Responsibility, Route
from tickover.database import Database
from tickover.sql import statement


@runtime_checkable
class Checked(Protocol):
    """A responsibility's body that can tell cheaply whether there is anything to do for it, as `queue_drain` can."""

    async def owes_nothing(self, database: Database, client_id: str | None, now: datetime) -> bool:
        """Whether a run would find nothing to do."""
        ...


class Idleness:
    """Looks, for functions with `skip_idle`, whether they owe anything; all others always do.

    Args:
        database: where queue and ledger stand.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, route: Route, client_id: str | None, now: datetime) -> frozenset[str]:
        """The ids of the route's functions that owe nothing.

        Args:
            route: whose functions.
            client_id: the client that the tick is narrowed to, or None.
            now: when the tick came.
        """
        asked = [function for function in route.functions if function.skip_idle]
        if not asked:
            return frozenset()
        every = {r.id: r.every for function in asked for r in function.responsibilities if r.every is not None}
        last = await self._last_successes(list(every), client_id, now - max(every.values())) if every else {}
        # A tick that comes a little early is not to wait for a whole further one.
        slack = route.window / 2
        return frozenset([f.id for f in asked if await self._owes_nothing(f, client_id, now, last, slack)])

    async def _owes_nothing(
        self, function: Function, client_id: str | None, now: datetime, last: Mapping[str, datetime], slack: timedelta
    ) -> bool:
        if any(is_due(r, last.get(r.id), now, slack) for r in function.responsibilities):
            return False
        checks = [check for r in function.responsibilities if (check := _check(r)) is not None]
        return all([await check.owes_nothing(self._database, client_id, now) for check in checks])

    async def _last_successes(
        self, responsibilities: Sequence[str], client_id: str | None, since: datetime
    ) -> dict[str, datetime]:
        parameters = {"responsibilities": list(responsibilities), "client_id": client_id, "since": since}
        async with self._database.connection() as connection:
            cursor = await connection.execute(statement("rollout/list_last_successes"), parameters)
            return {name: at for name, at in await cursor.fetchall() if at is not None}


def is_due(responsibility: Responsibility, last: datetime | None, now: datetime, slack: timedelta) -> bool:
    """Whether a responsibility is due by its `every`; one without is due only if its body says so.

    Args:
        responsibility: which.
        last: when it last succeeded; None where it never did.
        now: when the tick came.
        slack: how much earlier than its time it may run.
    """
    if responsibility.every is None:
        return not responsibility.is_checked
    return last is None or now - last + slack >= responsibility.every


def _check(responsibility: Responsibility) -> Checked | None:
    """What tells whether there is anything to do for a responsibility, where its body can."""
    run: object = responsibility.run
    return run if isinstance(run, Checked) else None
