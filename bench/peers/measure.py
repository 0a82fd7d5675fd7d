"""What every measured queue has in common: its task, its clocks, and one JSON line of figures.

A peer is a module of this folder, run as a process of its own, in its own environment: `python -m bench.peers.bare
'{"phase": "drain", "dsn": "…"}'`. So nothing but the standard library, psycopg and uvloop may be imported here.

    install  make the schema
    fill     insert rows, in plain SQL
    enqueue  put no-op jobs in the queue, as fast as the public API allows
    drain    one process works off what is due; its clock stops when the store has recorded all of it
    slice    one process works for a budget, and is then asked to stop as its documentation says
"""

import asyncio
import json
import math
import re
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psycopg
import uvloop

SMALL = "small"
"""How the ids of the small clients begin, whose jobs are counted apart."""

LONGEST_MIXED_S = 3.0
_SHORTEST_MIXED_S = 0.001
_GOLDEN = 0.6180339887
_LOOK_S = 0.005
_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Fill:
    """Rows to be inserted in plain SQL.

    Args:
        state: `due`, `future` or `finished`.
        rows: how many.
        clients: how many clients they are spread over.
        prefix: how the ids of those begin.
    """

    state: str
    rows: int
    clients: int = 100
    prefix: str = "c"


@dataclass(frozen=True)
class Task:
    """What a peer's process is to do.

    Args:
        phase: see the module.
        dsn: a database of its own.
        jobs: how many to enqueue.
        order: `fifo` or `fair`, for who can do both.
        budget: seconds of a slice.
        slices: how many, one after the other.
        work: what a handler does: `noop`, `50ms`, or `mixed` (sleeps of 1 ms to 3 s).
        fill: rows to insert.
    """

    phase: str
    dsn: str
    jobs: int = 0
    order: str = "fifo"
    budget: float = 0.0
    slices: int = 1
    work: str = "noop"
    fill: tuple[Fill, ...] = ()

    def to_json(self) -> str:
        """The argument of a peer's process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Task":
        """The task that `to_json` wrote."""
        values = json.loads(text)
        values["fill"] = tuple(Fill(**fill) for fill in values["fill"])
        return cls(**values)


def sleep_of(work: str, number: int) -> float:
    """Seconds that the handler of a job sleeps; the mixed ones are spread evenly over the orders of magnitude."""
    if work == "mixed":
        share = number * _GOLDEN % 1
        return math.exp(math.log(_SHORTEST_MIXED_S) + share * math.log(LONGEST_MIXED_S / _SHORTEST_MIXED_S))
    return 0.05 if work == "50ms" else 0.0


@dataclass
class Meter:
    """Counts what handlers do; a peer works inside `timed`, and waits in `until_over` where it does not stop by itself.

    Args:
        task: what is being done.
        due: jobs that are due at the start of a drain.
        left: counts what is not recorded as finished.
    """

    task: Task
    due: int
    left: Callable[[], int]
    count: int = 0
    small: int = 0
    last_small: int = 0
    begun: float = 0.0
    ended: float = 0.0
    first: float | None = None
    recorded: float | None = None
    spans: list[tuple[float, float]] = field(default_factory=list)
    all_ran: asyncio.Event = field(default_factory=asyncio.Event)
    _started: int = 0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """From when a worker starts, its connections made, to when it has stopped."""
        self.begun = time.perf_counter()
        yield
        self.ended = time.perf_counter()

    def hit(self, client: str | None = None) -> None:
        """A job of that client has run."""
        if self.first is None:
            self.first = time.perf_counter()
        self.count += 1
        if client is not None and client.startswith(SMALL):
            self.small += 1
            self.last_small = self.count
        if self.count == self.due:
            self.all_ran.set()

    async def job(self, client: str | None = None) -> None:
        """The handler of every asynchronous peer."""
        if self.task.work != "noop":
            begin = time.perf_counter()
            self.first = self.first or begin
            self._started += 1
            try:
                await asyncio.sleep(sleep_of(self.task.work, self._started))
            finally:
                self.spans.append((begin, time.perf_counter()))
        self.hit(client)

    async def until_over(self) -> None:
        """Until the budget is used, or every job that was due is recorded."""
        if self.task.phase == "slice":
            await asyncio.sleep(self.task.budget)
            return
        await self.all_ran.wait()
        until = time.perf_counter() + _PATIENCE_S
        while await asyncio.to_thread(self.left):
            if time.perf_counter() > until:
                raise TimeoutError(f"every job ran, but they are not recorded after {_PATIENCE_S:g} s")
            await asyncio.sleep(_LOOK_S)
        self.recorded = time.perf_counter()


@dataclass(frozen=True)
class Peer:
    """A queue under measurement. Its statements count, and fill with `%(rows)s`, `%(clients)s` and `%(prefix)s`.

    Args:
        install: makes the schema.
        enqueue: puts `task.jobs` in.
        work: works jobs off, each through the meter, until the task is over.
        due: counts jobs that are due or claimed.
        claimed: counts jobs that somebody holds.
        fill: inserts rows, by their state.
        fills_with_triggers: whether the schema's triggers fire meanwhile; some take minutes for a million rows.
    """

    install: Callable[[Task], Awaitable[None]]
    enqueue: Callable[[Task], Awaitable[None]]
    work: Callable[[Task, Meter], Awaitable[None]]
    due: bytes
    claimed: bytes
    fill: Mapping[str, bytes]
    fills_with_triggers: bool = True


def run(peer: Peer) -> None:
    """Carry out the task of the command line and print its figures."""
    task = Task.from_json(sys.argv[1])
    phases = {"install": _install, "fill": _fill, "enqueue": _enqueue, "drain": _drain, "slice": _slice}
    for figures in uvloop.run(phases[task.phase](peer, task)):
        print(json.dumps(figures), flush=True)


def peak_mib() -> float:
    """The most memory this process has had so far.

    On Linux from `/proc`: what getrusage says counts the process that started this one in, as it was just then.
    """
    status = Path("/proc/self/status")
    if status.exists():
        kib = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
        if kib is not None:
            return int(kib[1]) / 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 1024)


Figures = dict[str, float]


async def _install(peer: Peer, task: Task) -> list[Figures]:
    await peer.install(task)
    return []


async def _fill(peer: Peer, task: Task) -> list[Figures]:
    with psycopg.connect(task.dsn, autocommit=True) as connection:
        if not peer.fills_with_triggers:
            connection.execute(b"SET session_replication_role = replica")
        for fill in task.fill:
            connection.execute(peer.fill[fill.state], asdict(fill))
        connection.execute(b"VACUUM ANALYZE")  # now, lest autovacuum does it while something is measured
        connection.execute(b"CHECKPOINT")
    return []


async def _enqueue(peer: Peer, task: Task) -> list[Figures]:
    begin = time.perf_counter()
    await peer.enqueue(task)
    return [{"rate": task.jobs / (time.perf_counter() - begin)}]


async def _drain(peer: Peer, task: Task) -> list[Figures]:
    with psycopg.connect(task.dsn, autocommit=True) as connection:
        due = _count(connection, peer.due)
        meter = Meter(task, due, lambda: _count(connection, peer.due))
        await peer.work(task, meter)
        seconds = (meter.recorded or meter.ended) - meter.begun
        if left := _count(connection, peer.due):
            raise RuntimeError(f"{left} of {due} jobs are left after the drain")
    return [{"rate": due / seconds, "jobs": due, "mib": peak_mib()}]


async def _slice(peer: Peer, task: Task) -> list[Figures]:
    with psycopg.connect(task.dsn, autocommit=True) as connection:
        figures = []
        for _ in range(task.slices):
            meter = Meter(task, 0, lambda: 0)
            await peer.work(task, meter)
            figures.append(_figures_of(meter) | {"claimed": _count(connection, peer.claimed)})
    return figures


def _figures_of(meter: Meter) -> Figures:
    took = meter.ended - meter.begun
    budget_ends = meter.begun + meter.task.budget
    last = max((end - begin for begin, end in meter.spans if end > budget_ends), default=0.0)
    overrun = took - meter.task.budget
    return {
        "done": meter.count,
        "rate": meter.count / took,
        "first_ms": ((meter.first or meter.ended) - meter.begun) * 1000,
        "overrun_ms": max(0.0, overrun) * 1000,
        "beyond_handler_ms": max(0.0, overrun - last) * 1000,
        "used": used(meter.spans, meter.begun, meter.task.budget) if meter.spans else 1.0,
        "small": meter.small,
        "last_small": meter.last_small,
        "mib": peak_mib(),
    }


def used(spans: list[tuple[float, float]], begun: float, budget: float) -> float:
    """The share of a budget during which at least one handler ran.

    Args:
        spans: when each handler ran.
        begun: when the slice began.
        budget: its seconds.
    """
    covered, reached = 0.0, begun
    for begin, end in sorted(spans):
        until = min(end, begun + budget)
        covered += max(0.0, until - max(begin, reached))
        reached = max(reached, until)
    return covered / budget


def _count(connection: "psycopg.Connection[tuple[int]]", query: bytes) -> int:
    row = connection.execute(query).fetchone()
    return row[0] if row else 0
