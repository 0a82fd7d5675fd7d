"""Tables of which nothing is cut off: on a narrow terminal what is widest wraps, in a pipe nothing does."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from tickover.settings import environment

GOOD, BAD, OPEN = "[green]✓[/]", "[red]✗[/]", "[yellow]?[/]"
"""How a verdict is shown: it holds, it does not, or nobody knows."""


_WITHOUT_EDGE = 1_000_000  # columns


def paper() -> Console:
    """What tables are printed on: as wide as the terminal is or COLUMNS says; lines in a pipe may be of any length."""
    console = Console(highlight=False)
    if not console.is_terminal and not environment().get("COLUMNS"):
        console.width = _WITHOUT_EDGE
    return console


def plain_table(headings: Sequence[str]) -> Table:
    """An empty table.

    Args:
        headings: one for each column.
    """
    columns = (Column(name, overflow="fold", min_width=len(name)) for name in headings)
    return Table(*columns, box=None, padding=(0, 2, 0, 0), pad_edge=False)


def signed_table() -> Table:
    """An empty table without headings: a sign, what it is about, and what was seen."""
    return Table(
        Column(no_wrap=True),
        Column(min_width=20, overflow="fold"),
        Column(overflow="fold"),
        box=None,
        show_header=False,
    )


def cell(value: object) -> Text:
    """A value as it is: square brackets in an error are no markup, and times are to the second, in UTC."""
    if isinstance(value, datetime):
        return Text(f"{value.astimezone(UTC):%m-%d %H:%M:%S}")
    return Text("-" if value is None else str(value), overflow="fold")
