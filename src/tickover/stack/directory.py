"""The directory of a local run: one run at a time, its processes known, its keys kept."""

import fcntl
import json
import os
import secrets
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tickover.errors import EnvironmentStateError

_GRACE = 5.0  # seconds a left-over process gets to end by itself


@dataclass(frozen=True, slots=True)
class Keys:
    """The secrets of a local run, made once per directory.

    Args:
        cron_secret: what cron shows.
        event_key: what the application shows the engine.
        signing_key: what calls and answers between them are signed with.
        operator_token: what lets somebody act on the dashboard.
    """

    cron_secret: str
    event_key: str
    signing_key: str
    operator_token: str


class Directory:
    """The directory of a local run.

    Args:
        path: where; made where there is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._run_file = path / "run.json"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data."""
        return self.path / "postgres"

    @property
    def valkey(self) -> Path:
        """Valkey's files."""
        return self.path / "valkey"

    def log(self, name: str) -> Path:
        """Where a process's output goes."""
        folder = self.path / "logs"
        folder.mkdir(exist_ok=True)
        return folder / f"{name}.log"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the directory, so that a second run in it is refused.

        Raises:
            EnvironmentStateError: another run holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.seek(0)
                pid = lock.read().strip() or "unknown"
                raise EnvironmentStateError(
                    f"`tickover up` is running in this directory already (pid {pid}); stop it with Ctrl-C, "
                    "or start this one in another directory"
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def keys(self) -> Keys:
        """The secrets of this directory; made at the first call, readable by the owner alone."""
        file = self.path / "keys.json"
        with suppress(FileNotFoundError, ValueError, TypeError):
            return Keys(**json.loads(file.read_text()))
        keys = Keys(
            cron_secret=secrets.token_urlsafe(32),
            event_key=f"local-{secrets.token_hex(16)}",
            signing_key=f"signkey-test-{secrets.token_hex(32)}",
            operator_token=secrets.token_urlsafe(32),
        )
        file.touch(mode=0o600)
        file.write_text(json.dumps({name: getattr(keys, name) for name in Keys.__slots__}))
        return keys

    def remember(self, pids: dict[str, int], environment: Mapping[str, str]) -> None:
        """Note which processes belong to this run, so that the next one can end them if this one is killed.

        Args:
            pids: by name.
            environment: what other commands need to look into the run; readable by the owner alone.
        """
        known = {name: [pid, psutil.Process(pid).create_time()] for name, pid in pids.items()}
        self._run_file.touch(mode=0o600)
        self._run_file.write_text(json.dumps({"processes": known, "environment": dict(environment)}))

    def environment(self) -> dict[str, str]:
        """How to look into the run that is alive here; empty where there is none."""
        application = self._noted("processes").get("application")
        if application is None or _alive(*application) is None:
            return {}
        return dict(self._noted("environment"))

    def forget(self) -> None:
        """The run has ended in good order."""
        self._run_file.unlink(missing_ok=True)

    def end_former_run(self) -> list[str]:
        """End what a killed run left behind; the names of what was still alive.

        A process counts as one of that run only if it has the same id and was created at the same moment.
        """
        known = self._noted("processes")
        left = {name: process for name, (pid, created) in known.items() if (process := _alive(pid, created))}
        for process in left.values():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGTERM)
        _, stubborn = psutil.wait_procs(left.values(), timeout=_GRACE)
        for process in stubborn:
            process.kill()
        self.forget()
        return list(left)

    def _noted(self, what: str) -> dict[str, Any]:
        try:
            noted: dict[str, Any] = json.loads(self._run_file.read_text())[what]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return {}
        return noted


def _alive(pid: int, created: float) -> psutil.Process | None:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if process.create_time() == created:
            return process
    return None
