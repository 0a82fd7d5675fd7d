"""What a local run prints: a line per event, for people or as JSON."""

import json
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape

from tickover.ledger.states import DONE, ENDED, State
from tickover.ledger.store import Progress
from tickover.stack.cron import TickResult
from tickover.status.store import iso
from tickover.ticks.answer import progress_as_json


class Lines:
    """Prints a local run.

    Args:
        json_lines: one JSON object a line, for machines.
    """

    def __init__(self, *, json_lines: bool) -> None:
        self._json = json_lines
        self._console = Console(highlight=False, soft_wrap=True)

    def say(self, event: str, text: str, **fields: Any) -> None:
        """One event that is no tick.

        Args:
            event: its name, for machines.
            text: what to tell a person.
            fields: its figures, for machines.
        """
        if self._json:
            self._console.print(json.dumps({"event": event, **fields}), markup=False)
        else:
            self._console.print(text)

    def under_way(self, number: int, at: datetime, seconds: float) -> None:
        """A tick that has not ended after so many seconds: its own line comes when it has."""
        told = f"[dim]{at:%H:%M:%S}[/] [yellow]not ended after {seconds:g} s[/]: `tickover diagnose` shows where it is"
        self.say("under way", told, number=number, scheduledAt=iso(at))

    def tick(self, number: int, result: TickResult) -> None:
        """One tick: the path of each function, what it did and how long it took."""
        if self._json:
            self._console.print(json.dumps({"event": "tick", "number": number, **as_json(result)}), markup=False)
            return
        colour = "green" if result.succeeded else "red"
        mode = escape(str(result.answer.get("mode", "-")))
        self._console.print(
            f"[dim]{result.at:%H:%M:%S}[/] [{colour}]{result.status or '---'} {mode:8}[/] "
            + (f"[red]{escape(result.error)}[/]" if result.error else " · ".join(map(_function, result.obligations)))
            + _send_error(result)
        )
        for recovery in result.answer.get("recovered", []):
            self._console.print(
                f"         [yellow]recovered {recovery['late']} late of {recovery['function']}[/]: "
                f"{escape(recovery['cause'])} [dim]({recovery['state'] or 'another replica is at it'})[/]"
            )


def as_json(result: TickResult) -> dict[str, Any]:
    """A tick as one JSON object."""
    return {
        "scheduledAt": iso(result.at),
        "httpStatus": result.status,
        "mode": result.answer.get("mode"),
        "reason": result.answer.get("reason"),
        "dispatchKey": result.answer.get("dispatchKey"),
        "sendError": result.answer.get("sendError"),
        "recovered": result.answer.get("recovered", []),
        "succeeded": result.succeeded,
        "error": result.error,
        "functions": [progress_as_json(progress) for progress in result.obligations],
    }


def _function(obligation: Progress) -> str:
    if obligation.state not in ENDED:
        return f"{obligation.function} [cyan]{obligation.path or '-'}[/] [yellow]{obligation.state}[/]"
    mark = "[green]✓[/]" if obligation.state in DONE else f"[red]{obligation.state}[/]"
    if obligation.state == State.COVERED:
        return f"{obligation.function} [cyan]covered by a {obligation.covered_path} run[/] {mark}"
    took = progress_as_json(obligation)["durationMs"]
    did = ", ".join(filter(None, (_did(name, summary) for name, summary in obligation.summaries.items())))
    error = f" [red]{escape(obligation.error)}[/]" if obligation.error else ""
    return (
        f"{obligation.function} [cyan]{obligation.path or '-'}[/] {mark}"
        f"{'' if took is None else f' {took:.0f} ms'} [dim]({did or 'nothing due'})[/]{error}"
    )


def _did(name: str, summary: dict[str, Any]) -> str:
    """What a responsibility did; empty where there was nothing to do."""
    looked_at, changed, left = (summary.get(figure, 0) for figure in ("looked_at", "changed", "left"))
    if summary.get("error"):
        return f"{name} [red]failed[/]"
    if not looked_at:
        return ""
    return f"{name} {changed} of {looked_at}" + (f", {left} left" if left else "")


def _send_error(result: TickResult) -> str:
    error = result.answer.get("sendError")
    return f" [yellow](send {escape(error['kind'])}: {escape(error['detail'])})[/]" if error else ""
