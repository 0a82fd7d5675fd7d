"""The table of a proof, whatever was proven."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from tickover.cli.tables import BAD, GOOD, OPEN, paper, signed_table

if TYPE_CHECKING:
    from tickover.verify.proof.lines import Line

_SIGNS = {"pass": GOOD, "fail": BAD, "not proven": OPEN}


def show_lines(title: str, lines: Sequence[Line]) -> None:
    """Print a line each: what was looked at, what was seen, and what to do about it.

    Args:
        title: what was proven.
        lines: what came of it.
    """
    console = paper()
    console.print(f"[bold]{escape(title)}[/]", soft_wrap=True)
    table = signed_table()
    for line in lines:
        seen = escape(line.seen)
        if line.verdict != "pass" and line.remedy is not None:
            seen += f"\n[bold]do:[/] {escape(line.remedy)}"
        table.add_row(_SIGNS[line.verdict], escape(line.name), seen)
    console.print(table)
    console.print(_sum(lines), soft_wrap=True)


def _sum(lines: Sequence[Line]) -> str:
    count = Counter(str(line.verdict) for line in lines)
    counts = ", ".join(f"{count[verdict]} {verdict}" for verdict in _SIGNS if count[verdict])
    if count["fail"]:
        first = next(line for line in lines if line.verdict == "fail")
        return f"[red]wrong[/]: {counts}; first: {escape(first.name)}"
    if any(line.verdict == "not proven" and line.is_required for line in lines):
        return f"[yellow]not proven[/]: {counts}"
    return f"[green]proven[/]: {counts}"
