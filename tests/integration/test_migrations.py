"""The schema, as migrations leave it."""

import psycopg
import pytest

from tickover.database import Database
from tickover.ledger.states import Path, State
from tickover.migrations import migrate


async def test_the_database_knows_the_same_states_as_the_code(database: Database) -> None:
    """The checks on `obligation.state` and `obligation.path` list exactly the members of the enums."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conname LIKE 'obligation_%_check'"
        )
        checks = {row[0]: row[1] for row in await cursor.fetchall()}
    quoted = {name: set(text.split("'")[1::2]) for name, text in checks.items()}
    assert quoted == {
        "obligation_state_check": {str(state) for state in State},
        "obligation_path_check": {str(path) for path in Path},
    }


def test_migrating_twice_changes_nothing(database_dsn: str) -> None:
    """A second start finds the schema in place."""
    migrate(database_dsn)


def test_enqueue_in_sql_refuses_the_year_9999(database_dsn: str) -> None:
    """A run_at in the year 9999 is refused by name, and no job is stored."""
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="more than 10 years from now"):
            connection.execute("SELECT tickover.enqueue('k', '{}', run_at => '9999-12-31T00:00:00Z')")
        row = connection.execute("SELECT count(*) FROM tickover.job").fetchone()
    assert row == (0,)
