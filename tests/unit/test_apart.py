"""Work apart from what it binds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

import pytest

from tickover.execution.apart import apart

_bound: ContextVar[str] = ContextVar("bound", default="nothing")


async def test_what_work_binds_is_gone_when_it_has_ended() -> None:
    """Before and after it waits; what was bound around it is seen in it, and stands as before."""
    _bound.set("around")

    async def work() -> list[str]:
        seen = [_bound.get()]
        _bound.set("within")
        await asyncio.sleep(0)
        return [*seen, _bound.get()]

    assert await apart(work()) == ["around", "within"]
    assert _bound.get() == "around"


async def test_what_work_starts_sees_what_it_has_bound() -> None:
    """A task, and a thread."""

    async def work() -> list[str]:
        _bound.set("within")
        return [await asyncio.create_task(_say()), await asyncio.to_thread(_bound.get)]

    assert await apart(work()) == ["within", "within"]


async def test_whatever_can_be_awaited_is_awaited() -> None:
    """A future as well as a coroutine."""
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, "done")
    assert await apart(future) == "done"


async def test_an_error_comes_out_and_what_was_bound_does_not() -> None:
    """Whether it is raised at once or after a wait, and a token of the work's own can be reset there."""

    async def work(turns: int) -> None:
        token = _bound.set("within")
        try:
            for _ in range(turns):
                await asyncio.sleep(0)
            raise ValueError(turns)
        finally:
            _bound.reset(token)

    for turns in (0, 3):
        with pytest.raises(ValueError, match=str(turns)):
            await apart(work(turns))
    assert _bound.get() == "nothing"


async def test_work_is_cut_off_by_a_timeout_around_it_and_by_its_own() -> None:
    """Its clean-up runs, in its own context; a timeout within it is its own to answer."""
    cleaned: list[str] = []

    @asynccontextmanager
    async def cleaning() -> AsyncIterator[None]:
        _bound.set("within")
        try:
            yield
        finally:
            await asyncio.sleep(0)
            cleaned.append(_bound.get())

    async def hang() -> None:
        async with cleaning():
            await asyncio.Event().wait()

    async def answer() -> str:
        try:
            async with asyncio.timeout(0):
                await hang()
        except TimeoutError:
            return "its own"
        return "none"

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await apart(hang())
    assert await apart(answer()) == "its own"
    assert cleaned == ["within", "within"]
    assert _bound.get() == "nothing"


async def test_work_may_swallow_a_cancellation_as_it_may_without_it() -> None:
    """What it returns then is what it is said to return."""

    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "went on"
        return "never"

    task = asyncio.create_task(apart(stubborn()))
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "went on"


def test_work_that_is_closed_ends() -> None:
    """A loop that closes what waits: the work's clean-up runs."""
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            ended.append("ended")

    waiting = apart(work())
    waiting.send(None)
    waiting.close()
    assert ended == ["ended"]


async def _say() -> str:
    return _bound.get()
