"""The URL of a deployment, as people give it."""

from urllib.parse import urlsplit

import typer

from tickover.engine import PATH


def origin_of(url: str) -> str:
    """A deployment's origin.

    Args:
        url: the origin, with or without a slash behind it, or the URL of its endpoint.

    Raises:
        typer.BadParameter: it is no URL of the web, or one that names a person.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise typer.BadParameter(f"{url!r} is no URL; write https://HOST")
    if parts.username is not None:
        raise typer.BadParameter("give what a proxy wants with --header, not inside the URL")
    if parts.path.rstrip("/") not in {"", PATH}:
        raise typer.BadParameter(f"{url!r} has a path; give the origin, below which {PATH} and /api/cron are served")
    return f"{parts.scheme}://{parts.netloc}"
