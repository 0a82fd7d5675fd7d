"""Each function's newest status: mirrored in Redis, and read from the ledger where Redis is away."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tickover import clock
from tickover.ledger.states import State
from tickover.ledger.store import Ledger, StatusRow
from tickover.status.keys import job_status

_log = structlog.stdlib.get_logger("tickover.status")
_WRITE = files("tickover.status").joinpath("write_status.lua").read_text()
_REST_AFTER_FAILURE = 5.0  # seconds without another try, so that a dead Redis costs a tick one timeout, not several
_SHOWN = {State.SUCCEEDED: "succeeded", State.RUNNING: "running"}  # everything else is a failed attempt
_ATTEMPT_ENDED = {State.SUCCEEDED, State.FAILED, State.RETRYING, State.INTERRUPTED}


@dataclass(frozen=True, slots=True)
class Status:
    """The newest status of a function, under the names of its JSON form. Times are ISO 8601 in UTC.

    Args:
        status: `running`, `succeeded` or `failed`.
        startedAt: when its newest attempt began.
        finishedAt: when that ended, or None.
        durationMs: how long it took, or None.
        attempt: which attempt at its obligation it was, from 1.
        lastError: what failed, or None.
        path: who carried it out.
        runId: the engine's run, or None.
        dispatchKey: the tick.
        correlationId: what its log lines carry.
        updatedAt: when this was written.
        version: grows with every newer status of the same key.
    """

    status: str
    startedAt: str  # noqa: N815 - the names of the key's JSON are given
    finishedAt: str | None  # noqa: N815
    durationMs: float | None  # noqa: N815
    attempt: int
    lastError: str | None  # noqa: N815
    path: str
    runId: str | None  # noqa: N815
    dispatchKey: str  # noqa: N815
    correlationId: str  # noqa: N815
    updatedAt: str  # noqa: N815
    version: str


def status_of(row: StatusRow) -> Status:
    """The status that a row of the ledger stands for. All its times are the database's, so replicas agree."""
    state = State(row.state)
    finished = row.finished_at if state in _ATTEMPT_ENDED else None
    took = None if finished is None else round((finished - row.started_at).total_seconds() * 1000, 3)
    return Status(
        status=_SHOWN.get(state, "failed"),
        startedAt=iso(row.started_at),
        finishedAt=None if finished is None else iso(finished),
        durationMs=took,
        attempt=row.attempt,
        lastError=row.error,
        path=row.path,
        runId=row.run_id,
        dispatchKey=row.dispatch_key,
        correlationId=row.correlation_id,
        updatedAt=iso(row.updated_at),
        version=f"{int(row.started_at.timestamp() * 1_000_000):020d}:{0 if finished is None else 1}",
    )


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class StatusStore:
    """Writes and reads the status keys. Nothing here raises because Redis is away (invariant 6).

    Args:
        url: where Redis is; None means the ledger alone answers.
        ledger: what the statuses are read from otherwise.
        timeout: seconds a call to Redis may take.
        ttl: seconds a key lives.
        now: a monotonic clock, in seconds.
    """

    def __init__(
        self, url: str | None, ledger: Ledger, timeout: float, ttl: int, now: Callable[[], float] = clock.monotonic
    ) -> None:
        self._redis = None if url is None else _connect(url, timeout)
        self._ledger = ledger
        self._ttl = ttl
        self._now = now
        self._rests_until = 0.0

    async def write(self, client_id: str | None, function: str, status: Status) -> None:
        """Mirror a status; a newer one that stands already is left as it is."""
        await self._call("write", _WRITE, job_status(client_id, function), json.dumps(asdict(status)), status.version)

    async def read(self, client_id: str | None, functions: Sequence[str]) -> tuple[str, dict[str, dict[str, Any]]]:
        """The newest status of each function that has one.

        Args:
            client_id: whose; None is global.
            functions: the ids asked for.

        Returns:
            Where they came from (`redis` or `ledger`), and the statuses by function.
        """
        mirrored = await self._mirrored([job_status(client_id, function) for function in functions])
        if mirrored is not None:
            found = zip(functions, mirrored, strict=True)
            return "redis", {function: json.loads(text) for function, text in found if text is not None}
        rows = await self._ledger.newest(functions, client_id)
        return "ledger", {row.function: asdict(status_of(row)) for row in rows}

    async def close(self) -> None:
        """Give the connections back."""
        if self._redis is not None:
            await self._redis.aclose()

    async def _call(self, act: str, script: str, key: str, value: str, version: str) -> None:
        if self._redis is None or self._now() < self._rests_until:
            return
        try:
            await self._redis.eval(script, 1, key, value, version, str(self._ttl))
        except (RedisError, OSError, TimeoutError) as error:
            self._unavailable(act, error)

    async def _mirrored(self, keys: list[str]) -> Sequence[str | bytes | None] | None:
        if self._redis is None or self._now() < self._rests_until:
            return None
        try:
            return await self._redis.mget(keys)
        except (RedisError, OSError, TimeoutError) as error:
            self._unavailable("read", error)
            return None

    def _unavailable(self, act: str, error: Exception) -> None:
        self._rests_until = self._now() + _REST_AFTER_FAILURE
        _log.warning("status.unavailable", act=act, error=str(error), remedy="check REDIS_URL; the ledger answers")


def _connect(url: str, timeout: float) -> "Redis":
    return Redis.from_url(
        url, socket_timeout=timeout, socket_connect_timeout=timeout, decode_responses=True, retry=None
    )
