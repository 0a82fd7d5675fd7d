"""`tickover jobs recurring`: when each recurring job occurs."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from tickover import clock
from tickover.cli.application import AppOption, load_contract
from tickover.cli.tables import cell, paper, plain_table
from tickover.database import Database
from tickover.jobs.recurring import Recurring, declared_in, zone_named
from tickover.jobs.schedules import Schedule, list_schedules
from tickover.settings import load_settings

_NEAR = timedelta(days=180)
_COLUMNS = ("name", "cron", "zone", "last", "next")


def recurring(
    application: AppOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for machines.")] = False,
) -> None:
    """Every recurring job that is known, with its last and its next occurrence in its own time zone.

    With an application: whether it declares each as it is known; one that it does not declare never fires.
    """
    declared = declared_in(load_contract(application)) if application else None
    schedules = asyncio.run(_read(declared))
    if as_json:
        for schedule in schedules:
            typer.echo(_json(schedule))
    else:
        paper().print(_table(schedules, clock.now(), with_declared=declared is not None))


async def _read(declared: Sequence[Recurring] | None) -> Sequence[Schedule]:
    database = Database(load_settings().database_url, size=1)
    await database.open()
    try:
        return await list_schedules(database, declared)
    finally:
        await database.close()


def _table(schedules: Sequence[Schedule], now: datetime, *, with_declared: bool) -> Table:
    headings = [*_COLUMNS, *(["declared"] if with_declared else [])]
    table = plain_table(headings)
    for schedule in schedules:
        times = (_shown(at, schedule.timezone, now) for at in _occurrences(schedule))
        declared = [schedule.declared] if with_declared else []
        table.add_row(*map(cell, (schedule.name, schedule.cron, schedule.timezone, *times, *declared)))
    return table


def _shown(at: datetime | None, timezone: str, now: datetime) -> str | None:
    """A time in its zone to the minute; the year in place of the hour where it is far away, as `ls` does."""
    if at is None:
        return None
    form = "%m-%d %H:%M" if abs(at - now) < _NEAR else "%Y-%m-%d"
    return at.astimezone(zone_named(timezone)).strftime(form)


def _json(schedule: Schedule) -> str:
    zone = zone_named(schedule.timezone)
    last, following = (None if at is None else at.astimezone(zone).isoformat() for at in _occurrences(schedule))
    return json.dumps({**asdict(schedule), "last_at": last, "next_at": following})


def _occurrences(schedule: Schedule) -> tuple[datetime | None, datetime | None]:
    return schedule.last_at, schedule.next_at
