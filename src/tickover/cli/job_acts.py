"""`tickover jobs requeue|discard|run-now|acts|stop`: on some jobs by their ids, or on all that match, with progress."""

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from tickover.cli.operator import who
from tickover.cli.tables import cell, paper, plain_table
from tickover.database import Database
from tickover.errors import JobFilterError
from tickover.execution.budget import Budget
from tickover.isolation.own import require_own
from tickover.jobs.acts import Acted, JobActs
from tickover.jobs.bulk import BulkAct, BulkActs
from tickover.jobs.bulk_states import BulkState
from tickover.jobs.filters import JobFilter
from tickover.jobs.states import Act, JobState
from tickover.settings import load_settings

Ids = Annotated[list[int] | None, typer.Argument(help="Ids of jobs; or all that match, by the options.")]
Kind = Annotated[str, typer.Option(help="Of this kind.")]
Client = Annotated[str, typer.Option(help="Of this client; - for those without one.")]
State = Annotated[JobState | None, typer.Option(help="In this state.")]
Error = Annotated[str, typer.Option(help="With this text in their last error, in upper or lower case.")]
OlderThan = Annotated[str, typer.Option(help="Made at least so long ago: 90s, 15m, 2h, 3d.")]
Why = Annotated[str, typer.Option(help="Why, for the audit; needed where all that match are meant.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, for machines.")]

_WORDS = {Act.REQUEUE: "requeued", Act.DISCARD: "discarded", Act.RUN_NOW: "run_now"}
_TEXTS = {Act.REQUEUE: "requeued", Act.DISCARD: "discarded", Act.RUN_NOW: "due before all others"}
_STEP_S, _LOOKS_EVERY_S = 0.25, 0.5
_PROGRESS = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
_COLUMNS = ("id", "act", "state", "done", "skipped", "share", "by", "why", "filter")


def requeue(
    ids: Ids = None,
    kind: Kind = "",
    client: Client = "",
    error: Error = "",
    older_than: OlderThan = "",
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Make dead letters due again, with all their attempts.

    Those that are not dead, or whose dedupe key an unfinished job holds, are left alone; where ids were named, the exit
    code is 1 then.
    """
    _act(Act.REQUEUE, ids, asked(kind, client, None, error, older_than), why, as_json=as_json)


def discard(
    ids: Ids = None,
    kind: Kind = "",
    client: Client = "",
    state: State = None,
    error: Error = "",
    older_than: OlderThan = "",
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Let jobs that are scheduled, queued or dead never be run; their rows are kept for a time."""
    _act(Act.DISCARD, ids, asked(kind, client, state, error, older_than), why, as_json=as_json)


def run_now(
    ids: Ids = None,
    kind: Kind = "",
    client: Client = "",
    state: State = None,
    error: Error = "",
    older_than: OlderThan = "",
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Let jobs that are scheduled or queued be due now, before all others of their clients."""
    _act(Act.RUN_NOW, ids, asked(kind, client, state, error, older_than), why, as_json=as_json)


def acts(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20, as_json: AsJson = False
) -> None:
    """The newest acts on many jobs, with their progress."""
    found = asyncio.run(_recent(limit))
    if as_json:
        for act in found:
            typer.echo(json.dumps(act.as_json()))
    else:
        table = plain_table(_COLUMNS)
        for act in found:
            words = " ".join(f"{name}={text}" for name, text in act.filter.items())
            share = f"{act.share:.0%}"
            row = (act.id, act.act, act.state, act.done, act.skipped, share, act.by, act.reason, words)
            table.add_row(*map(cell, row))
        paper().print(table)


def stop(act_id: Annotated[int, typer.Argument(help="The act's id, as `tickover jobs acts` shows it.")]) -> None:
    """End an act on many jobs before its end; what is done stays done."""
    asyncio.run(require_own(load_settings().database_url))
    act = asyncio.run(_stop(act_id))
    if act is None:
        raise typer.BadParameter(f"there is no act {act_id}; `tickover jobs acts` shows those there are")
    typer.echo(f"{act.state} after {act.done:,} jobs")


def asked(kind: str, client: str, state: JobState | None, error: str, older_than: str) -> JobFilter:
    """The filter that the options make.

    Raises:
        typer.BadParameter: at least one is not of its form.
    """
    words = {"kind": kind, "client": client, "state": state or "", "error": error, "older_than": older_than}
    try:
        return JobFilter.parse(words)
    except JobFilterError as fault:
        raise typer.BadParameter(str(fault)) from None


def _act(act: Act, ids: Sequence[int] | None, wanted: JobFilter, why: str, *, as_json: bool) -> None:
    if bool(ids) == (wanted != JobFilter()):
        raise typer.BadParameter("name either ids or --kind, --client, --error, --older-than or the like")
    if not ids and not why.strip():
        raise typer.BadParameter("say --why: it is kept, and shown to whoever wonders what became of these jobs")
    asyncio.run(require_own(load_settings().database_url))
    if ids:
        _tell(act, ids, asyncio.run(_act_on(act, ids, why.strip() or "by hand")), as_json=as_json)
        return
    try:
        ended = asyncio.run(_act_on_all(act, wanted, why, as_json=as_json))
    except JobFilterError as fault:
        raise typer.BadParameter(str(fault)) from None
    skipped = f"; left alone: {ended.skipped}" if ended.skipped else ""
    typer.echo(json.dumps(ended.as_json()) if as_json else f"{ended.done} {_TEXTS[act]}{skipped}")
    if ended.state is not BulkState.DONE:
        typer.echo(f"{ended.state}: {ended.error or 'before its end'}", err=True)
        raise typer.Exit(1)


def _tell(act: Act, ids: Sequence[int], acted: Acted, *, as_json: bool) -> None:
    left_alone = sorted(set(ids) - set(acted.done))
    if as_json:
        typer.echo(json.dumps({_WORDS[act]: acted.done, "left_alone": left_alone}))
    else:
        typer.echo(f"{len(acted.done)} {_TEXTS[act]}")
        for job_id in left_alone:
            typer.echo(f"{job_id} was left alone: {acted.refused[job_id]}")
    if left_alone:
        raise typer.Exit(1)


async def _act_on(act: Act, ids: Sequence[int], why: str) -> Acted:
    database = await _opened()
    try:
        return await JobActs(database).act(act, ids, who(), why)
    finally:
        await database.close()


async def _act_on_all(act: Act, wanted: JobFilter, why: str, *, as_json: bool) -> BulkAct:
    """Begin an act and see it to its end; ticks go on with it where this is broken off."""
    database = await _opened()
    bulk = BulkActs(database)
    try:
        current = await bulk.start(act, wanted, who(), why)
        told = Console(stderr=True)
        is_quiet = as_json or not told.is_terminal
        with Progress(*_PROGRESS, console=told, transient=True, disable=is_quiet) as progress:
            task = progress.add_task("", total=1.0)
            while not current.is_over:
                if not await bulk.step(Budget.of(_STEP_S), current.id):
                    await asyncio.sleep(_LOOKS_EVERY_S)  # another process is at it
                current = await bulk.read(current.id) or current
                text = f"act {current.id}: {current.done:,} {_TEXTS[act]}"
                progress.update(task, completed=current.share, description=text)
        return current
    finally:
        await database.close()


async def _recent(limit: int) -> list[BulkAct]:
    database = await _opened()
    try:
        return await BulkActs(database).recent(limit)
    finally:
        await database.close()


async def _stop(act_id: int) -> BulkAct | None:
    database = await _opened()
    try:
        return await BulkActs(database).stop(act_id, who())
    finally:
        await database.close()


async def _opened() -> Database:
    database = Database(load_settings().database_url, size=2)
    await database.open()
    return database
