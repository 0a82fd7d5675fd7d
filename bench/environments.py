"""The environments of the peers: one each, with pinned versions, made on demand in `.bench/`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".bench"

_PSYCOPG = f"psycopg[binary,pool]=={version('psycopg')}"  # the same driver and loop for all
_UVLOOP = f"uvloop=={version('uvloop')}"
VERSIONS: Mapping[str, tuple[str, ...]] = {
    "pgqueuer": ("pgqueuer[asyncpg,cli]==1.6.0", "asyncpg==0.32.0", _PSYCOPG, _UVLOOP),
    "chancy": ("chancy[cli]==0.26.0", _PSYCOPG, _UVLOOP),
    "procrastinate": ("procrastinate==3.10.0", _PSYCOPG, _UVLOOP),
}
"""What each peer is installed with. The bare loop and Tickover itself run in the project's own environment."""

_MARK = "made-of.txt"
_PATIENCE_S = 300


class NotInstalledError(Exception):
    """The environment of a peer could not be made; the text is what uv said."""


def pythons(peers: Iterable[str]) -> tuple[dict[str, Path], dict[str, str]]:
    """The interpreter of each peer, its environment made where it is missing or of other versions.

    Args:
        peers: their names.

    Returns:
        The interpreters, and why a peer has none.
    """
    found: dict[str, Path] = {}
    missing: dict[str, str] = {}
    for peer in peers:
        try:
            found[peer] = _python(peer)
        except NotInstalledError as error:
            missing[peer] = str(error)
    return found, missing


def _python(peer: str) -> Path:
    packages = VERSIONS.get(peer)
    if packages is None:
        return Path(sys.executable)
    environment = FOLDER / peer
    python = environment / "bin" / "python"
    wanted = "\n".join((sys.version.split()[0], *packages))
    mark = environment / _MARK
    if not mark.exists() or mark.read_text() != wanted:
        shutil.rmtree(environment, ignore_errors=True)
        _uv("venv", "--python", sys.executable, str(environment))
        _uv("pip", "install", "--python", str(python), *packages)
        mark.write_text(wanted)
    return python


def _uv(*arguments: str) -> None:
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    try:
        subprocess.run(
            [uv, "--quiet", *arguments],
            env={"UV_SYSTEM_CERTS": "1"} | os.environ,
            check=True,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
        )
    except subprocess.CalledProcessError as error:
        raise NotInstalledError(" ".join(error.stderr.split())[-300:]) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalledError(str(error)) from error
