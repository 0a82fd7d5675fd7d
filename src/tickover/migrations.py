"""Schema migrations: three independent Alembic histories, each in a schema and a version table of its own."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tickover.database import require_uri
from tickover.errors import EnvironmentStateError


@dataclass(frozen=True, slots=True)
class History:
    """One line of migrations.

    Args:
        schema: the PostgreSQL schema it owns; its version table stands there too.
        package: the package whose `migrations` folder holds the revisions.
    """

    schema: str
    package: str

    @property
    def folder(self) -> Path:
        """Where the revisions and their SQL files stand."""
        return Path(str(files(self.package))) / "migrations"


CORE = History("tickover", "tickover.sql")


def migrate(dsn: str, history: History = CORE) -> None:
    """Bring a database to the newest revision of a history. Safe to run from several processes at once.

    Args:
        dsn: a PostgreSQL connection URI.
        history: which history; the ledger's and the jobs' by default.

    Raises:
        EnvironmentStateError: the database cannot be reached.
    """
    require_uri(dsn)
    try:
        command.upgrade(_config(dsn, history), "head")
    except OperationalError as error:
        raise _unreachable(error) from error


@dataclass(frozen=True, slots=True)
class Position:
    """How far a database is in a history.

    Args:
        current: the revision it stands at; None before the first.
        newest: the newest that this code knows.
        is_known: whether this code knows the revision it stands at.
    """

    current: str | None
    newest: str | None
    is_known: bool

    @property
    def in_step(self) -> bool:
        """Whether database and code are of one age."""
        return self.current == self.newest


def position(dsn: str, history: History = CORE) -> Position:
    """How far a database is; nothing is changed.

    Args:
        dsn: a PostgreSQL connection URI.
        history: which history; the ledger's and the jobs' by default.

    Raises:
        EnvironmentStateError: the database cannot be reached.
    """
    require_uri(dsn)
    script = ScriptDirectory.from_config(_config(dsn, history))
    url = "postgresql+psycopg://" + dsn.split("://", 1)[1]
    engine = create_engine(url, poolclass=NullPool, connect_args={"prepare_threshold": None, "connect_timeout": 5})
    try:
        with engine.connect() as connection:
            options = {"version_table_schema": history.schema}
            current = MigrationContext.configure(connection, opts=options).get_current_revision()
    except OperationalError as error:
        raise _unreachable(error) from error
    known = {revision.revision for revision in script.walk_revisions()}
    return Position(current, script.get_current_head(), current is None or current in known)


def migration_sql(dsn: str, history: History = CORE) -> None:
    """Print the SQL of all migrations for review, without touching a database."""
    command.upgrade(_config(dsn, history), "head", sql=True)


def _unreachable(error: OperationalError) -> EnvironmentStateError:
    cause = " ".join(str(error.orig).split())
    return EnvironmentStateError(f"PostgreSQL cannot be reached: {cause}; check DATABASE_URL")


def _config(dsn: str, history: History) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(str(files("tickover.sql"))) / "migrations"))
    config.set_main_option("version_locations", str(history.folder / "versions"))
    config.set_main_option("path_separator", "os")
    config.attributes["dsn"] = dsn
    config.attributes["schema"] = history.schema
    return config
