"""Schema migrations: three independent Alembic histories, each in a schema and a version table of its own."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import OperationalError

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
    try:
        command.upgrade(_config(dsn, history), "head")
    except OperationalError as error:
        cause = " ".join(str(error.orig).split())
        raise EnvironmentStateError(f"PostgreSQL cannot be reached: {cause}; check DATABASE_URL") from error


def migration_sql(dsn: str, history: History = CORE) -> None:
    """Print the SQL of all migrations for review, without touching a database."""
    command.upgrade(_config(dsn, history), "head", sql=True)


def _config(dsn: str, history: History) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(str(files("tickover.sql"))) / "migrations"))
    config.set_main_option("version_locations", str(history.folder / "versions"))
    config.set_main_option("path_separator", "os")
    config.attributes["dsn"] = dsn
    config.attributes["schema"] = history.schema
    return config
