"""What a status write costs over a bare one: `StatusStore.write` against redis-py's own SET of the same JSON.

`make bench` runs it; alone it is `python -m bench.status`. Real Valkey on loopback, both sides in turn in one process.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from redis.asyncio import Redis

from tickover import embedded
from tickover.database import Database
from tickover.ledger.states import State
from tickover.ledger.store import Ledger, StatusRow
from tickover.status.link import RedisLink
from tickover.status.store import Status, StatusStore, status_of

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "1000"))
WARM_UP = 100
_TTL_S = 86_400
_BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def status(number: int) -> Status:
    """The status of a run that succeeded, each newer than the one before."""
    begun = _BEGUN + timedelta(seconds=number + WARM_UP)
    ended = begun + timedelta(seconds=1)
    return status_of(StatusRow("process", State.SUCCEEDED, "durable", "run", 1, begun, ended, None, ended, "key", "id"))


async def measure(url: str) -> dict[str, float]:
    """Medians of both sides in milliseconds, and their ratio."""
    link, redis = RedisLink(url, 5.0), Redis.from_url(url, decode_responses=True)
    ledger = Ledger(Database("postgresql://nowhere/none"), lease_s=30)  # asked only where Redis is away
    store = StatusStore(link, ledger, _TTL_S, "local:bench")
    times: dict[str, list[float]] = {"store": [], "bare": []}

    async def bare(newest: Status) -> None:
        await redis.set("bare", json.dumps(asdict(newest)), ex=_TTL_S)

    sides = {"store": lambda newest: store.write(None, "process", newest), "bare": bare}
    for number in range(-WARM_UP, ROUNDS):
        newest = status(number)
        for name, side in sides.items():
            begin = time.perf_counter()
            await side(newest)
            if number >= 0:
                times[name].append((time.perf_counter() - begin) * 1000)
    written = await redis.get("job:v1:global:process")
    if written is None or json.loads(written)["version"] != status(ROUNDS - 1).version:
        raise SystemExit("the newest status was not written")
    await redis.aclose()
    await link.close()
    store_ms, bare_ms = (statistics.median(times[name]) for name in ("store", "bare"))
    return {"store_ms": store_ms, "bare_ms": bare_ms, "times": store_ms / bare_ms}


def main() -> None:
    """Start a Valkey, measure, print one JSON object."""
    with tempfile.TemporaryDirectory() as folder, embedded.valkey(Path(folder) / "valkey") as (url, _):
        print(json.dumps(asyncio.run(measure(url))))


if __name__ == "__main__":
    main()
