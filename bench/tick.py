"""What a tick costs over a bare send: record, send, answer, against the SDK sending the same two events.

Run `make bench`. It starts real PostgreSQL, real Valkey and the local engine on loopback, measures both in turn, in
one process, and prints medians, 99th percentiles and their ratios; with `--json` the medians alone, in one line. The
engine has no application to call, so that nothing else competes for the machine; both sides' events are stored the
same way.
"""

import asyncio
import json
import os
import platform
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import inngest
import psycopg

from tickover import Contract, Function, Responsibility, Route, Run, Summary, Tickover, embedded, telemetry
from tickover.engine.client import make_sdk
from tickover.ledger.store import Ledger, NewTick
from tickover.migrations import migrate
from tickover.settings import Settings
from tickover.stack.processes import Child
from tickover.ticks.answer import TickRequest
from tickover.ticks.identity import Identity

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "300"))
WARM_UP = 30
GOAL = 1.5  # median of the tick over median of the bare send


async def nothing(_: Run) -> Summary:
    """A responsibility that is never reached here."""
    return Summary()


ROUTE = Route(
    "background-jobs",
    "BACKGROUND_JOBS_USE_INNGEST",
    ("queue-drain", "maintain"),
    (
        Function("process-background-jobs", "background/process.requested", (Responsibility("queue-drain", nothing),)),
        Function("background-maintenance", "background/maintenance.requested", (Responsibility("maintain", nothing),)),
    ),
)


def free_port() -> int:
    """A port of the loopback interface that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def start(stack: AsyncExitStack, folder: Path) -> Settings:
    """Servers and engine; the settings of an application beside them."""
    dsn = stack.enter_context(embedded.postgres(folder / "postgres"))
    redis, _ = stack.enter_context(embedded.valkey(folder / "valkey"))
    migrate(dsn)
    port = free_port()
    keys = ["--event-key", "bench", "--signing-key", "signkey-test-" + "ab" * 32]
    arguments = ["-m", "tickover", "engine", "--port", str(port), "--database-url", dsn, *keys]
    engine = Child("engine", arguments, os.environ, folder / "engine.log")
    stack.push_async_callback(engine.stop)
    await engine.answers(f"http://127.0.0.1:{port}/health", 30, lambda answer: answer.is_success)
    os.environ.update(
        DATABASE_URL=dsn,
        REDIS_URL=redis,
        CRON_SECRET="a-secret-of-the-bench",
        INNGEST_BASE_URL=f"http://127.0.0.1:{port}",
        INNGEST_EVENT_KEY="bench",
        INNGEST_SIGNING_KEY=keys[-1],
        BACKGROUND_JOBS_USE_INNGEST="true",
    )
    return Settings.read()


def tick_of(tickover: Tickover) -> Callable[[int], Awaitable[None]]:
    """Handle one tick, from its identity to its answer."""

    async def tick(number: int) -> None:
        identity = Identity(f"background-jobs:v1:id:tick-{number}", "execution-id")
        answer = await tickover.handler.handle(TickRequest(ROUTE, identity, None, "bench", datetime.now(UTC)))
        if answer.mode != "dispatch":
            raise SystemExit(f"the tick fell back: {answer.send_error}")

    return tick


def send_of(sdk: inngest.Inngest) -> Callable[[int], Awaitable[None]]:
    """Send the same two events with nothing around."""

    async def send(number: int) -> None:
        key = f"background-jobs:v1:id:bare-{number}"
        data = {
            "dispatchKey": key,
            "source": "cron",
            "requestedAt": datetime.now(UTC).isoformat(),
            "correlationId": "bench",
        }
        await sdk.send([inngest.Event(name=f.event, id=f"{key}:{f.id}", data=data) for f in ROUTE.functions])

    return send


def ledger_of(tickover: Tickover) -> dict[str, Callable[[int], Awaitable[object]]]:
    """What a tick does in the ledger before and after its send, each alone."""
    ledger = Ledger(tickover.database, lease_s=30)
    owed = {function.id: function.start_by for function in ROUTE.functions}

    def key(number: int) -> str:
        return f"background-jobs:v1:id:alone-{number}"

    async def record(number: int) -> bool:
        tick = NewTick(key(number), ROUTE.id, None, "execution-id", "dispatch", "a benchmark", "bench", owed)
        return await ledger.record(tick)

    async def accept(number: int) -> None:
        await ledger.accept(key(number), ["1", "2"], owed)

    return {"record, alone": record, "acceptance, alone": accept}


async def measure(
    sides: dict[str, Callable[[int], Awaitable[object]]], settle: Callable[[], object]
) -> dict[str, list[float]]:
    """Milliseconds of each call, the sides taking turns, after a warm-up.

    Args:
        sides: what is measured.
        settle: ends the obligations of the ticks so far, as their durable runs would; not measured.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(-WARM_UP, ROUNDS):
        for name, side in sides.items():
            begin = time.perf_counter()
            await side(number)
            if number >= 0:
                times[name].append((time.perf_counter() - begin) * 1000)
        settle()
    return times


def p99(values: list[float]) -> float:
    """The 99th percentile."""
    return statistics.quantiles(values, n=100)[98]


def report(times: dict[str, list[float]], server: str) -> None:
    """Print the table, or one line of JSON."""
    if "--json" in sys.argv:
        medians = {name: statistics.median(values) for name, values in times.items()}
        ours, bare = medians["tick"], medians["bare send"]
        print(json.dumps({"tick_ms": ours, "send_ms": bare, "times": ours / bare}))
        return
    print(f"{ROUNDS} rounds, Python {platform.python_version()}, {server}, {os.cpu_count()} cores")
    print(f"{'':28}{'median ms':>12}{'p99 ms':>12}")
    for name, values in times.items():
        print(f"{name:28}{statistics.median(values):12.2f}{p99(values):12.2f}")
    tick, send = times["tick"], times["bare send"]
    ratio = statistics.median(tick) / statistics.median(send)
    print(f"{'ratio':28}{ratio:12.2f}{p99(tick) / p99(send):12.2f}")
    print(f"goal: {GOAL} in the median: {'met' if ratio <= GOAL else 'not met'}")


async def main() -> None:
    """Start, measure, report."""
    telemetry.configure_logs(json=True, level=40)
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            settings = await start(stack, Path(folder))
            tickover = Tickover(Contract((ROUTE,)), app_id="bench", settings=settings)
            stack.push_async_callback(tickover.close)
            await tickover.open()
            sides = {
                "bare send": send_of(make_sdk("bench", settings, "development")),
                "tick": tick_of(tickover),
                **ledger_of(tickover),
            }
            with psycopg.connect(settings.database_url, autocommit=True) as connection:
                end = (
                    "UPDATE tickover.obligation SET state = 'succeeded', path = 'durable', started_at = now() "
                    "WHERE state = 'accepted'"
                )
                times = await measure(sides, lambda: connection.execute(end))
                report(times, f"PostgreSQL {connection.info.server_version // 10000}")


if __name__ == "__main__":
    asyncio.run(main())
