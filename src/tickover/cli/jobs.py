"""`tickover jobs`: look at the queue and at what recurs; what is done to jobs stands in `job_acts.py`."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any, TypeVar

import typer
from rich.table import Table

from tickover.cli import job_acts
from tickover.cli.recurring import recurring
from tickover.cli.tables import cell, paper, plain_table
from tickover.database import Database
from tickover.jobs.filters import JobFilter
from tickover.jobs.looking import StoredJob
from tickover.jobs.masking import mask
from tickover.jobs.queue import JobQueue
from tickover.settings import JobSettings, load_settings

Answer = TypeVar("Answer")

jobs_app = typer.Typer(no_args_is_help=True, help="The job queue: list, show, requeue, discard, run now, what recurs.")
jobs_app.command()(recurring)
for _act in (job_acts.requeue, job_acts.discard, job_acts.run_now, job_acts.acts, job_acts.stop):
    jobs_app.command()(_act)

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
    state: job_acts.State = None,
    kind: job_acts.Kind = "",
    client: job_acts.Client = "",
    error: job_acts.Error = "",
    older_than: job_acts.OlderThan = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    as_json: job_acts.AsJson = False,
) -> None:
    """The newest jobs first."""
    wanted = job_acts.asked(kind, client, state, error, older_than)
    jobs = _ask(lambda queue: _newest(queue, wanted, limit))
    if as_json:
        for job in jobs:
            typer.echo(_json(job))
    else:
        paper().print(_table(jobs))


@jobs_app.command()
def show(job_id: Annotated[int, typer.Argument(help="The job's id.")], as_json: job_acts.AsJson = False) -> None:
    """One job with its payload and its last error."""
    job = _ask(lambda queue: queue.show(job_id))
    if job is None:
        raise typer.BadParameter(f"there is no job {job_id}; `tickover jobs list` shows those there are")
    job = replace(job, payload=mask(job.payload or "null", JobSettings.read().masked_fields))
    if as_json:
        typer.echo(_json(job))
    else:
        paper().print(_card(job))


async def _newest(queue: JobQueue, wanted: JobFilter, limit: int) -> list[StoredJob]:
    """The newest that match, however many looks that takes."""
    page = await queue.page(wanted, None, limit)
    found = list(page.rows)
    while page.next is not None and len(found) < limit:
        page = await queue.page(wanted, page.next, limit - len(found))
        found += page.rows
    return found


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
    table = plain_table(list(_COLUMNS))
    for job in jobs:
        fields = _fields(job) | {"attempts": f"{job.attempts}/{job.max_attempts}"}
        table.add_row(*(cell(fields[field]) for field in _COLUMNS.values()))
    return table


def _card(job: StoredJob) -> Table:
    table = Table(show_header=False)
    for name, value in {**_fields(job), "payload": job.payload}.items():
        table.add_row(name, cell(value))
    return table
