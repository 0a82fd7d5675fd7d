"""What is measured: each bench for each of its sides, as steps that return figures."""

import asyncio
import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.environments import ROOT
from bench.peers.measure import Fill, Task
from bench.server import Server, vacuum

Figures = dict[str, float]

SIDES: Mapping[str, tuple[str, str]] = {
    "bare": ("bare", "fifo"),
    "tickover fifo": ("tickover", "fifo"),
    "tickover fair": ("tickover", "fair"),
    "pgqueuer": ("pgqueuer", "fifo"),
    "chancy": ("chancy", "fifo"),
    "procrastinate": ("procrastinate", "fifo"),
}
"""Who is compared: the peer's module, and the order it claims in."""

PEERS = tuple(dict.fromkeys(peer for peer, _ in SIDES.values()))
_SLOW = {"procrastinate"}  # one job a round trip
ONCE = frozenset({"memory"})
"""Benches that say the same in every round, so that one is enough."""

_OWN = {"fairness", "memory", "prune", "tick", "status"}  # no peer does it, or it is Tickover's against itself
_PATIENCE_S = 600
_SAID = 300
_TURNS = 2


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Args:
        jobs: of a drain, and of an enqueue.
        slow_jobs: the same for a peer that takes one job a round trip.
        deep: due, finished and future rows of a deep table, each; and due rows of the drain whose memory counts.
        deep_peers: who is measured over one.
        shallow: due rows of the clean table beside it.
        big: due jobs of the one big client, beside 999 of ten each.
        clients: how many have one due job each.
        slices: of a budget, a round.
        seconds: of a slice that counts jobs.
        pruned: rows of the prune's table.
        repeated: how often a tick, or a status, is written.
    """

    jobs: int
    slow_jobs: int
    deep: int
    deep_peers: tuple[str, ...]
    shallow: int
    big: int
    clients: int
    slices: int
    seconds: float
    pruned: int
    repeated: int


FULL = Sizes(20_000, 2_000, 1_000_000, PEERS, 150_000, 500_000, 100_000, 5, 2.0, 1_000_000, 100)
QUICK = Sizes(5_000, 300, 100_000, ("bare", "tickover"), 50_000, 100_000, 20_000, 2, 1.0, 100_000, 40)

_SMALL_CLIENTS, _SMALL_JOBS = 999, 9_990
_BUDGET_DUE = 40_000
_BUDGET_S, _MIXED_S = 1.0, 2.0


class StepFailedError(Exception):
    """A process under measurement failed; the text is the end of what it said."""


class Benches:
    """The benches over one server.

    Args:
        server: of all databases.
        pythons: the interpreter of each peer that can run.
        sizes: how much is measured.
    """

    def __init__(self, server: Server, pythons: Mapping[str, Path], sizes: Sizes) -> None:
        self._server = server
        self._pythons = pythons
        self._sizes = sizes
        self._templates: set[str] = set()
        self._deep: dict[str, str] = {}

    def sides(self, bench: str) -> dict[str, Callable[[], list[Figures]]]:
        """What a bench measures, by the name of each side."""
        here = {name: side for name, side in SIDES.items() if side[0] in self._pythons}
        if bench in _OWN:
            return {"tickover": getattr(self, f"_{bench}")} if "tickover" in self._pythons else {}
        if bench == "slice":
            return self._slices(here)
        if bench == "enqueue":
            here.pop("tickover fifo", None)  # there is one way to enqueue
        if bench == "depth":
            here = {name: side for name, side in here.items() if side[0] in self._sizes.deep_peers}
        measure = getattr(self, f"_{bench}")
        return {
            name.removesuffix(" fair") if bench == "enqueue" else name: _of(measure, side)
            for name, side in here.items()
        }

    def _enqueue(self, peer: str, _: str) -> list[Figures]:
        dsn = self._installed(f"enqueue_{peer}", peer)
        return self._run(peer, Task("enqueue", dsn, self._jobs(peer)))

    def _drain(self, peer: str, order: str) -> list[Figures]:
        name, jobs = f"drain_{peer}", self._jobs(peer)
        dsn = self._installed(name, peer)
        self._run(peer, Task("enqueue", dsn, jobs))
        before = self._server.counters(name)
        figures = self._run(peer, Task("drain", dsn, order=order))
        return [figures[0] | self._server.counters(name).since(before, jobs)]

    def _depth(self, peer: str, order: str) -> list[Figures]:
        sizes = self._sizes
        if peer not in self._deep:
            fills = (Fill("finished", sizes.deep), Fill("future", sizes.deep), Fill("due", sizes.deep))
            self._deep[peer] = self._installed(f"deep_{peer}", peer, *fills)
        else:
            vacuum(self._deep[peer])
        tables = {"clean": self._installed(f"clean_{peer}", peer, Fill("due", sizes.shallow)), "deep": self._deep[peer]}
        rates: dict[str, list[float]] = {"clean": [], "deep": []}
        mib = 0.0
        for _ in range(_TURNS):  # in turn, so that a busy neighbour disturbs both
            for name, dsn in tables.items():
                figures = self._slice(dsn, peer, order, sizes.seconds / _TURNS)
                rates[name].append(figures["rate"])
                mib = figures["mib"]
        clean, deep = (statistics.mean(rates[name]) for name in ("clean", "deep"))
        return [{"clean": clean, "deep": deep, "kept": deep / clean, "mib": mib}]

    def _memory(self) -> list[Figures]:
        dsn = self._installed("memory", "tickover", Fill("due", self._sizes.deep))
        return self._run("tickover", Task("drain", dsn, order="fair"))

    def _fairness(self) -> list[Figures]:
        sizes = self._sizes
        crowd = Fill("due", sizes.big, 1, "big"), Fill("due", _SMALL_JOBS, _SMALL_CLIENTS, "small")
        fair = self._filled_slice("fair", *crowd)
        fifo = self._filled_slice("fifo", *crowd)
        one = self._filled_slice("fair", Fill("due", sizes.clients, 1))
        many = self._filled_slice("fair", Fill("due", sizes.clients, sizes.clients))
        return [
            {
                "fair": fair["rate"],
                "fifo": fifo["rate"],
                "kept": fair["rate"] / fifo["rate"],
                "small_left": _SMALL_JOBS - fair["small"],
                "last_small": fair["last_small"],
                "one": one["rate"],
                "many": many["rate"],
                "times": one["rate"] / many["rate"],
            }
        ]

    def _slices(self, here: Mapping[str, tuple[str, str]]) -> dict[str, Callable[[], list[Figures]]]:
        def budget(peer: str, order: str, work: str, seconds: float) -> list[Figures]:
            dsn = self._installed(f"slice_{peer}", peer, Fill("due", _BUDGET_DUE))
            slices = self._sizes.slices if peer == "tickover" else 1
            return self._run(peer, Task("slice", dsn, order=order, budget=seconds, slices=slices, work=work))

        chosen = {name: side for name, side in here.items() if name not in {"bare", "tickover fifo"}}
        found = {f"{name}, 50 ms": _of(budget, (*side, "50ms", _BUDGET_S)) for name, side in chosen.items()}
        if "tickover fair" in here:
            found["tickover fair, 1 ms to 3 s"] = _of(budget, ("tickover", "fair", "mixed", _MIXED_S))
        return found

    def _prune(self) -> list[Figures]:
        """The one place where `bench/prune.py` is called; without it there is nothing to measure."""
        if importlib.util.find_spec("bench.prune") is None:
            raise StepFailedError("there is no bench/prune.py")
        try:
            measured = asyncio.run(importlib.import_module("bench.prune").measure(rows=self._sizes.pruned))
        except SystemExit as error:
            raise StepFailedError(str(error)) from error
        figures: Figures = measured.figures
        return [figures]

    def _tick(self) -> list[Figures]:
        return _figures([sys.executable, "-m", "bench.tick", "--json"], {"BENCH_ROUNDS": str(self._sizes.repeated)})

    def _status(self) -> list[Figures]:
        return _figures([sys.executable, "-m", "bench.status"], {"BENCH_ROUNDS": str(10 * self._sizes.repeated)})

    def _jobs(self, peer: str) -> int:
        return self._sizes.slow_jobs if peer in _SLOW else self._sizes.jobs

    def _filled_slice(self, order: str, *fills: Fill) -> Figures:
        dsn = self._installed("fairness", "tickover", *fills)
        return self._slice(dsn, "tickover", order, self._sizes.seconds)

    def _slice(self, dsn: str, peer: str, order: str, seconds: float) -> Figures:
        return self._run(peer, Task("slice", dsn, order=order, budget=seconds))[0]

    def _installed(self, name: str, peer: str, *fills: Fill) -> str:
        """A new database with the peer's schema, which is made once and copied, and these rows."""
        template = f"schema_{peer}"
        if peer not in self._templates:
            self._run(peer, Task("install", self._server.fresh(template)))
            self._server.wait_until_left(template)
            self._templates.add(peer)
        dsn = self._server.fresh(name, template)
        if fills:
            self._run(peer, Task("fill", dsn, fill=fills))
        return dsn

    def _run(self, peer: str, task: Task) -> list[Figures]:
        return _figures([str(self._pythons[peer]), "-m", f"bench.peers.{peer}", task.to_json()], {})


def _of(measure: Callable[..., list[Figures]], arguments: tuple[object, ...]) -> Callable[[], list[Figures]]:
    return lambda: measure(*arguments)


def reason_of(output: str) -> str:
    """Why a process failed: what stands below the last traceback of what it said."""
    lines: list[str] = []
    for line in reversed(output.splitlines()):
        if lines and line.startswith(" "):
            break
        lines.insert(0, line.strip())
    return " ".join(" ".join(lines).split())[:_SAID]


def _figures(command: list[str], environment: Mapping[str, str]) -> list[Figures]:
    """What a process prints: one JSON object a line.

    Raises:
        StepFailedError: it failed, or did not end.
    """
    try:
        done = subprocess.run(
            command,
            check=False,
            cwd=ROOT,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
        )
    except subprocess.TimeoutExpired as error:
        raise StepFailedError(f"no end in {_PATIENCE_S} s") from error
    if done.returncode:
        raise StepFailedError(reason_of(done.stderr or done.stdout))
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
