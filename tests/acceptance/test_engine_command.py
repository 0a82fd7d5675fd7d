"""`tickover engine` and `tickover fault`, as real commands."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.acceptance.conftest import Command, Run
from tests.ports import free_port


@dataclass
class RunningEngine:
    """A real engine process."""

    command: Command
    url: str

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Ask it to end; its exit code and what it said."""
        self.command.process.send_signal(how)
        return self.command.end()


@pytest.fixture
def engine(run: Run, database_dsn: str) -> Iterator[RunningEngine]:
    """An engine on a free port, ready."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = run("engine", "--port", str(port), DATABASE_URL=database_dsn)
    deadline = time.monotonic() + 30
    while True:
        assert time.monotonic() < deadline, "the engine did not come up"
        assert command.process.poll() is None, command.end()
        try:
            if httpx.get(f"{url}/health").is_success:
                break
        except httpx.TransportError:
            time.sleep(0.05)
    yield RunningEngine(command, url)
    if command.process.poll() is None:
        command.process.kill()
        command.end()


def test_its_first_line_says_what_it_is_and_a_signal_ends_it(engine: RunningEngine) -> None:
    """A stand-in, no replacement; and nothing is said of the end."""
    code, said = engine.stop()
    assert code == -signal.SIGTERM, said
    assert "Traceback" not in said
    assert "a stand-in for Inngest on one machine and in tests; it is no replacement for it" in said.splitlines()[0]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "example.com"])  # noqa: S104 - this is what is refused
def test_it_listens_on_loopback_only_unless_told_otherwise(run: Run, database_dsn: str, host: str) -> None:
    """One line says why, and the exit code is 1."""
    code, said = run("engine", "--host", host, DATABASE_URL=database_dsn).end()
    assert (code, "loopback only" in said, "Traceback" in said) == (1, True, False)


def test_faults_are_asked_for_listed_and_ended_by_command(run: Run, engine: RunningEngine) -> None:
    """The engine is named by INNGEST_BASE_URL, as for the application."""
    add = run("fault", "add", "send-500", "--count", "1", "--for", "1m", "--json", INNGEST_BASE_URL=engine.url)
    out, _ = add.process.communicate(timeout=30)
    fault = json.loads(out)
    assert (fault["kind"], fault["remaining"]) == ("send-500", 1)
    table, _ = run("fault", "list", INNGEST_BASE_URL=engine.url).process.communicate(timeout=30)
    assert "send-500" in table
    assert max(len(line) for line in table.splitlines()) <= 80
    event = {"name": "a/b", "data": {}}
    assert [httpx.post(f"{engine.url}/e/any", json=event).status_code for _ in "12"] == [500, 200]
    run("fault", "add", "call-twice", INNGEST_BASE_URL=engine.url).process.communicate(timeout=30)
    cleared, _ = run("fault", "clear", INNGEST_BASE_URL=engine.url).process.communicate(timeout=30)
    assert cleared.strip() == "1 ended"
    assert httpx.get(f"{engine.url}/faults").json() == {"data": []}


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("add", "call-thrice"), 2, "call-thrice"),
        (("add", "call-twice", "--for", "soon"), 2, "say 30s, 10m or 1h"),
        (("add", "call-twice", "--for", "48h"), 1, "up to 86400"),
        (("add", "call-twice", "--count", "0"), 1, "a count is a whole number"),
        (("add", "call-wrong-signature"), 1, "--signing-key"),
        (("clear", "77"), 1, "there is no fault 77"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_in_one_line(
    run: Run, engine: RunningEngine, arguments: tuple[str, ...], code: int, reason: str
) -> None:
    """It says what would do; nothing is kept."""
    ended, said = run("fault", *arguments, INNGEST_BASE_URL=engine.url).end()
    assert (ended, reason in " ".join(said.split()), "Traceback" in said) == (code, True, False), said
    assert httpx.get(f"{engine.url}/faults").json() == {"data": []}


def test_where_no_engine_answers_one_line_says_so(run: Run) -> None:
    """With the way out."""
    code, said = run("fault", "list", "--engine", f"http://127.0.0.1:{free_port()}").end()
    assert (code, "no local engine answers at" in said, "--engine" in said) == (1, True, True), said


@pytest.mark.parametrize("command", ["up", "engine"])
def test_without_the_extra_one_line_says_what_to_install(command: str) -> None:
    """As on a machine where only the plain package is."""
    program = (
        f"import sys; sys.modules['uvicorn'] = None; sys.modules['psutil'] = None; sys.argv = ['tickover', {command!r}]"
    )
    program += "; from tickover.cli.main import main; main()"
    environment = os.environ | {"DATABASE_URL": "postgresql://db/x"}
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60, env=environment
    )
    assert (ended.returncode, "pip install 'tickover[embedded]'" in ended.stderr) == (1, True), ended.stderr
    assert "Traceback" not in ended.stderr
