"""What functions did of late, read from the ledger."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from tickover.contract import Function
from tickover.database import Database
from tickover.insight.days import DAY
from tickover.insight.functions import (
    BUCKETS,
    Carried,
    Counted,
    FunctionDay,
    Health,
    buckets,
    health,
    percentiles,
)
from tickover.ledger.states import State
from tickover.sql import statement

MOST_RUNS = 3_000
"""Of a day so many obligations, and runs of each responsibility, are looked at, the newest."""

_NEWEST = 20


@dataclass(frozen=True, slots=True)
class FunctionNow:
    """How a function is.

    Args:
        function: its id.
        health: in a word, with what that stands on.
        last: the newest of its obligations that somebody began; None where there is none.
    """

    function: str
    health: Health
    last: Carried | None


class FunctionDays:
    """Reads what functions did.

    Args:
        database: where the ledger stands.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def now(self, function: Function, now: datetime) -> FunctionNow:
        """How a function is."""
        newest = await self._carried(function.id, now - DAY, _NEWEST)
        last = next((each for each in newest if each.started_at is not None), None)
        return FunctionNow(function.id, health(newest), last)

    async def day(self, function: Function, now: datetime) -> FunctionDay:
        """What a function did over the last day."""
        since = now - DAY
        carried = await self._carried(function.id, since, MOST_RUNS)
        own = [each for each in carried if each.state != State.COVERED]
        return FunctionDay(
            function.id,
            since,
            buckets(carried, since, now),
            percentiles([each.took_s for each in own if each.took_s is not None]),
            percentiles([each.waited_s for each in own if each.waited_s is not None]),
            await self._counted(function, since, now),
            [each for each in carried if each.error][:_NEWEST],
            carried[:_NEWEST],
            health(carried[:_NEWEST]),
            len(carried) == MOST_RUNS,
        )

    async def _carried(self, function: str, since: datetime, most: int) -> list[Carried]:
        asked = {"function": function, "since": since, "most": most}
        return await self._database.rows(Carried, statement("insight/list_carried"), asked)

    async def _counted(self, function: Function, since: datetime, until: datetime) -> dict[str, list[Counted]]:
        responsibilities = [responsibility.id for responsibility in function.responsibilities]
        asked = {"responsibilities": responsibilities, "since": since, "most": MOST_RUNS}
        asked |= {"width": (until - since) / BUCKETS}
        found: dict[str, list[Counted]] = defaultdict(list)
        for row in await self._database.rows(Counted, statement("insight/list_counted"), asked):
            found[row.responsibility].append(row)
        return {responsibility: found[responsibility] for responsibility in responsibilities}
