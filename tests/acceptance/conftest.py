"""The real command, in a directory of its own, on free ports."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.folders import folder
from tests.ports import free_port

_CONFIGURED = ("DATABASE_URL", "REDIS_URL", "CRON_", "INNGEST", "BACKGROUND_JOBS", "TICKOVER", "OUTREACH")


class Command:
    """A running `tickover` command."""

    def __init__(self, arguments: list[str], directory: Path, environment: dict[str, str]) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_CONFIGURED)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tickover", *arguments],
            cwd=directory,
            env=inherited | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.events: list[dict[str, Any]] = []

    def until(self, event: str) -> dict[str, Any]:
        """Read JSON lines until one of this event comes; that one."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(json.loads(line))
            if self.events[-1]["event"] == event:
                return self.events[-1]
        raise AssertionError(f"it ended without {event!r}: {self.process.stderr and self.process.stderr.read()}")

    def end(self) -> tuple[int, str]:
        """Wait for its end; the exit code, and what stood on standard error."""
        out, error = self.process.communicate(timeout=90)
        self.events += [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        return self.process.returncode, error

    def ticks(self) -> list[dict[str, Any]]:
        """The ticks it has told of."""
        return [event for event in self.events if event["event"] == "tick"]


Run = Callable[..., Command]


@pytest.fixture
def directory() -> Iterator[Path]:
    """The directory that commands run in."""
    with folder("tickover-up-") as made:
        yield made


@pytest.fixture
def run(directory: Path) -> Iterator[Run]:
    """Start `tickover` in the test's directory; what is still running at the end is stopped."""
    commands: list[Command] = []

    def start(*arguments: str, **environment: str) -> Command:
        commands.append(Command(list(arguments), directory, environment))
        return commands[-1]

    yield start
    for command in commands:
        if command.process.poll() is None:
            command.process.send_signal(signal.SIGINT)
        command.process.communicate(timeout=60)


@pytest.fixture
def up(run: Run) -> Run:
    """Start `tickover up` on free ports, a tick a second."""
    ports = ["--port", str(free_port()), "--engine-port", str(free_port())]

    def start(*arguments: str, **environment: str) -> Command:
        return run("up", "--every", "1", "--json", *ports, *arguments, **environment)

    return start


def children_of(pid: int) -> list[psutil.Process]:
    """Every process below one."""
    return psutil.Process(pid).children(recursive=True)
