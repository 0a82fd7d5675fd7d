"""Calling the body of a responsibility within its time, on every path, and what is kept of what it returns."""

import asyncio
import inspect
import json
from typing import Any

from tickover.contract import Responsibility
from tickover.errors import BudgetExceededError
from tickover.execution.apart import apart
from tickover.execution.budget import Budget
from tickover.execution.run import Run, Summary

ERROR_LENGTH = 1000
"""Characters that are kept of an error."""

_COUNTS = ("looked_at", "changed", "left")
_LARGEST_COUNT = 10**15  # so that a sum of many still is a whole number everywhere
_WIND_DOWN = 0.1  # share of a budget that is kept for handing back and recording ...
_LONGEST_WIND_DOWN = 5.0  # ... seconds at most ...
_SHORTEST_WIND_DOWN = 1.0  # ... and at least, even where that reaches beyond a very short budget


async def call(responsibility: Responsibility, run: Run, hard: Budget) -> Summary:
    """Call the body, async or sync, and cut it off at the hard end of its budget.

    Raises:
        BudgetExceededError: it did not return in time. A sync one goes on in its thread, where it may not write
            any more: its next batch asks for the lease.
    """
    work = responsibility.run
    is_async = inspect.iscoroutinefunction(work) or inspect.iscoroutinefunction(type(work).__call__)
    try:
        async with asyncio.timeout(hard.left()):
            outcome = work(run) if is_async else await asyncio.to_thread(work, run)
            summary = await apart(outcome) if inspect.isawaitable(outcome) else outcome
    except TimeoutError:
        if hard.left() > 0:
            raise  # its own, not ours
        raise BudgetExceededError("cut off when its time was up; let it stop at may_go_on()") from None
    if not isinstance(summary, Summary):
        raise TypeError(f"{responsibility.id} returned {type(summary).__name__}; return a Summary")
    return summary


def soft_end(share: Budget) -> Budget:
    """By when a responsibility is asked to stop, so that it can hand back and record before it is cut off."""
    left = share.left()
    return share.within(left - min(_LONGEST_WIND_DOWN, left * _WIND_DOWN))


def hard_end(share: Budget, soft: Budget) -> Budget:
    """When it is cut off."""
    return Budget(max(share.ends, soft.ends + _SHORTEST_WIND_DOWN), share.now)


def storable(summary: Summary) -> dict[str, Any]:
    """The summary as JSON that PostgreSQL takes: no NaN, nothing that is no JSON, no NUL character; counts that count.

    Raises:
        TypeError: something in it is no JSON.
        ValueError: something in it cannot be kept or counted.
    """
    flat = summary.as_json()
    for name in _COUNTS:
        if type(flat[name]) is not int or not 0 <= flat[name] <= _LARGEST_COUNT:
            raise ValueError(f"a summary's {name} is a whole number from 0 to 10^15, not {flat[name]!r}"[:200])
    if "\\u0000" in json.dumps(flat, allow_nan=False):
        raise ValueError("a summary may not contain a NUL character")
    return flat


def error_text(error: BaseException) -> str:
    """An error as it is kept and shown: its class, and what it says, not endlessly."""
    return f"{type(error).__name__}: {error}"[:ERROR_LENGTH]
