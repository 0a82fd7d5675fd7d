"""Expressions of functions (CEL): idempotency values, concurrency keys, trigger conditions. Pure."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import cel


@lru_cache(maxsize=1000)
def _compiled(expression: str) -> Any:
    return cel.compile(expression)


def check(expression: str) -> str | None:
    """What is wrong with an expression, or None."""
    try:
        _compiled(expression)
    except ValueError as error:
        return str(error).splitlines()[0]
    return None


def value(expression: str, event: Mapping[str, Any]) -> Any:
    """An expression's value for an event; None where it cannot be computed, for instance for want of a field."""
    try:
        return _compiled(expression).execute({"event": dict(event)})
    except (ValueError, LookupError, TypeError, RuntimeError, ArithmeticError):
        return None
