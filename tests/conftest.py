"""Real servers for every test that needs one: PostgreSQL and Valkey from the `embedded` extra."""

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.folders import folder
from tickover import embedded
from tickover.database import Database
from tickover.migrations import migrate

_OF_HOSTS = (
    "CI", "TICKOVER_ENV", "GITHUB_", "VERCEL", "RENDER", "IS_PULL_REQUEST", "RAILWAY_", "FLY_", "HEROKU_", "DYNO",
    "NETLIFY", "CONTEXT", "K_SERVICE", "K_REVISION", "CLOUD_RUN_", "KUBERNETES_",
)  # fmt: skip
_TEMPLATE = "tickover_template"
_numbers = itertools.count()


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test knows on which host, or for which runner of tests, it runs."""
    for name in list(os.environ):
        if name.startswith(_OF_HOSTS):
            monkeypatch.delenv(name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files with the longest tests come first, so that in the end no worker waits for another."""
    longest: dict[Path, float] = {}
    for item in items:
        mark = item.get_closest_marker("timeout")
        longest[item.path] = max(longest.get(item.path, 0), mark.args[0] if mark else 0)
    items.sort(key=lambda item: -longest[item.path])


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URI of a throwaway PostgreSQL server; its own database is empty."""
    with folder("tickover-") as made, embedded.postgres(made / "data") as uri:
        yield uri


def database_uri(server: str, name: str) -> str:
    """The URI of another database of the same server."""
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture(scope="session")
def template(postgres: str) -> str:
    """The name of a database that stands at the newest migration, to be cloned."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
    migrate(database_uri(postgres, _TEMPLATE))
    return _TEMPLATE


@pytest.fixture
def database_dsn(postgres: str, template: str) -> Iterator[str]:
    """The URI of a fresh, migrated database, dropped after the test."""
    name = f"test_{next(_numbers)}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(create)
        yield database_uri(postgres, name)
        connection.execute(drop)


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[Database]:
    """Pools over a fresh, migrated database."""
    database = Database(database_dsn)
    await database.open()
    yield database
    await database.close()


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a throwaway Valkey server."""
    with embedded.valkey(Path(tmp_path_factory.mktemp("valkey"))) as (url, _):
        yield url
