"""The real command `tickover notices`."""

import json
import re

import psycopg

from tests.acceptance.conftest import Command, Run

OPEN = """
  INSERT INTO tickover.notice (key, scope, code, severity, state, subjects, text, remedy, affects, done, evidence,
    is_new, first_seen_at, seen_at, opened_at)
  VALUES ('k', 'queue', 'dead-letters', 'warn', 'open', '{send}', '[red] 3 jobs died', 'requeue them', '{}', '{}', '{}',
    true, now(), now(), now())
"""


def ended(command: Command) -> tuple[int, str]:
    """Its exit code, and what stood on standard output."""
    out, _ = command.process.communicate(timeout=90)
    return command.process.returncode, out


def test_what_is_open_is_listed(run: Run, database_dsn: str) -> None:
    """As JSON, and as lines in which an error is no markup; before that, that there is none."""
    code, out = ended(run("notices", "list", DATABASE_URL=database_dsn))
    assert (code, out.strip()) == (0, "no notice was opened yet")
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        connection.execute(OPEN)
    code, out = ended(run("notices", "list", "--open", "--json", DATABASE_URL=database_dsn))
    assert code == 0
    assert json.loads(out)["text"] == "[red] 3 jobs died"
    code, out = ended(run("notices", "list", DATABASE_URL=database_dsn))
    assert code == 0
    assert "[red] 3 jobs died" in out
    assert re.search(r"^1  open \w+ [\w-]+: .*; since \d\d-\d\d \d\d:\d\d:\d\d$", out, re.MULTILINE), out
    assert re.search(r"^   do: \w", out, re.MULTILINE), out


def test_a_test_says_which_destination_does_not_take_it(run: Run, database_dsn: str) -> None:
    """Nobody listens there: exit code 1, a cross, and no secret; without destinations one line says what to set."""
    url = "json://user:s3cr3t-word@127.0.0.1:9/"
    code, out = ended(run("notices", "test", "--json", DATABASE_URL=database_dsn, TICKOVER_NOTICES=url))
    tried = json.loads(out)
    assert (code, tried["destination"], tried["works"]) == (1, "json#1", False)
    assert "s3cr3t-word" not in out
    code, error = run("notices", "test", DATABASE_URL=database_dsn).end()
    assert (code, "TICKOVER_NOTICES is not set" in error) == (1, True)
    code, error = run("notices", "list", DATABASE_URL=database_dsn, TICKOVER_NOTICES="s3cr3t-word").end()
    assert code == 1
    assert "TICKOVER_NOTICES" in error
    assert "s3cr3t-word" not in error
