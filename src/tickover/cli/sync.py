"""`tickover sync`: have a deployment register its functions at its engine."""

import asyncio
from typing import Annotated

import typer

from tickover import clock
from tickover.cli.local_run import given, local_run
from tickover.cli.urls import origin_of
from tickover.engine import PATH
from tickover.errors import EnvironmentStateError
from tickover.isolation.engine import leads_here

SigningKey = Annotated[
    str | None,
    typer.Option(envvar="INNGEST_SIGNING_KEY", help="Of the deployment's environment; none in dev mode."),
]


def sync(
    url: Annotated[str, typer.Argument(help="The deployment: its origin, or the URL of its /api/inngest.")],
    signing_key: SigningKey = None,
) -> None:
    """Have a deployment register its functions at its engine: a signed request, as from the engine's list of apps."""
    from tickover.engine.sync import sync as ask  # noqa: PLC0415 - each command imports what it needs

    origin = origin_of(url)
    here = local_run() if leads_here(origin) else {}
    key = given(signing_key, here, "INNGEST_SIGNING_KEY")
    endpoint = f"{origin}{PATH}"
    answer = asyncio.run(ask(endpoint, key, clock.now()))
    if not answer.is_registered:
        raise EnvironmentStateError(f"{endpoint} did not register: {answer.status or 'no answer'}: {answer.said}")
    typer.echo(f"{endpoint} registered: {answer.said}")
