"""The schema, as migrations leave it."""

import psycopg
import pytest
from alembic import command

from tickover.database import Database
from tickover.ledger.states import Path, State
from tickover.migrations import CORE, _config, migrate
from tickover.notices.states import DeliveryState, Kind, NoticeState, Severity

CLAIM = "SELECT kind FROM tickover.claim_jobs(9, true, null, 60, 1, null, '{}', true, null, null)"


async def test_the_database_knows_the_same_states_as_the_code(database: Database) -> None:
    """The checks on `obligation.state` and `obligation.path` list the enums' members; a shadow carries nothing out."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conname LIKE 'obligation_%_check'"
        )
        checks = {row[0]: row[1] for row in await cursor.fetchall()}
    quoted = {name: set(text.split("'")[1::2]) for name, text in checks.items()}
    assert quoted == {
        "obligation_state_check": {str(state) for state in State},
        "obligation_path_check": {str(path) for path in Path if path is not Path.SHADOW},
    }


def test_migrating_twice_changes_nothing(database_dsn: str) -> None:
    """A second start finds the schema in place."""
    migrate(database_dsn)


def test_jobs_outlive_the_way_back_and_forth(database_dsn: str) -> None:
    """Back before the lanes and to the newest again: every job is there, what is not yet due waits, and keys hold."""
    jobs = "SELECT id, kind, client_id, state, priority, dedupe_key FROM tickover.job ORDER BY id"
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        connection.execute("SELECT tickover.enqueue('now', '1', client_id => 'a', priority => 3, dedupe_key => 'k')")
        connection.execute("SELECT tickover.enqueue('later', '2', run_at => now() + interval '1 day')")
        before = connection.execute(jobs).fetchall()
        command.downgrade(_config(database_dsn, CORE), "0002")
        states = connection.execute("SELECT DISTINCT state FROM tickover.job").fetchall()
        connection.execute("SELECT tickover.enqueue('now', '1', dedupe_key => 'k')")
        migrate(database_dsn)
        assert states == [("queued",)]
        assert connection.execute(jobs).fetchall() == before
        assert {row[3] for row in before} == {"queued", "scheduled"}
        claimed = connection.execute(CLAIM).fetchall()
    assert claimed == [("now",)]


def test_enqueue_in_sql_refuses_the_year_9999(database_dsn: str) -> None:
    """A run_at in the year 9999 is refused by name, and no job is stored."""
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="more than 10 years from now"):
            connection.execute("SELECT tickover.enqueue('k', '{}', run_at => '9999-12-31T00:00:00Z')")
        row = connection.execute("SELECT count(*) FROM tickover.job").fetchone()
    assert row == (0,)


async def test_the_database_knows_the_same_states_of_notices_as_the_code(database: Database) -> None:
    """Of notices, of deliveries, and of how urgent they are."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conname ~ '^notice_.*_check$'"
        )
        checks = {row[0]: row[1] for row in await cursor.fetchall()}
    assert {name: set(text.split("'")[1::2]) for name, text in checks.items()} == {
        "notice_state_check": set(map(str, NoticeState)),
        "notice_severity_check": set(map(str, Severity)),
        "notice_delivery_state_check": set(map(str, DeliveryState)),
        "notice_delivery_kind_check": set(map(str, Kind)),
    }


def test_notices_go_and_come_with_their_migration(database_dsn: str) -> None:
    """Back before them and to the newest again."""
    command.downgrade(_config(database_dsn, CORE), "0006")
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        gone = connection.execute("SELECT to_regclass('tickover.notice'), to_regclass('tickover.job_died')").fetchone()
        migrate(database_dsn)
        back = connection.execute("SELECT to_regclass('tickover.notice') IS NOT NULL").fetchone()
    assert (gone, back) == ((None, None), (True,))
