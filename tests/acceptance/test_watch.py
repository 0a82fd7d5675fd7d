"""The real command `tickover watch`."""

import json

import psycopg

from tests.acceptance.conftest import Run

LATE = """
  WITH t AS (
    INSERT INTO tickover.tick (dispatch_key, route, identity_source, mode, reason, correlation_id, event_ids)
    VALUES ('late-1', 'background-jobs', 'execution-id', 'dispatch', '', 'c', '{e}') RETURNING id
  )
  INSERT INTO tickover.obligation (tick_id, function, state, start_by, accepted_at)
  SELECT id, 'process-background-jobs', 'accepted', now() - interval '1 s', now() FROM t
"""


def test_what_is_late_is_settled_and_told(run: Run, database_dsn: str) -> None:
    """`--once` ends with 1 where something was wrong, with 0 once nothing is; as JSON, and for people."""
    environment = {"DATABASE_URL": database_dsn, "INNGEST_DEV": "1", "TICKOVER_APP": "tickover.outreach.app:tickover"}
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        connection.execute(LATE)
    first = run("watch", "--once", "--json", **environment)
    out, error = first.process.communicate(timeout=60)
    assert first.process.returncode == 1, error
    (recovered,) = json.loads(out.splitlines()[-1])["recovered"]
    assert (recovered["dispatchKey"], recovered["late"], recovered["state"]) == ("late-1", 1, "succeeded")
    assert "INNGEST_SIGNING_KEY" in recovered["cause"]
    again = run("watch", "--once", **environment)
    out, error = again.process.communicate(timeout=60)
    assert (again.process.returncode, "nothing overdue, nothing wrong" in out) == (0, True), error


def test_an_application_that_is_not_there_is_one_line(run: Run) -> None:
    """No module, no attribute, another object, or none named: exit code 1, and what to write."""
    for name in ("no_such_module:app", "tickover:no_such_thing", "tickover:Route", ""):
        code, error = run("watch", "--once", TICKOVER_APP=name, DATABASE_URL="postgresql://db/x").end()
        assert code == 1
        assert len(error.strip().splitlines()) == 1
        assert "module:attribute" in error or "Tickover(" in error
