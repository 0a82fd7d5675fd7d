"""Child processes of a local run: started, waited for, ended in order."""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import httpx

from tickover import clock
from tickover.errors import EnvironmentStateError

_PAUSE = 0.05
_GRACE = 15.0  # seconds a child gets to end its work


def require_free(port: int, option: str) -> None:
    """Check that nothing listens on a loopback port.

    Raises:
        EnvironmentStateError: something does; the text says how to choose another port.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise EnvironmentStateError(
                f"port {port} on 127.0.0.1 is taken; free it, or choose another with {option}"
            ) from None


class Child:
    """A Python process of a local run, in a session of its own, so that Ctrl-C reaches only its parent.

    Args:
        name: what it is.
        arguments: of the interpreter.
        environment: its whole environment.
        log: where its output goes.
    """

    def __init__(self, name: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
                [sys.executable, *arguments],
                env=dict(environment),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended, or None while it lives."""
        return self._process.poll()

    async def answers(self, url: str, within: float, ready: Callable[[httpx.Response], bool]) -> None:
        """Wait until it answers a GET as it should.

        Args:
            url: what to ask.
            within: seconds it may take.
            ready: whether an answer is the one waited for.

        Raises:
            EnvironmentStateError: it ended, or did not answer so in time; names its log.
        """
        ends = clock.monotonic() + within
        async with httpx.AsyncClient(timeout=1.0) as client:
            while clock.monotonic() < ends:
                if self.exit_code is not None:
                    break
                with suppress(httpx.HTTPError):
                    if ready(await client.get(url)):
                        return
                await asyncio.sleep(_PAUSE)
        happened = "does not answer" if self.exit_code is None else f"ended with exit code {self.exit_code}"
        raise EnvironmentStateError(f"the {self.name} {happened}; see {self.log}: {_last_line(self.log)}")

    def kill(self) -> None:
        """End it at once, wherever it is."""
        self._process.kill()
        self._process.wait()

    async def stop(self) -> None:
        """Ask it to end, wait, and end it if it does not."""
        if self.exit_code is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(self._process.wait, _GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it is empty"
