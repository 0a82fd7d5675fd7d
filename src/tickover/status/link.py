"""The way to Redis. One that is away costs a tick one short timeout, whoever asks it for what (invariant 6)."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tickover import clock
from tickover.errors import RedisAwayError

_log = structlog.stdlib.get_logger("tickover.status")
_REST = 5.0  # seconds without another try after one that failed
T = TypeVar("T")


class RedisLink:
    """Asks Redis, and leaves it alone for a while when it does not answer.

    Args:
        url: where it is, `rediss://` for TLS; None where there is none.
        timeout: seconds a question may take.
        monotonic: a clock in seconds.
    """

    def __init__(self, url: str | None, timeout: float, monotonic: Callable[[], float] = clock.monotonic) -> None:
        self._redis = None if url is None else _connect(url, timeout)
        self._monotonic = monotonic
        self._rests_until = 0.0

    @property
    def is_there(self) -> bool:
        """Whether a Redis is configured."""
        return self._redis is not None

    async def ask(self, act: str, question: Callable[[Redis], Awaitable[T]]) -> T:
        """The answer to a question.

        Args:
            act: what it is, for the log.
            question: asks it.

        Raises:
            RedisAwayError: there is none, it does not answer, or it did not a moment ago.
        """
        if self._redis is None or self._monotonic() < self._rests_until:
            raise RedisAwayError("Redis is not asked")
        try:
            return await question(self._redis)
        except (RedisError, OSError, TimeoutError) as error:
            self.rest()
            _log.warning("status.unavailable", act=act, error=str(error), remedy="check REDIS_URL; the ledger answers")
            raise RedisAwayError("Redis does not answer") from error

    def rest(self) -> None:
        """Ask nothing for a while."""
        self._rests_until = self._monotonic() + _REST

    async def close(self) -> None:
        """Give the connections back."""
        if self._redis is not None:
            await self._redis.aclose()


def _connect(url: str, timeout: float) -> Redis:
    return Redis.from_url(
        url, socket_timeout=timeout, socket_connect_timeout=timeout, decode_responses=True, retry=None
    )
