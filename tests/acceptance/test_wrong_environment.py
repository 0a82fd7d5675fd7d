"""The real command in the wrong environment: it says why, and changes nothing; and `tickover seal`."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.acceptance.conftest import Run
from tests.conftest import database_uri
from tests.integration.isolation.conftest import contents
from tickover.isolation.keys import fingerprint

SEAL = (
    "INSERT INTO tickover.seal (kind, name, identity, by) "
    "VALUES ('production', 'production', tickover.store_identity(), 'a test')"
)
DEAD = (
    "INSERT INTO tickover.job (kind, payload, state, attempts, max_attempts, last_error) "
    "VALUES ('x', '{}', 'dead', 3, 3, 'e')"
)
PREVIEW, PRODUCTION = {"TICKOVER_ENV": "preview:fix"}, {"TICKOVER_ENV": "production"}
KEY = "0a1b2c5e" * 8


@pytest.fixture
def production_dsn(database_dsn: str) -> str:
    """A database that is sealed for production, with a dead job in it."""
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        connection.execute(SEAL)
        connection.execute(DEAD)
    return database_dsn


@pytest.fixture
def copy_dsn(production_dsn: str, postgres: str) -> Iterator[str]:
    """A copy of production's database."""
    name = production_dsn.partition("?")[0].rpartition("/")[2]
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(f"copy_{name}"), sql.Identifier(name))
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(create)
        yield database_uri(postgres, f"copy_{name}")
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(f"copy_{name}")))


def everything(dsn: str) -> dict[str, Any]:
    """Every row, and which schemas and tables there are."""
    query = "SELECT table_schema || '.' || table_name FROM information_schema.tables ORDER BY 1"
    with psycopg.connect(dsn, autocommit=True) as connection:
        return contents(dsn) | {"": connection.execute(query).fetchall()}


REFUSED = [
    ("migrate",),
    ("jobs", "requeue", "--kind", "x", "--why", "mended"),
    ("engine", "--port", "1"),
    ("up", "--ticks", "1"),
    ("seal",),
    ("seal", "--adopt"),
]


@pytest.mark.parametrize("command", REFUSED, ids=[" ".join(command) for command in REFUSED])
def test_i5_commands_leave_a_foreign_database_as_it_is(
    run: Run, production_dsn: str, command: tuple[str, ...], directory: Any
) -> None:
    """Exit code 1, one text that names the environment and the remedy, and no row or table has changed."""
    before = everything(production_dsn)
    code, error = run(*command, **PREVIEW, DATABASE_URL=production_dsn).end()
    assert code == 1
    assert "preview 'fix'" in error
    assert "production" in error
    assert "Traceback" not in error
    assert everything(production_dsn) == before
    assert command[0] == "up" or not list(directory.iterdir())


def test_the_same_commands_act_where_they_are_right(run: Run, production_dsn: str) -> None:
    """In production's own environment: the tests above are refused for the seal's sake alone."""
    assert run("migrate", **PRODUCTION, DATABASE_URL=production_dsn).end()[0] == 0
    assert (
        run("jobs", "requeue", "--kind", "x", "--why", "mended", **PRODUCTION, DATABASE_URL=production_dsn).end()[0]
        == 0
    )
    with psycopg.connect(production_dsn) as connection:
        assert connection.execute("SELECT state FROM tickover.job").fetchall() == [("queued",)]


def test_production_migrates_an_empty_database(run: Run, postgres: str) -> None:
    """The first deploy of all: there is no seal yet, nor a place for one; afterwards `tickover seal` finds it."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE of_the_first_deploy")
        dsn = database_uri(postgres, "of_the_first_deploy")
        try:
            code, error = run("seal", **PRODUCTION, DATABASE_URL=dsn).end()
            assert (code, "tickover migrate" in error, "Traceback" in error) == (1, True, False)
            assert run("migrate", **PRODUCTION, DATABASE_URL=dsn).end() == (0, "")
            command = run("seal", "--json", **PRODUCTION, DATABASE_URL=dsn)
            out, _ = command.process.communicate(timeout=60)
            assert json.loads(out) == {"environment": "production:production", "database": "sealed", "redis": None}
        finally:
            connection.execute("DROP DATABASE of_the_first_deploy WITH (FORCE)")


def test_i5_a_copy_is_adopted_on_purpose(run: Run, copy_dsn: str) -> None:
    """Until then it is not even production's own; afterwards it is the preview's, and the audit says so."""
    code, error = run("migrate", **PRODUCTION, DATABASE_URL=copy_dsn).end()
    assert (code, "tickover seal --adopt" in error) == (1, True)
    assert run("seal", "--adopt", "--reason", "a rehearsal", **PREVIEW, DATABASE_URL=copy_dsn).end()[0] == 0
    assert run("migrate", **PREVIEW, DATABASE_URL=copy_dsn).end()[0] == 0
    assert audit(copy_dsn) == [("store.adopted", "a rehearsal", "production")]


def test_i5_force_leaves_its_reason(run: Run, production_dsn: str) -> None:
    """Who seals over another's seal says why, and the audit keeps it with what stood there."""
    arguments = ("seal", "--force", "--store", "database", "--reason", "production has moved")
    assert run(*arguments, **PREVIEW, DATABASE_URL=production_dsn).end()[0] == 0
    assert audit(production_dsn) == [("store.resealed", "production has moved", "production")]


def audit(dsn: str) -> list[tuple[Any, ...]]:
    """What was sealed, why, and what stood there before."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute("SELECT action, reason, evidence->>'was' FROM tickover.audit ORDER BY id").fetchall()


Told = Callable[..., tuple[int, str, str]]


@pytest.fixture
def told(run: Run) -> Told:
    """The exit code of a command, and what it printed on both streams."""

    def end(*arguments: str, **environment: str) -> tuple[int, str, str]:
        command = run(*arguments, **environment)
        out, error = command.process.communicate(timeout=60)
        return command.process.returncode, out, error

    return end


def test_fingerprints_are_printed_by_production_alone(told: Told) -> None:
    """One line to set elsewhere, of each key once, and of no use to anybody else; no database is asked."""
    keys = {"INNGEST_EVENT_KEY": "an-event-key\n", "INNGEST_SIGNING_KEY": f"signkey-prod-{KEY}"}
    fallback = {"INNGEST_SIGNING_KEY_FALLBACK": KEY}
    expected = f"TICKOVER_PRODUCTION_KEYS={fingerprint('an-event-key')},{fingerprint(KEY)}\n"
    assert told("seal", "--fingerprints", **PRODUCTION, **keys, **fallback) == (0, expected, "")
    assert KEY not in expected
    code, out, error = told("seal", "--fingerprints", **PREVIEW, **keys)
    assert (code, out, "production's variables" in error, KEY in error) == (1, "", True, False)


def test_no_secret_stands_in_a_refusal(told: Told, production_dsn: str) -> None:
    """The keys of the wrong environment are named by their variables."""
    keys = {"INNGEST_EVENT_KEY": "an-event-key-of-no-use", "INNGEST_SIGNING_KEY": f"signkey-prod-{KEY}"}
    code, out, error = told("migrate", **PREVIEW, **keys, DATABASE_URL=production_dsn)
    assert (code, "INNGEST_SIGNING_KEY" in error) == (1, True)
    assert "an-event-key-of-no-use" not in out + error
    assert KEY not in out + error
