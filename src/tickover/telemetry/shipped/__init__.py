"""What comes with the package for those who watch it: alert rules for Prometheus, and a dashboard for Grafana."""

from importlib.resources import files

RUNBOOK = "docs/runbook.md"
"""Where the shipped rules say that the runbook is."""

_FILES = files("tickover.telemetry.shipped")


def alert_rules(runbook: str = RUNBOOK) -> str:
    """The alert rules, as Prometheus loads them.

    Args:
        runbook: where the runbook is read, without an anchor; each rule links to its own.
    """
    rules = _FILES.joinpath("tickover-alerts.yml").read_text()
    return rules.replace(f"runbook_url: {RUNBOOK}#", f"runbook_url: {runbook}#")


def grafana_dashboard() -> str:
    """The dashboard, as Grafana imports it."""
    return _FILES.joinpath("tickover-dashboard.json").read_text()
