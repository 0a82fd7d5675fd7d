"""What became of a route's ticks, read from the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tickover.contract import Route
from tickover.database import Database
from tickover.insight.coverage import ENOUGH_TICKS, Cell, Coverage, Span, TickFate, band, cover, end_of
from tickover.ledger.states import ENDED, Path, State
from tickover.sql import statement

DAY = timedelta(hours=24)
MOST_TICKS = 3_000
"""Of a day so many ticks are looked at, the newest: with more than two a minute the look goes back less far."""

MOST_CELLS = 1_500
_EVER = datetime.min.replace(tzinfo=UTC)
TELLING = (Path.DURABLE, Path.INLINE, Path.FALLBACK, Path.RECOVERY)
"""Paths; of those that carried a tick out, the last of this list tells most."""


@dataclass(frozen=True, slots=True)
class _Row:
    dispatch_key: str
    at: datetime
    owed: int
    failed: int
    unended: int
    twice: bool
    path: str | None


@dataclass(frozen=True, slots=True)
class Day:
    """What became of a route's ticks of the last day.

    Args:
        route: its id.
        coverage: taken together.
        cells: each for itself.
        is_cut: there are more ticks of that day than one look takes; these are the newest.
    """

    route: str
    coverage: Coverage
    cells: Sequence[Cell]
    is_cut: bool


class Days:
    """Reads what became of ticks.

    Args:
        database: where the ledger stands.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def day(self, route: Route, now: datetime) -> Day:
        """The last day of a route.

        Args:
            route: which.
            now: the end of that day.
        """
        ticks = await self.fates(route.id, now - DAY, now, MOST_TICKS)
        is_cut = len(ticks) == MOST_TICKS
        earlier = [] if is_cut else await self.fates(route.id, _EVER, now - DAY, ENOUGH_TICKS)
        span = Span(ticks[0].at if is_cut else now - DAY, now, ticks, earlier)
        return Day(route.id, cover(route.every, span), band(route.every, span, MOST_CELLS), is_cut)

    async def fates(self, route: str, since: datetime, until: datetime, most: int) -> list[TickFate]:
        """The newest ticks of a span, in the order in which they came.

        Args:
            route: whose.
            since: after when they came.
            until: until when.
            most: at most so many.
        """
        asked = {"route": route, "since": since, "until": until, "most": most, "failed": State.FAILED}
        asked |= {"ended": list(ENDED), "paths": list(TELLING)}
        return [_fate(row) for row in await self._database.rows(_Row, statement("insight/list_fates"), asked)]


def _fate(row: _Row) -> TickFate:
    end = end_of(row.owed, row.failed, row.unended)
    return TickFate(row.dispatch_key, row.at, row.path, end, row.twice)
