"""`tickover jobs`: look at the queue and at what recurs, and requeue dead letters."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from tickover.cli.recurring import recurring
from tickover.cli.tables import cell, plain_table
from tickover.database import Database
from tickover.isolation.own import require_own
from tickover.jobs.looking import StoredJob
from tickover.jobs.queue import JobQueue
from tickover.jobs.states import JobState
from tickover.settings import load_settings

Answer = TypeVar("Answer")

jobs_app = typer.Typer(no_args_is_help=True, help="The job queue: list, show, requeue dead letters, what recurs.")
jobs_app.command()(recurring)

_AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, for machines.")]
_COLUMNS = {  # heading: field
    "id": "id",
    "kind": "kind",
    "client": "client_id",
    "state": "state",
    "tries": "attempts",
    "run at": "run_at",
    "error": "last_error",
}


@jobs_app.command("list")
def list_jobs(
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only jobs of this kind.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    as_json: _AsJson = False,
) -> None:
    """The newest jobs first."""
    jobs = _ask(lambda queue: queue.list(state=state, kind=kind, limit=limit))
    if as_json:
        for job in jobs:
            typer.echo(_json(job))
    else:
        Console().print(_table(jobs))


@jobs_app.command()
def show(job_id: Annotated[int, typer.Argument(help="The job's id.")], as_json: _AsJson = False) -> None:
    """One job with its payload and its last error."""
    job = _ask(lambda queue: queue.show(job_id))
    if job is None:
        raise typer.BadParameter(f"there is no job {job_id}; `tickover jobs list` shows those there are")
    if as_json:
        typer.echo(_json(job))
    else:
        Console().print(_card(job))


@jobs_app.command()
def requeue(
    ids: Annotated[list[int] | None, typer.Argument(help="Ids of dead letters.")] = None,
    kind: Annotated[str | None, typer.Option(help="All dead letters of this kind.")] = None,
    as_json: _AsJson = False,
) -> None:
    """Make dead letters due again, with all their attempts; name either ids or a kind.

    Ids that are not dead, or whose dedupe key an unfinished job holds, are left alone; then the exit code is 1.
    """
    if bool(ids) == (kind is not None):
        raise typer.BadParameter("name either ids or --kind")
    asyncio.run(require_own(load_settings().database_url))
    requeued = _ask(lambda queue: queue.requeue(ids or None, kind=kind))
    left_alone = sorted(set(ids or ()) - set(requeued))
    if as_json:
        typer.echo(json.dumps({"requeued": requeued, "left_alone": left_alone}))
    else:
        typer.echo(f"{len(requeued)} requeued" + (f"; left alone: {left_alone}" if left_alone else ""))
    if left_alone:
        raise typer.Exit(1)


def _ask(question: Callable[[JobQueue], Awaitable[Answer]]) -> Answer:
    async def answer() -> Answer:
        database = Database(load_settings().database_url, size=1)
        await database.open()
        try:
            return await question(JobQueue(database))
        finally:
            await database.close()

    return asyncio.run(answer())


def _fields(job: StoredJob) -> dict[str, Any]:
    return {name: value for name, value in asdict(job).items() if name != "payload"}


def _json(job: StoredJob) -> str:
    fields = json.dumps(_fields(job), default=lambda value: value.isoformat())
    return fields if job.payload is None else f'{fields[:-1]}, "payload": {job.payload}}}'


def _table(jobs: Sequence[StoredJob]) -> Table:
    table = plain_table(list(_COLUMNS), wraps="error")
    for job in jobs:
        fields = _fields(job) | {"attempts": f"{job.attempts}/{job.max_attempts}"}
        table.add_row(*(cell(fields[field]) for field in _COLUMNS.values()))
    return table


def _card(job: StoredJob) -> Table:
    table = Table(show_header=False)
    for name, value in {**_fields(job), "payload": job.payload}.items():
        table.add_row(name, cell(value))
    return table
