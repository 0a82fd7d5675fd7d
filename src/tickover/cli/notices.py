"""`tickover notices`: what somebody was told, and whether telling works."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, TypeVar

import typer
from rich.table import Table
from rich.text import Text

from tickover.cli.operator import who
from tickover.cli.tables import BAD, GOOD, cell, paper
from tickover.database import Database
from tickover.isolation.guard import make_guard
from tickover.isolation.redaction import secrets_in
from tickover.notices.making import make_parts
from tickover.notices.notice import Notice
from tickover.notices.notices import Notices
from tickover.notices.states import TOLD
from tickover.settings import environment, load_settings, redis_url
from tickover.status.link import RedisLink

Answer = TypeVar("Answer")

notices_app = typer.Typer(no_args_is_help=True, help="Notices: what is wrong, what was, and whether messages arrive.")

_AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, for machines.")]


@notices_app.command("list")
def list_notices(
    is_open: Annotated[bool, typer.Option("--open", help="Only those that are open.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    as_json: _AsJson = False,
) -> None:
    """The newest notices first."""
    found = _ask(lambda notices: notices.open_now() if is_open else notices.recent(limit))[:limit]
    if as_json:
        for notice in found:
            typer.echo(json.dumps(notice.as_json()))
    elif found:
        paper().print(_listed(found))
    else:
        typer.echo("no notice is open" if is_open else "no notice was opened yet")


@notices_app.command("test")
def send_test(as_json: _AsJson = False) -> None:
    """Send a test message to each destination of TICKOVER_NOTICES; exit code 1 where one did not take it."""
    tried = _ask(lambda notices: notices.test(who()))
    for one in tried:
        if as_json:
            typer.echo(json.dumps(one.as_json()))
        else:
            line = Table.grid(padding=(0, 1))
            line.add_row(GOOD if one.error is None else BAD, one.destination, cell(one.error or "took it"))
            paper().print(line)
    if any(one.error is not None for one in tried):
        raise typer.Exit(1)


def _ask(question: Callable[[Notices], Awaitable[Answer]]) -> Answer:
    async def answer() -> Answer:
        settings = load_settings()
        database, redis = (
            Database(settings.database_url, size=2),
            RedisLink(redis_url(settings), settings.redis_timeout),
        )
        await database.open()
        try:
            guard = make_guard(database, redis)
            place = f"tickover, {guard.environment}"
            parts = make_parts(database, settings, place, secrets_in(environment()))
            return await question(Notices(parts.store, parts.courier, guard))
        finally:
            await redis.close()
            await database.close()

    return asyncio.run(answer())


def _listed(notices: Sequence[Notice]) -> Table:
    """A notice after the other, its lines beside its id: they are too long for a row."""
    listed = Table.grid(padding=(0, 2, 0, 0))
    for notice in notices:
        head = f"{notice.state} {notice.severity} {notice.code}: {', '.join(notice.subjects)}; since "
        lines = [Text(head, style="bold").append_text(cell(notice.first_seen_at)), Text(notice.text)]
        if notice.state in TOLD:
            lines.append(Text("do: ").append(notice.remedy))
        if notice.due:
            failed = f", of which the newest failed: {notice.last_error}" if notice.last_error else ""
            lines.append(Text(f"{notice.due} to be sent still{failed}", style="yellow"))
        listed.add_row(cell(notice.id or None), Text("\n", overflow="fold").join(lines))
    return listed
