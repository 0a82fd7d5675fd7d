"""What comes at the same time is done together: one transaction for many, none of which waits for the others."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

One = TypeVar("One")
Result = TypeVar("Result")


class Batcher(Generic[One, Result]):
    """Does at once what is there, and meanwhile gathers what comes.

    Args:
        do: does a batch; gives a result for each, in order.
        most: how many at a time.
        own: errors that may be one's own fault: where a batch of several meets one, each is done alone.
    """

    def __init__(
        self,
        do: Callable[[Sequence[One]], Awaitable[Sequence[Result]]],
        most: int,
        own: tuple[type[Exception], ...],
    ) -> None:
        self._do = do
        self._most = most
        self._own = own
        self._waiting: list[tuple[One, asyncio.Future[Result]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, one: One) -> Result:
        """One's result, once its batch is done.

        Raises:
            Exception: what its batch met.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, future))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._together(batch)
        finally:
            self._worker = None

    async def _together(self, batch: Sequence[tuple[One, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._do([one for one, _ in batch])
        except self._own as error:
            if len(batch) > 1:
                for each in batch:
                    await self._together([each])
                return
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001 - it is raised where each of them was submitted
            _fail(batch, error)
        else:
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)


def _fail(batch: Sequence[tuple[object, asyncio.Future[Result]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
