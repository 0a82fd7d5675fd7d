"""`tickover dashboard`: a one-time link that lets one person in."""

import getpass
from typing import Annotated

import typer

from tickover import clock
from tickover.errors import SettingsError, SignInError
from tickover.settings import load_settings
from tickover.web.access.door import make_dashboard_door
from tickover.web.access.links import one_time_link
from tickover.web.access.people import Person, Role, tidy_name


def dashboard(
    url: Annotated[str, typer.Option(help="Where the application is reached.")] = "http://127.0.0.1:8000",
    name: Annotated[str | None, typer.Option("--as", help="Who is let in; acts are recorded under it.")] = None,
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.OPERATOR,
) -> None:
    """A link to the dashboard that lets one person in, once, within fifteen minutes.

    It is made from TICKOVER_OPERATOR_TOKEN or TICKOVER_VIEWER_TOKEN, which have to be the deployment's.
    """
    settings = load_settings()
    door = make_dashboard_door(settings)
    if role not in door.tokens:
        raise SettingsError(f"TICKOVER_{role.upper()}_TOKEN is not set: set that of the deployment, and there as well")
    try:
        person = Person(tidy_name(name or getpass.getuser()), role)
    except SignInError as error:
        raise typer.BadParameter(str(error), param_hint="--as") from None
    typer.echo(one_time_link(url, settings.dashboard_path, person, door.tokens, clock.now()))
