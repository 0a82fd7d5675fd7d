"""Work that binds context variables, for its log lines or for a trace, binds them for itself alone."""

import inspect
from collections.abc import Awaitable, Coroutine, Generator
from contextvars import Context, copy_context
from types import coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


async def apart(work: Awaitable[Result]) -> Result:
    """Await work in the current task, in a copy of its context: what the work binds is gone when it has ended.

    A worker carries out one job after the other, and a run one responsibility after the other. A task for each would
    do the same at ten times the price.

    Args:
        work: not begun yet, where it is a coroutine.
    """
    return await _in_context(copy_context(), work if inspect.iscoroutine(work) else _awaited(work))


async def _awaited(work: Awaitable[Result]) -> Result:
    return await work


@coroutine
def _in_context(context: Context, work: Coroutine[Any, Any, Result]) -> Generator[Any, Any, Result]:
    """Each step of the work in its context; what it waits for, and what is thrown into it, goes through."""
    step: Any = work.send
    given: Any = None
    while True:
        try:
            awaited = context.run(step, given)
        except StopIteration as end:
            result: Result = end.value
            return result
        try:
            given = yield awaited
            step = work.send
        except GeneratorExit:
            context.run(work.close)
            raise
        except BaseException as error:  # noqa: BLE001 - a cancellation above all: it is the work's to answer
            step, given = work.throw, error
