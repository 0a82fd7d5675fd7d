"""`tickover verify`: prove a live deployment right, from outside."""

import asyncio
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from tickover import telemetry
from tickover.cli.application import load_contract
from tickover.cli.local_run import given, local_run
from tickover.cli.proof import show_lines
from tickover.cli.urls import origin_of
from tickover.isolation.engine import leads_here
from tickover.isolation.kinds import Kind

if TYPE_CHECKING:
    from tickover.verify.proof.lines import Line
    from tickover.verify.proof.prove import Plan
    from tickover.verify.proof.target import Access


Url = Annotated[str, typer.Argument(help="The deployment's origin, as the engine and cron call it.")]
Expect = Annotated[Kind | None, typer.Option(help="The environment it is to be.")]
CronSecret = Annotated[str | None, typer.Option(envvar="CRON_SECRET", help="The deployment's, or an ID token for it.")]
SigningKey = Annotated[str | None, typer.Option(envvar="INNGEST_SIGNING_KEY", help="Of its engine's environment.")]
EventKey = Annotated[str | None, typer.Option(envvar="INNGEST_EVENT_KEY", help="To compare with its own.")]
EngineUrl = Annotated[str | None, typer.Option(envvar="INNGEST_BASE_URL", help="Its engine, where not Inngest Cloud.")]
App = Annotated[
    str | None, typer.Option("--app", help="Compare with this Tickover object's contract, `module:attribute`.")
]
Routes = Annotated[list[str] | None, typer.Option(help="Only this route; may be repeated.")]
Headers = Annotated[list[str] | None, typer.Option(help="`name: value`, sent along; may be repeated.")]
Timeout = Annotated[float, typer.Option(min=1, max=3600, help="Seconds a canary tick may take.")]
Inline = Annotated[bool, typer.Option("--expect-inline", help="Ticks are to be inline: the flag is off, or beaten.")]
NoCanary = Annotated[bool, typer.Option("--no-canary", help="Fire no tick; nothing is proven then.")]
Failure = Annotated[
    bool, typer.Option("--force-enqueue-failure", help="Fire one more with a bad event key; not in production.")
]
JUnit = Annotated[Path | None, typer.Option(help="Write JUnit XML here.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")]


def verify(
    url: Url,
    expect: Expect = None,
    cron_secret: CronSecret = None,
    signing_key: SigningKey = None,
    event_key: EventKey = None,
    engine: EngineUrl = None,
    application: App = None,
    route: Routes = None,
    header: Headers = None,
    timeout: Timeout = 60.0,
    expect_inline: Inline = False,
    no_canary: NoCanary = False,
    force_enqueue_failure: Failure = False,
    junit: JUnit = None,
    as_json: Json = False,
) -> None:
    """Prove a live deployment right: environment, keys, functions, cron, and a real tick followed to its end.

    Exit code 0: proven. 1: something is wrong. 2: nothing is wrong, and something required could not be proven.
    """
    from tickover.verify.proof.answers import Wanted  # noqa: PLC0415 - each command imports what it needs
    from tickover.verify.proof.prove import Plan  # noqa: PLC0415

    telemetry.configure_logs(json=True, level=logging.CRITICAL)  # what is wrong is said below
    functions = None if application is None else [f.id for f in load_contract(application).functions]
    origin = origin_of(url)
    here = local_run() if leads_here(origin) else {}
    access = _access(given(cron_secret, here, "CRON_SECRET"), given(signing_key, here, "INNGEST_SIGNING_KEY"), header)
    has = {"has_secret": access.cron_secret is not None, "has_signing_key": access.signing_key is not None}
    known_key, engine_url = given(event_key, here, "INNGEST_EVENT_KEY"), given(engine, here, "INNGEST_BASE_URL")
    wanted = Wanted(origin, expect, functions, known_key, inline=expect_inline, **has)
    doing = {"canary": not no_canary, "force_failure": force_enqueue_failure}
    _tell(Plan(wanted, access, engine_url, route or (), timeout, **doing), junit, as_json=as_json)


def _access(cron_secret: str | None, signing_key: str | None, headers: Sequence[str] | None) -> "Access":
    from tickover.verify.proof.target import Access  # noqa: PLC0415

    return Access(cron_secret, signing_key, dict(map(_header, headers or ())))


def _tell(plan: "Plan", junit: Path | None, *, as_json: bool) -> None:
    from tickover.verify.proof import report  # noqa: PLC0415

    lines = asyncio.run(_prove(plan))
    if junit is not None:
        junit.write_text(report.as_junit(f"verify {plan.wanted.url}", lines))
    if as_json:
        typer.echo(json.dumps(report.as_json(plan.wanted.url, lines)))
    else:
        show_lines(f"verify {plan.wanted.url}", lines)
    raise typer.Exit(report.exit_code(lines))


async def _prove(plan: "Plan") -> "Sequence[Line]":
    from tickover.verify.proof.prove import prove  # noqa: PLC0415

    with Console(stderr=True).status("asking") as status:
        return await prove(plan, lambda doing: status.update(f"{doing} …"))


def _header(text: str) -> tuple[str, str]:
    name, separator, value = text.partition(":")
    if not separator or not name.strip():
        raise typer.BadParameter("write --header 'name: value'")
    return name.strip().lower(), value.strip()
