"""How far a walk over a table has come, kept from one tick to the next. Losing it costs time and nothing else."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from tickover.database import Async
from tickover.sql import statement

_ANEW_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Place:
    """A row that a walk has come to, as text of the database's own making.

    Args:
        part: the table, or the partition, that it stands in.
        since: its time; None at the beginning of that table.
        key: its key; likewise.
    """

    part: str
    since: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """A walk that is not at its end.

    Args:
        place: the last row it has dealt with.
        began: when it was at the first row.
        of: what is walked, and how; a place in another walk says nothing.
    """

    place: Place
    began: datetime
    of: str

    def as_json(self) -> dict[str, str | None]:
        """The row's document."""
        place = self.place
        began = self.began.isoformat()
        return {"part": place.part, "since": place.since, "key": place.key, "began": began, "of": self.of}


def to_go_on_with(kept: Progress | None, of: str, now: datetime) -> Progress | None:
    """The walk to go on with; None where it begins anew.

    It begins anew after a day even if it has not come to its end, so that rows it has passed over (they were locked, or
    came later with an older time) do not wait for ever.

    Args:
        kept: what was kept of it.
        of: what is walked now, and how.
        now: the time.
    """
    holds = kept is not None and kept.of == of and timedelta() <= now - kept.began < _ANEW_AFTER
    return kept if holds else None


async def read_progress(connection: Async, name: str) -> Progress | None:
    """How far the walk of that name had come; None where it is at its end, or was never begun."""
    row = await (await connection.execute(statement("maintenance/read_progress"), {"name": name})).fetchone()
    if row is None:
        return None
    kept: dict[str, Any] = row[0]
    place = Place(kept["part"], kept["since"], kept["key"])
    return Progress(place, datetime.fromisoformat(kept["began"]), kept["of"])


async def keep_progress(connection: Async, name: str, progress: Progress | None) -> None:
    """Keep how far a walk has come; None says that it is at its end."""
    if progress is None:
        await connection.execute(statement("maintenance/forget_progress"), {"name": name})
    else:
        values = {"name": name, "position": Jsonb(progress.as_json())}
        await connection.execute(statement("maintenance/keep_progress"), values)
