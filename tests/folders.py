"""Where throwaway servers keep their data."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - what is made in it has a name of its own
_ENOUGH = 4 * 2**30


@contextmanager
def folder(prefix: str) -> Iterator[Path]:
    """A folder that is gone afterwards; in memory where there is plenty, for there a database is cloned in no time.

    Not below pytest's own folder: another session closes that to everybody but its user, and as root PostgreSQL runs as
    a user of its own.
    """
    is_roomy = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH
    with tempfile.TemporaryDirectory(prefix=prefix, dir=_MEMORY if is_roomy else None) as made:
        yield Path(made)
