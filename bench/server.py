"""The PostgreSQL server of all measurements: a database for each, and what a piece of work cost it."""

import platform
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tickover import embedded

_ON_DISK = Path("/var/tmp")  # noqa: S108 - what is made in it has a name of its own; /tmp may be memory
_SHOWN = ("fsync", "synchronous_commit", "wal_sync_method", "shared_buffers")
_COUNTERS = b"""
  SELECT xact_commit, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint, tup_inserted + tup_updated + tup_deleted
  FROM pg_stat_database WHERE datname = %s
"""
_SOMEBODY = b"SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
_LEAVE_S = 10.0


@dataclass(frozen=True)
class Counters:
    """What a database's clients have cost so far. The WAL is the whole cluster's.

    Args:
        commits: transactions committed.
        wal: bytes written.
        rows: rows inserted, updated or deleted.
    """

    commits: int
    wal: int
    rows: int

    def since(self, before: "Counters", jobs: int) -> dict[str, float]:
        """The figures of each of so many jobs."""
        return {
            "commits": (self.commits - before.commits) / jobs,
            "wal": (self.wal - before.wal) / jobs,
            "rows": (self.rows - before.rows) / jobs,
        }


class Server:
    """A running server.

    Args:
        dsn: of its own database.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def fresh(self, name: str, template: str = "template1") -> str:
        """The URI of a new database, in place of one of the same name.

        Args:
            name: its name.
            template: the database it is a copy of; nobody may be connected to that.
        """
        made, copied = sql.Identifier(name), sql.Identifier(template)
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(made))
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(made, copied))
        return self._dsn.replace("/postgres?", f"/{name}?")

    def wait_until_left(self, name: str) -> None:
        """Wait until no client is connected to a database.

        Raises:
            TimeoutError: one stays.
        """
        until = time.monotonic() + _LEAVE_S
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            while _number(connection, _SOMEBODY, name):
                if time.monotonic() > until:
                    raise TimeoutError(f"somebody stays connected to {name}")
                time.sleep(0.02)

    def counters(self, name: str) -> Counters:
        """What a database's clients have cost, once all of them have left: their last counts arrive when they do."""
        self.wait_until_left(name)
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            row = connection.execute(_COUNTERS, (name,)).fetchone()
        if row is None:
            raise LookupError(f"there is no database {name}")
        return Counters(*row)

    def described(self) -> str:
        """Its version and its durability."""
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            rows = connection.execute(b"SELECT n, current_setting(n) FROM unnest(%s::text[]) AS n", (list(_SHOWN),))
            shown = ", ".join(f"{name}={value}" for name, value in rows.fetchall())
            version = connection.info.parameter_status("server_version")
        return f"PostgreSQL {version} ({shown})"


@contextmanager
def serve() -> Iterator[Server]:
    """A server over a temporary directory on disk, with the durability it is shipped with."""
    where = _ON_DISK if _ON_DISK.is_dir() and platform.system() != "Windows" else None
    with (
        tempfile.TemporaryDirectory(prefix="tickover-bench-", dir=where) as folder,
        embedded.postgres(Path(folder) / "data") as dsn,
    ):
        yield Server(dsn)


def vacuum(dsn: str) -> None:
    """Clean up what earlier rounds left, lest autovacuum does it while something is measured."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(b"VACUUM")
        connection.execute(b"CHECKPOINT")


def _number(connection: "psycopg.Connection[tuple[int]]", query: bytes, name: str) -> int:
    row = connection.execute(query, (name,)).fetchone()
    return row[0] if row else 0
