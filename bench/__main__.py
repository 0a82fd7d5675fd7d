"""`python -m bench`: the peers in rounds, then the page, its charts and the verdicts.

Only a whole run writes `docs/benchmarks.md`; with `--quick` or `--only` the figures are printed alone. Every record is
kept in `.bench/records.jsonl`.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.environments import FOLDER, ROOT, VERSIONS, pythons
from bench.goals import GOALS, broken, judge
from bench.report import PICTURES, chapter, pictures, replaced
from bench.rounds import Record, carry_out, plan
from bench.server import serve
from bench.steps import FULL, PEERS, QUICK, Benches, Sizes

BENCHES = ("drain", "enqueue", "depth", "memory", "fairness", "slice", "prune", "tick", "status")
PAGE = ROOT / "docs" / "benchmarks.md"


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=None, help="rounds: 5, quick 1")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, under 3 minutes; the page is not written")
    parser.add_argument("--goals", action="store_true", help="exit 1 when a goal is not met, or a side of ours fails")
    parser.add_argument("--only", default="", help=f"some of {','.join(BENCHES)}")
    parser.add_argument("--peers", default="", help=f"some of {','.join(PEERS)}")
    options = parser.parse_args(words)
    options.only = _chosen(parser, options.only, BENCHES)
    options.peers = _chosen(parser, options.peers, PEERS)
    options.rounds = options.rounds or (1 if options.quick else 5)
    return options


def measure(
    sizes: Sizes, rounds: int, only: Sequence[str], peers: Sequence[str]
) -> tuple[str, list[Record], dict[str, str]]:
    """All rounds.

    Returns:
        What the server is, the records, and which peers were not run with why.
    """
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:6.1f} s] {text}", flush=True)

    say("environments of the peers")
    found, missing = pythons(peers)
    for peer, reason in missing.items():
        say(f"  {peer} is not run: {reason}")
    records: list[Record] = []
    FOLDER.mkdir(exist_ok=True)
    with serve() as server, (FOLDER / "records.jsonl").open("a") as kept:
        described = server.described()
        benches = Benches(server, found, sizes)
        for record in carry_out(plan({bench: benches.sides(bench) for bench in only}, rounds), rounds, say):
            records.append(record)
            kept.write(json.dumps(record) + "\n")
        say("done")
        return described, records, missing


def heading(sizes: Sizes, rounds: int, server: str) -> str:
    """When, where and with what."""
    versions = ", ".join(dict.fromkeys(package for packages in VERSIONS.values() for package in packages))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, {platform.system()}"
    lines = (
        f"{datetime.now(UTC):%Y-%m-%d}, {machine}, Python {platform.python_version()},",
        f"{server}, reached over its Unix socket by all.",
        f"Peers: {versions}; each in an environment of its own, all on uvloop.",
        "",
        f"Interleaved rounds: {rounds}. Medians, ratios formed within a round, `[lowest..highest]` of all rounds.",
        f"A drain has {sizes.jobs:,} jobs ({sizes.slow_jobs:,} for procrastinate); a deep table {sizes.deep:,} due,",
        f"{sizes.deep:,} finished and {sizes.deep:,} future rows. The big client has {sizes.big:,} jobs;",
        f"many clients are {sizes.clients:,}.",
    )
    return "\n".join(lines)


def write_page(text: str, charts: dict[str, str]) -> None:
    """Write the page's measured part and its charts."""
    PAGE.write_text(replaced(PAGE.read_text(), text))
    folder = PAGE.parent / PICTURES
    folder.mkdir(exist_ok=True)
    for name, chart in charts.items():
        (folder / name).write_text(chart)


def main() -> int:
    """Measure, report, judge."""
    options = arguments()
    sizes = QUICK if options.quick else FULL
    server, records, missing = measure(sizes, options.rounds, options.only, options.peers)
    verdicts = judge([goal for goal in GOALS if goal.bench in options.only], records)
    is_whole = not options.quick and set(options.only) == set(BENCHES) and set(options.peers) == set(PEERS)
    text = chapter(heading(sizes, options.rounds, server), records, verdicts, missing, charts=is_whole)
    print(text)
    if is_whole:
        write_page(text, pictures(records))
    missed = [verdict.goal.text for verdict in verdicts if verdict.missed] + broken(records)
    for goal in missed:
        print(f"not met: {goal}")
    return 1 if options.goals and missed else 0


def _chosen(parser: argparse.ArgumentParser, text: str, known: Sequence[str]) -> list[str]:
    words = [word for word in text.split(",") if word] or list(known)
    if unknown := sorted(set(words) - set(known)):
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    return [word for word in known if word in words]


def _processor() -> str:
    """What the processor calls itself, where that can be read."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
