"""What PostgreSQL says of how it carries a statement out."""

from collections.abc import Iterator
from typing import Any


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's nodes, itself first."""
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def read(node: dict[str, Any]) -> float:
    """Rows that a scan has looked at."""
    if "Relation Name" not in node:
        return 0.0
    dropped = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + dropped) * node["Actual Loops"])
