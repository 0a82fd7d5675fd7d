"""Each function's newest status: mirrored in Redis, and read from the ledger where Redis is away."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import structlog

from tickover import telemetry
from tickover.errors import RedisAwayError
from tickover.ledger.states import State
from tickover.ledger.store import Ledger, StatusRow
from tickover.status.keys import SEAL, job_status
from tickover.status.link import RedisLink

_log = structlog.stdlib.get_logger("tickover.status")
_WRITE = files("tickover.status").joinpath("write_status.lua").read_text()
_FOREIGN = -1  # what the script answers in the Redis of another environment
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
        redis: the way to Redis; without one the ledger alone answers.
        ledger: what the statuses are read from otherwise.
        ttl: seconds a key lives.
        environment: whose statuses are written, as a seal names it; the Redis of another one is only read.
    """

    def __init__(self, redis: RedisLink, ledger: Ledger, ttl: int, environment: str) -> None:
        self._redis = redis
        self._environment = environment
        self._ledger = ledger
        self._ttl = ttl

    async def write(self, client_id: str | None, function: str, status: Status) -> None:
        """Mirror a status; newer ones, and whatever stands in a foreign Redis, are left as they are."""
        key, value = job_status(client_id, function), json.dumps(asdict(status))
        arguments = value, status.version, str(self._ttl), self._environment
        try:
            written = await self._redis.ask("write", lambda redis: redis.eval(_WRITE, 2, key, SEAL, *arguments))
        except RedisAwayError:
            if self._redis.is_there:
                telemetry.record_status_failure("away")
            return
        if written == _FOREIGN:
            telemetry.record_status_failure("foreign")
            self._redis.rest()
            remedy = "set REDIS_URL to a Redis of this environment"
            _log.error("status.foreign_redis", environment=self._environment, remedy=remedy)

    async def read(self, client_id: str | None, functions: Sequence[str]) -> tuple[str, dict[str, dict[str, Any]]]:
        """The newest status of each function that has one.

        Args:
            client_id: whose; None is global.
            functions: the ids asked for.

        Returns:
            Where they came from (`redis` or `ledger`), and the statuses by function.
        """
        keys = [job_status(client_id, function) for function in functions]
        try:
            mirrored = await self._redis.ask("read", lambda redis: redis.mget(keys))
        except RedisAwayError:
            rows = await self._ledger.newest(functions, client_id)
            return "ledger", {row.function: asdict(status_of(row)) for row in rows}
        found = zip(functions, mirrored, strict=True)
        return "redis", {function: json.loads(text) for function, text in found if text is not None}
