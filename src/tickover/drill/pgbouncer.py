"""PgBouncer in transaction mode, from Debian, before a database of the drill's."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tickover.drill.relay import HOST
from tickover.embedded import free_port
from tickover.errors import EnvironmentStateError

_CONFIGURATION = """
[databases]
* = host={sockets} user=postgres
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
ignore_startup_parameters = extra_float_digits
"""


@contextmanager
def pgbouncer(dsn: str, folder: Path) -> Iterator[str]:
    """PgBouncer before a database; its URI.

    Args:
        dsn: of the database, over a Unix socket.
        folder: for its configuration and log.

    Raises:
        EnvironmentStateError: it is not installed.
    """
    parts, port = urlsplit(dsn), free_port()
    sockets = Path(parse_qs(parts.query)["host"][0])
    program = shutil.which("pgbouncer")
    if program is None:
        raise EnvironmentStateError("PgBouncer is not installed; run: apt-get install pgbouncer")
    file = folder / "pgbouncer.ini"
    file.write_text(_CONFIGURATION.format(sockets=sockets, host=HOST, port=port))
    # It refuses to run as root, so then as the server's own user, who must be able to read its file.
    command = [program, "-q", *(["-u", sockets.owner()] if os.geteuid() == 0 else []), str(file)]
    with (folder / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - Debian's own program
    try:
        yield f"postgresql://postgres@{HOST}:{port}{parts.path}"
    finally:
        process.terminate()
        process.wait()
