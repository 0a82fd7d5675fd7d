"""When each cron trigger fires next, as rows: kept over restarts, shared by several engine processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from tickover.database import Async
from tickover.localengine import crons
from tickover.localengine.wire import Registered
from tickover.sql import statement


def _sql(name: str) -> bytes:
    return statement(f"schedules/{name}", "tickover.localengine.sql")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron trigger of a function, and when it fires next."""

    function_id: str
    cron: str
    next_at: datetime


async def replace_schedules(connection: Async, app: str, functions: Sequence[Registered], now: datetime) -> None:
    """Store the cron triggers of an app's functions in place of those it had; inside the registration's transaction."""
    given = dict.fromkeys(
        (function.id, str(trigger["cron"]))
        for function in functions
        for trigger in function.config.get("triggers") or []
        if trigger.get("cron") is not None
    )
    parameters = {
        "app": app,
        "functions": [function for function, _ in given],
        "crons": [cron for _, cron in given],
        "times": [crons.parse(cron).after(now) for _, cron in given],
    }
    await connection.execute(_sql("replace_schedules"), parameters)


async def lock_due(connection: Async, now: datetime) -> Schedule | None:
    """A trigger whose time has come, held until the transaction ends; None where there is none."""
    async with connection.cursor(row_factory=class_row(Schedule)) as cursor:
        await cursor.execute(_sql("lock_due"), {"at": now})
        return await cursor.fetchone()


async def move_on(connection: Async, schedule: Schedule, now: datetime) -> None:
    """Let a trigger fire next at its first time after now."""
    parameters = {
        "function_id": schedule.function_id,
        "cron": schedule.cron,
        "next_at": crons.parse(schedule.cron).after(now),
    }
    await connection.execute(_sql("set_next"), parameters)
