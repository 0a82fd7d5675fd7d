"""`tickover check`: what is wrong, before it is deployed."""

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tickover import telemetry
from tickover.cli.application import AppOption, load_application
from tickover.cli.proof import show_lines

if TYPE_CHECKING:
    from tickover.verify.proof.lines import Line


def check(
    application: AppOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
    github: Annotated[bool, typer.Option("--github", help="Annotations of GitHub Actions.")] = False,
) -> None:
    """Check settings, environment, contract, handlers and migrations; calls nothing, changes nothing, needs no network.

    All faults at once. Exit code 1 if there is one. What needs the database is looked at where it can be reached.
    """
    from tickover.verify.offline import check as look  # noqa: PLC0415 - each command imports what it needs
    from tickover.verify.proof import report  # noqa: PLC0415

    telemetry.configure_logs(json=True, level=logging.CRITICAL)  # what is wrong is said below
    lines = asyncio.run(look(lambda: load_application(application)))
    if as_json:
        typer.echo(json.dumps(report.as_json(application or "application", lines)))
    elif github:
        _annotate(lines)
    else:
        show_lines("check", lines)
    raise typer.Exit(report.exit_code(lines))


def _annotate(lines: "Sequence[Line]") -> None:
    """Print workflow commands: an error for what fails, a warning for what is not proven."""
    kinds = {"fail": "error", "not proven": "warning"}
    for line in lines:
        if line.verdict in kinds:
            text = line.seen if line.remedy is None else f"{line.seen}; do: {line.remedy}"
            title = _escaped(f"tickover check: {line.name}").replace(":", "%3A").replace(",", "%2C")
            typer.echo(f"::{kinds[line.verdict]} title={title}::{_escaped(text)}")
    passed = sum(line.verdict == "pass" for line in lines)
    typer.echo(f"tickover check: {passed} of {len(lines)} pass")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
