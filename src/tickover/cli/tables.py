"""Tables that fit 80 columns: no rules, and only what is long wraps."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.table import Column, Table
from rich.text import Text

GOOD, BAD, OPEN = "[green]✓[/]", "[red]✗[/]", "[yellow]?[/]"
"""How a verdict is shown: it holds, it does not, or nobody knows."""


def plain_table(headings: Sequence[str], wraps: str) -> Table:
    """An empty table.

    Args:
        headings: one for each column.
        wraps: the heading of the one column whose text may be long.
    """
    columns = (Column(name, no_wrap=name != wraps, overflow="fold", min_width=len(name)) for name in headings)
    return Table(*columns, box=None, padding=(0, 2, 0, 0))


def cell(value: object) -> Text:
    """A value as it is: square brackets in an error are no markup, and times are to the second, in UTC."""
    if isinstance(value, datetime):
        return Text(f"{value.astimezone(UTC):%m-%d %H:%M:%S}")
    return Text("-" if value is None else str(value))
