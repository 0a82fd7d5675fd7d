import asyncio
from collections.abc import Sequence

import pytest

from tickover.localengine.batching import Batcher


class Refused(Exception):  # noqa: N818 - what a batch meets, not an error of ours
    """One's own fault."""


class Doubling:
    """Doubles numbers, when it may; refuses odd thirteen, and breaks where it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may = asyncio.Event()
        self.broken: Exception | None = None

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        """Double a batch."""
        self.batches.append(list(numbers))
        await self.may.wait()
        if self.broken is not None:
            raise self.broken
        if 13 in numbers:
            raise Refused
        return [2 * number for number in numbers]


async def submit(batcher: Batcher[int, int], numbers: Sequence[int]) -> list[asyncio.Task[int]]:
    """Submit numbers, in order, and let the batcher see them."""
    tasks = [asyncio.create_task(batcher.submit(number)) for number in numbers]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_what_comes_meanwhile_is_done_together() -> None:
    """The first goes alone, the rest in batches of a bounded size; each gets its own result."""
    do = Doubling()
    batcher = Batcher[int, int](do, 3, ())
    tasks = await submit(batcher, [1]) + await submit(batcher, [2, 3, 4, 5])
    do.may.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8, 10]
    assert do.batches == [[1], [2, 3, 4], [5]]


async def test_ones_own_fault_is_nobody_elses() -> None:
    """A batch that meets it is done one by one."""
    do = Doubling()
    batcher = Batcher[int, int](do, 10, (Refused,))
    tasks = await submit(batcher, [1]) + await submit(batcher, [2, 13, 3])
    do.may.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [r if isinstance(r, int) else type(r) for r in results] == [2, 4, Refused, 6]


async def test_any_other_error_is_everybodys_of_the_batch_and_the_next_one_goes_on() -> None:
    """As a database that is away."""
    do = Doubling()
    do.broken = ConnectionError("away")
    batcher = Batcher[int, int](do, 10, (Refused,))
    first = await submit(batcher, [1])
    rest = await submit(batcher, [2, 3])
    do.may.set()
    assert [type(r) for r in await asyncio.gather(*first, *rest, return_exceptions=True)] == [ConnectionError] * 3
    do.broken = None
    assert await batcher.submit(4) == 8


async def test_who_gives_up_waiting_disturbs_nobody() -> None:
    """Its batch is done all the same."""
    do = Doubling()
    batcher = Batcher[int, int](do, 10, ())
    patient, hasty = await submit(batcher, [1, 2])
    hasty.cancel()
    do.may.set()
    assert await patient == 2
    with pytest.raises(asyncio.CancelledError):
        await hasty
