"""The local engine's own figures: from a send to the first call, runs a second, both again beside a million old runs.

Run `make bench`. Real PostgreSQL, one engine process and an application on the official SDK, all on loopback and on
the same cores, so that the figures are those of all of them together.
"""

import asyncio
import os
import platform
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import psycopg
from bench.tick import free_port, p99

from tickover import embedded
from tickover.stack.processes import Child

SENDS = int(os.environ.get("BENCH_SENDS", "200"))
RUNS = int(os.environ.get("BENCH_RUNS", "5000"))
OLD_RUNS = int(os.environ.get("BENCH_OLD_RUNS", "1000000"))
BATCH = 100
ROUNDS = 3
GOAL_RUNS, GOAL_FIRST_CALL = 500.0, 50.0


@dataclass
class Site:
    """The processes under measurement."""

    engine: Child
    application: Child
    engine_url: str
    application_url: str
    client: httpx.AsyncClient

    async def send(self, count: int) -> None:
        """Send events in one call."""
        events = [{"name": "bench/one", "data": {"sent": time.time()}} for _ in range(count)]
        (await self.client.post(f"{self.engine_url}/e/any", json=events)).raise_for_status()

    async def idle(self) -> None:
        """Wait until every run has ended."""
        while (await self.client.get(f"{self.engine_url}/health")).json()["queued"]:  # noqa: ASYNC110 - other process
            await asyncio.sleep(0.02)

    async def waits(self) -> list[float]:
        """What the application noted."""
        waits: list[float] = (await self.client.get(f"{self.application_url}/waits")).json()
        return waits


async def start(stack: AsyncExitStack, folder: Path, dsn: str) -> Site:
    """Engine and application, synced."""
    ports = free_port(), free_port()
    engine_url, application_url = (f"http://127.0.0.1:{port}" for port in ports)
    environment = os.environ | {"INNGEST_DEV": engine_url}
    serve = ["-m", "uvicorn", "bench.one_request:app", "--port", str(ports[1]), "--log-level", "warning"]
    application = Child("application", serve, environment, folder / "application.log")
    stack.push_async_callback(application.stop)
    command = ["-m", "tickover", "engine", "--port", str(ports[0]), "--app", f"{application_url}/api/inngest"]
    engine = Child("engine", [*command, "--database-url", dsn], environment, folder / "engine.log")
    stack.push_async_callback(engine.stop)
    await engine.answers(f"{engine_url}/health", 60, lambda answer: answer.json().get("functions") == 1)
    client = await stack.enter_async_context(httpx.AsyncClient(timeout=60))
    return Site(engine, application, engine_url, application_url, client)


async def first_calls(site: Site) -> list[float]:
    """Milliseconds from a send to the first call of its run, one at a time."""
    for _ in range(SENDS):
        await site.send(1)
        await site.idle()
    return await site.waits()


async def throughput(site: Site) -> float:
    """Runs a second, from the first send to the last end."""
    begin = time.perf_counter()
    for _ in range(RUNS // BATCH):
        await site.send(BATCH)
    await site.idle()
    took = time.perf_counter() - begin
    if len(await site.waits()) != RUNS:
        raise SystemExit("not every run ran once")
    return RUNS / took


async def measure(site: Site, title: str) -> None:
    """Measure and print."""
    waits = await first_calls(site)
    processes = [psutil.Process(child.pid) for child in (site.engine, site.application)]
    before = [process.cpu_times() for process in processes]
    rates = [await throughput(site) for _ in range(ROUNDS)]
    used = [sum(p.cpu_times()[:2]) - sum(b[:2]) for p, b in zip(processes, before, strict=True)]
    print(title)
    print(
        f"  send to first call: median {statistics.median(waits):.1f} ms, p99 {p99(waits):.1f} ms ({len(waits)} sends)"
    )
    print(f"  runs a second: {', '.join(f'{rate:.0f}' for rate in rates)} ({RUNS} runs each, {BATCH} events a send)")
    cpu = [1000 * seconds / (RUNS * ROUNDS) for seconds in used]
    memory = processes[0].memory_info().rss / 2**20
    print(
        f"  a run costs the engine {cpu[0]:.2f} ms, the application {cpu[1]:.2f} ms of a core; engine {memory:.0f} MiB"
    )
    met = statistics.median(waits) <= GOAL_FIRST_CALL and statistics.median(rates) >= GOAL_RUNS
    print(f"  goal {GOAL_FIRST_CALL:.0f} ms and {GOAL_RUNS:.0f} runs/s: {'met' if met else 'not met'}", flush=True)


async def main() -> None:
    """Start, measure, fill, measure again."""
    with tempfile.TemporaryDirectory() as folder, embedded.postgres(Path(folder) / "postgres") as dsn:
        async with AsyncExitStack() as stack:
            site = await start(stack, Path(folder), dsn)
            with psycopg.connect(dsn, autocommit=True) as connection:
                server = f"PostgreSQL {connection.info.server_version // 10000}"
                print(f"Python {platform.python_version()}, {server}, {os.cpu_count()} cores", flush=True)
                await measure(site, "a fresh database")
                fill = Path(__file__).with_name("fill_runs.sql").read_bytes()
                connection.execute(fill, {"count": OLD_RUNS})
                connection.execute("VACUUM ANALYZE")  # now, lest autovacuum does it while something is measured
                connection.execute("CHECKPOINT")
                await measure(site, f"beside {OLD_RUNS:,} finished runs")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
