"""How long from `tickover rollback` to the first inline tick, under a cron that fires every second?

Run `make bench`, or `python -m bench.rollback`. It starts `tickover up --every 1` in a directory of its own, and rolls
its functions back again and again with the real command, each time from durable. Two figures: from the moment at which
the change was committed, and from the moment at which the command was started, until the first tick that was recorded
as inline. Fails where a tick that came later was handed over.
"""

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

FUNCTIONS = ("process-background-jobs", "background-maintenance")
APP = "tickover.outreach.app:tickover"


def command(directory: Path, *words: str) -> str:
    """Run `tickover` there; what it says.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    environment = os.environ | {"TICKOVER_APP": APP}
    done = subprocess.run(
        [sys.executable, "-m", "tickover", *words],
        cwd=directory, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout


def begin_anew(directory: Path) -> None:
    """Both functions durable, whatever was before."""
    for function in FUNCTIONS:
        said = json.loads(command(directory, "rollout", "status", function, "--json"))
        if said["set"] is None:
            command(directory, "rollout", "begin", function)
        if said["held"]:
            command(directory, "rollout", "release", function, "--why", "the next round")
        while json.loads(command(directory, "rollout", "status", function, "--json"))["set"] != "durable":
            command(directory, "rollout", "advance", function, "--override", "--why", "a benchmark")


def first_inline(told: "SimpleQueue[dict[str, Any]]", since: datetime) -> datetime:
    """When cron fired the first tick since then; that has to have been answered inline.

    Raises:
        RuntimeError: it was not.
        queue.Empty: none came.
    """
    while True:
        tick = told.get(timeout=60)
        at = datetime.fromisoformat(tick["scheduledAt"])
        if at >= since:
            if tick["mode"] != "inline":
                raise RuntimeError(f"a tick that came after the rollback was answered {tick['mode']}")
            return at


def listen(run: "subprocess.Popen[str]", told: "SimpleQueue[dict[str, Any]]") -> None:
    """Take what the local run says, so that it never waits for a reader."""
    for line in run.stdout or ():
        event = json.loads(line)
        if event["event"] == "tick":
            told.put(event)


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="tickover-bench-") as made:
        directory = Path(made)
        run = subprocess.Popen(
            [sys.executable, "-m", "tickover", "up", "--every", "1", "--json"],
            cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        told: SimpleQueue[dict[str, Any]] = SimpleQueue()
        Thread(target=listen, args=(run, told), daemon=True).start()
        try:
            committed, started = [], []
            told.get(timeout=120)
            for number in range(rounds):
                begin_anew(directory)
                time.sleep(random.random())  # noqa: S311 - so that cron's beat and the rounds' do not agree
                begun = datetime.now(UTC)
                back = json.loads(command(directory, "rollback", "--why", "a benchmark", "--no-wait", "--json"))
                since = datetime.fromisoformat(back["since"])
                inline = first_inline(told, since)
                committed.append((inline - since).total_seconds())
                started.append((inline - begun).total_seconds())
                seen = f"{committed[-1]:.2f} s after the commit, {started[-1]:.2f} s after the command's start"
                print(f"round {number + 1}: {seen}", flush=True)
        finally:
            run.send_signal(signal.SIGINT)
            run.wait(timeout=60)
    for name, values in (("the commit", committed), ("the command's start", started)):
        print(f"first inline tick after {name}: median {statistics.median(values):.2f} s, slowest {max(values):.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
