"""`tickover diagnose`: where a tick's work got stuck, and what to do."""

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from tickover import telemetry
from tickover.cli.application import AppOption, load_application
from tickover.cli.tables import BAD, GOOD, OPEN, paper, signed_table

if TYPE_CHECKING:
    from tickover.app import Tickover
    from tickover.ticks.circuit import Circuit
    from tickover.verify.diagnosis import Diagnosis
    from tickover.verify.links import Link

_WITHOUT = "[dim]\N{EN DASH}[/]"
_SIGNS = {"ok": GOOD, "broken": BAD, "unknown": OPEN}


def diagnose(
    dispatch_key: Annotated[
        str | None, typer.Argument(help="The tick; by default the newest that did not go well.")
    ] = None,
    application: AppOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
) -> None:
    """Why did a tick's work not run? Walks the chain from cron to the status, and names the first broken link.

    Exit code 1 if a link is broken.
    """
    tickover = load_application(application)
    telemetry.configure_logs(json=True, level=logging.CRITICAL)  # what is wrong is said below
    found = asyncio.run(_diagnose(tickover, dispatch_key))
    if as_json:
        typer.echo(json.dumps(_as_json(found)))
    else:
        _show(found)
    if found.broken is not None:
        raise typer.Exit(1)


async def _diagnose(tickover: "Tickover", dispatch_key: str | None) -> "Diagnosis":
    from tickover.verify.diagnosis import diagnose as look  # noqa: PLC0415 - each command imports what it needs

    await tickover.open()
    try:
        return await look(tickover, dispatch_key)
    finally:
        await tickover.close()


def _show(found: "Diagnosis") -> None:
    console = paper()
    tick = found.tick
    if tick is None:
        console.print(f"[bold]no tick[/]: {found.why}")
    else:
        console.print(f"[bold]{escape(tick.dispatch_key)}[/]: {tick.mode}, {escape(tick.reason)}", soft_wrap=True)
        console.print(f"[dim]{found.why}[/]", soft_wrap=True)
    console.print(_table(found.links))
    for route, circuit in found.circuits.items():
        console.print(f"circuit of {route}: {circuit.state}, {escape(circuit.reason)}", soft_wrap=True)
    for finding in found.findings:
        text = f"[red]{finding.code}[/] {finding.subject}: {escape(finding.text)}; {escape(finding.remedy)}"
        console.print(text, soft_wrap=True)
    console.print(_answer(found), soft_wrap=True)


def _table(links: "Sequence[Link]") -> Table:
    """The chain: a line a link, the function named before its own."""
    table = signed_table()
    function = None
    for link in links:
        if link.function != function:
            function = link.function
            table.add_row("", f"[bold]{function}[/]", "")
        dim = link.verdict in {"not reached", "not needed"}
        seen = escape(link.seen)
        if dim:
            seen = f"[dim]{link.verdict}: {seen}[/]"
        elif link.verdict == "unknown":
            seen = f"unknown: {seen}"
        table.add_row(_SIGNS.get(link.verdict, _WITHOUT), link.name, seen)
    return table


def _answer(found: "Diagnosis") -> str:
    link = found.broken
    if link is None:
        return "[green]no link is broken[/]" + (
            "; what is unknown may still come" if any(link.verdict == "unknown" for link in found.links) else ""
        )
    whose = "" if link.function is None else f" ({link.function})"
    return f"[red]first broken link: {link.name}{whose}[/] — do: {escape(link.remedy or '')}"


def _as_json(found: "Diagnosis") -> dict[str, Any]:
    tick, link = found.tick, found.broken
    return {
        "dispatchKey": None if tick is None else tick.dispatch_key,
        "route": None if tick is None else tick.route,
        "mode": None if tick is None else tick.mode,
        "reason": None if tick is None else tick.reason,
        "requestedAt": None if tick is None else tick.requested_at.isoformat(),
        "why": found.why,
        "links": [_link(each) for each in found.links],
        "firstBroken": None if link is None else _link(link),
        "circuits": {route: _circuit(circuit) for route, circuit in found.circuits.items()},
        "findings": [finding.as_json() for finding in found.findings],
    }


def _link(link: "Link") -> dict[str, Any]:
    return {
        "function": link.function,
        "name": link.name,
        "verdict": str(link.verdict),
        "seen": link.seen,
        "remedy": link.remedy,
    }


def _circuit(circuit: "Circuit") -> dict[str, Any]:
    since = None if circuit.since is None else circuit.since.isoformat()
    return {"state": str(circuit.state), "reason": circuit.reason, "since": since}
