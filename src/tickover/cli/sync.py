"""`tickover sync`: have a deployment register its functions at its engine."""

import asyncio
from typing import Annotated
from urllib.parse import urlsplit

import typer

from tickover import clock
from tickover.engine import PATH
from tickover.errors import EnvironmentStateError

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

    endpoint = endpoint_of(url)
    answer = asyncio.run(ask(endpoint, (signing_key or "").strip() or None, clock.now()))
    if not answer.is_registered:
        raise EnvironmentStateError(f"{endpoint} did not register: {answer.status or 'no answer'}: {answer.said}")
    typer.echo(f"{endpoint} registered: {answer.said}")


def endpoint_of(url: str) -> str:
    """The endpoint of a deployment.

    Args:
        url: its origin, or the endpoint's own URL.

    Raises:
        typer.BadParameter: it is no URL of the web.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise typer.BadParameter(f"{url!r} is no URL; write https://HOST")
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path if path.endswith(PATH) else path + PATH}"
