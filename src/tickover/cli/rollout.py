"""`tickover rollout`: where each function stands, and moving it forward."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC
from itertools import groupby
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from tickover import telemetry
from tickover.app import Tickover
from tickover.cli.application import AppOption, load_application
from tickover.cli.operator import who
from tickover.cli.tables import BAD, GOOD, OPEN, cell, paper, plain_table
from tickover.errors import ControlError
from tickover.moments import told
from tickover.rollout.controller import Standing
from tickover.rollout.gates import Verdict
from tickover.rollout.stages import Control

Answer = TypeVar("Answer")
Why = Annotated[str, typer.Option(help="Why, for the audit and for whoever looks.")]
FunctionArgument = Annotated[str, typer.Argument(help="The function's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a function, for machines.")]

rollout_app = typer.Typer(help="Move each function from inline to durable, in stages, on evidence.")
_console = Console(highlight=False, soft_wrap=True)
_SIGNS = {Verdict.PASS: GOOD, Verdict.FAIL: BAD, Verdict.INCONCLUSIVE: OPEN}


@rollout_app.callback(invoke_without_command=True)
def rollout(context: typer.Context, application: AppOption = None, as_json: AsJson = False) -> None:
    """Where each function of each route stands: what is in force, and why, in one line each."""
    context.obj = application
    if context.invoked_subcommand is None:
        standings = _ask(application, _standings)
        if as_json:
            _print_json(standings)
        else:
            _print_table(standings)


@rollout_app.command()
def status(
    context: typer.Context,
    function: Annotated[str | None, typer.Argument(help="Only this function.")] = None,
    as_json: AsJson = False,
) -> None:
    """Stage, evidence, the verdict of each gate and what is missing; and whoever went on against the evidence."""
    standings = [s for s in _ask(context.obj, _standings) if function in {None, s.function}]
    if not standings:
        raise ControlError(f"there is no function {function!r}; `tickover rollout` shows those there are")
    if as_json:
        _print_json(standings)
        return
    for standing in standings:
        _print_standing(standing)


@rollout_app.command()
def begin(context: typer.Context, function: FunctionArgument, why: Why = "the rollout begins") -> None:
    """Take a function under control: inline, whatever its flag says, until it is advanced."""
    _move(context, lambda tickover: tickover.rollout.begin(function, who(), why))


@rollout_app.command()
def advance(
    context: typer.Context,
    function: FunctionArgument,
    why: Why = "",
    override: Annotated[bool, typer.Option("--override", help="Although its gates do not pass; needs --why.")] = False,
) -> None:
    """One step forward, if the gates pass: inline, shadow, 5 % of the ticks, 25 %, all."""
    if override and not why.strip():
        raise typer.BadParameter("--override needs --why: it is kept, and shown for ever")
    reason = why.strip() or "its gates pass"
    _move(context, lambda tickover: tickover.rollout.advance(function, who(), reason, override=override))


@rollout_app.command()
def release(context: typer.Context, function: FunctionArgument, why: Why = "") -> None:
    """Let a function that was rolled back go on: at the first canary step, or with its shadow again."""
    if not why.strip():
        raise typer.BadParameter("say --why: what was wrong, and what mended it")
    _move(context, lambda tickover: tickover.rollout.release(function, who(), why))


@rollout_app.command()
def auto(
    context: typer.Context,
    function: FunctionArgument,
    switch: Annotated[str, typer.Argument(metavar="on|off", help="Whether it advances by itself.")],
    why: Why = "",
) -> None:
    """Let a function advance by itself, beside a tick, when its gates pass; or no longer."""
    if switch not in {"on", "off"}:
        raise typer.BadParameter("say on or off")
    reason = why.strip() or f"auto {switch}"
    _move(context, lambda tickover: tickover.rollout.set_auto(function, who(), reason, auto=switch == "on"))


def _move(context: typer.Context, move: Callable[[Tickover], Awaitable[Control]]) -> None:
    async def moved(tickover: Tickover) -> Control:
        await tickover.guard.require()
        return await move(tickover)

    control = _ask(context.obj, moved)
    extra = "".join([", held" if control.held else "", ", advances by itself" if control.auto else ""])
    typer.echo(f"{control.function}: {control.step}{extra}")


def _ask(application: str | None, question: Callable[[Tickover], Awaitable[Answer]]) -> Answer:
    async def answer() -> Answer:
        await tickover.database.open()
        try:
            return await question(tickover)
        finally:
            await tickover.close()

    tickover = load_application(application)
    telemetry.configure_logs(json=False, level=logging.CRITICAL)  # after the application; the answer tells it
    return asyncio.run(answer())


async def _standings(tickover: Tickover) -> Sequence[Standing]:
    return await tickover.rollout.standings()


def _print_table(standings: Sequence[Standing]) -> None:
    """All functions of all routes on one screen."""
    table = plain_table(["function", "in force", "gates", "why"])
    for route, group in groupby(standings, key=lambda standing: standing.route):
        for number, standing in enumerate(group):
            if not number:
                table.add_row(Text(route, style="bold"), "", "", Text(_seen(standing), style="dim"))
            table.add_row(
                cell(f"  {standing.function}"),
                cell(standing.in_force.step),
                cell(standing.verdict if standing.gates else None),
                cell(standing.in_force.why),
            )
    paper().print(table)


def _seen(standing: Standing) -> str:
    if standing.seen_at is None:
        return "no tick has come yet"
    return f"as the tick of {standing.seen_at.astimezone(UTC):%m-%d %H:%M:%S} found it"


def _print_standing(standing: Standing) -> None:
    control = standing.control
    _console.print(f"[bold]{escape(standing.function)}[/] ({escape(standing.route)})")
    _console.print(f"  in force: {standing.in_force.step}, {escape(standing.in_force.why)} [dim]({_seen(standing)})[/]")
    if control.step is not None:
        marks = [name for name, is_on in (("held", control.held), ("advances by itself", control.auto)) if is_on]
        marked = f" ({', '.join(marks)})" if marks else ""
        _console.print(f"  set: {control.step}{marked}, version {control.version}, since {told(control.changed_at)}")
    if standing.breach is not None:
        _console.print(f"  [red]bad evidence[/] {escape(standing.breach.text)}")
    for gate in standing.gates:
        mark = _SIGNS[gate.verdict]
        missing = "" if gate.missing is None else f": {gate.missing}"
        _console.print(f"  {mark} {gate.name:13}  {escape(gate.seen)}, {escape(gate.limit)} is asked{escape(missing)}")
    for override in standing.overrides:
        line = f"{override.before} to {override.after} by {override.by}: {override.reason}"
        _console.print(f"  [yellow]overridden[/] {told(override.at)} {escape(line)}")


def _print_json(standings: Sequence[Standing]) -> None:
    for standing in standings:
        typer.echo(json.dumps(standing.as_json()))
