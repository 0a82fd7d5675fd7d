"""How many jobs of a kind may run, and be started, across all replicas."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from psycopg.rows import class_row

from tickover.database import Database
from tickover.sql import statement

_LANES, _LOCK, _DECLARE = "jobs/list_lanes", "jobs/lock_lanes", "jobs/declare_lane"


@dataclass(frozen=True, slots=True)
class Limit:
    """The limits of one kind; they hold for all replicas together.

    Args:
        running: jobs that may run at a time; None for any number. A job counts from its claim to its outcome.
        rate: jobs that may be started within `per`; None for any number. Up to so many may be started at once, after a
            pause.
        per: the time for `rate`.

    Raises:
        ValueError: nothing is limited, or a limit is not above zero.
    """

    running: int | None = None
    rate: int | None = None
    per: timedelta = timedelta(seconds=1)

    def __post_init__(self) -> None:
        given = [limit for limit in (self.running, self.rate) if limit is not None]
        if not given or min(given) < 1 or self.per <= timedelta():
            raise ValueError("a limit needs `running` or `rate` of at least 1, and `per` above zero")


@dataclass(frozen=True, slots=True)
class Lane:
    """A row of `tickover.lane`: what the jobs of a limited kind wait in, and its limits."""

    lane: int
    kind: str
    max_running: int | None
    rate: int | None
    per_s: float | None


async def declare_limits(database: Database, kinds: Collection[str], limits: Mapping[str, Limit]) -> dict[str, int]:
    """Make the limits known to the database; the number of each kind's lane.

    What is limited no more is set free. Kinds of other applications keep what those have declared.

    Args:
        database: where the queue stands.
        kinds: those this application has handlers for.
        limits: of some of them.
    """
    async with database.transaction() as connection, connection.cursor(row_factory=class_row(Lane)) as cursor:
        await cursor.execute(statement(_LANES), {"kinds": list(kinds)})
        lanes = {lane.kind: lane for lane in await cursor.fetchall()}
        wanted = [_columns(kind, limits.get(kind)) for kind in sorted(set(limits) | set(lanes))]
        if changed := [columns for columns in wanted if _differs(lanes.get(columns["kind"]), columns)]:
            await cursor.execute(statement(_LOCK))
            for columns in changed:
                await cursor.execute(statement(_DECLARE), columns)
                lanes[columns["kind"]] = (await cursor.fetchall())[0]
    return {kind: lane.lane for kind, lane in lanes.items()}


def _columns(kind: str, limit: Limit | None) -> dict[str, Any]:
    rate = None if limit is None else limit.rate
    per_s = None if limit is None or rate is None else limit.per.total_seconds()
    return {"kind": kind, "max_running": None if limit is None else limit.running, "rate": rate, "per_s": per_s}


def _differs(lane: Lane | None, wanted: Mapping[str, Any]) -> bool:
    return lane is None or any(getattr(lane, name) != value for name, value in wanted.items())
