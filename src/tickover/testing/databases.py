"""A fresh database for each test: a clone of one that is migrated, which takes a moment."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tickover.errors import SettingsError
from tickover.sql import statement

_EMPTY = "template0"  # nobody is ever connected to it, so it can always be cloned


@contextmanager
def cloned(server: str, template: str = _EMPTY) -> Iterator[tuple[str, str]]:
    """A database that is dropped afterwards, whoever is connected to it.

    Args:
        server: the URI of a database of the same server; its user may create databases.
        template: the database to clone.

    Yields:
        Its URI and its name.

    Raises:
        SettingsError: the server is not given as a URI.
        psycopg.Error: the server is away, or its user may not.
    """
    name = f"tickover_testing_{secrets.token_hex(6)}"  # several test runs may share a server
    uri = database_uri(server, name)
    _execute(server, "create_database", name=name, template=template)
    try:
        yield uri, name
    finally:
        _execute(server, "drop_database", name=name)


def database_uri(server: str, name: str) -> str:
    """The URI of another database of the same server.

    Raises:
        SettingsError: the server is not given as a URI.
    """
    parts = urlsplit(server)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise SettingsError(f"`inngest_postgres` gives a URI, postgresql://…; not {parts.scheme or 'other text'}")
    return urlunsplit(parts._replace(scheme="postgresql", path=f"/{name}"))


def _execute(server: str, verb: str, **names: str) -> None:
    text = statement(verb, "tickover.testing.sql").decode()
    identifiers = {what: sql.Identifier(name) for what, name in names.items()}
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL(text).format(**identifiers))
