"""`tickover metrics`: the alert rules and the dashboard that come with the package."""

import re
from typing import Annotated

import typer

from tickover.telemetry.shipped import RUNBOOK, alert_rules, grafana_dashboard

metrics_app = typer.Typer(no_args_is_help=True, help="What comes with the package for Prometheus and Grafana.")


def _link(said: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._~:/?&=%+@-]+", said):
        raise typer.BadParameter(
            "give where the runbook is read, such as https://wiki.example.com/runbook, without a '#'"
        )
    return said


@metrics_app.command()
def alerts(
    runbook_url: Annotated[
        str, typer.Option(callback=_link, help="Where your people read the runbook; each alert links to its part.")
    ] = RUNBOOK,
) -> None:
    """Print the alert rules: `tickover metrics alerts > tickover-alerts.yml`."""
    typer.echo(alert_rules(runbook_url), nl=False)


@metrics_app.command()
def dashboard() -> None:
    """Print the dashboard, to be imported into Grafana."""
    typer.echo(grafana_dashboard(), nl=False)
