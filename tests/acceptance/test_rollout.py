"""`tickover rollout` and `tickover rollback`, beside a real local run."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.acceptance.conftest import Command, Run
from tests.ports import free_port
from tickover.isolation.keys import SECRETS

APP = {"TICKOVER_APP": "tickover.outreach.app:tickover"}
PROCESS, MAINTENANCE = "process-background-jobs", "background-maintenance"

TICK = """
  WITH t AS (
    INSERT INTO tickover.tick (dispatch_key, route, identity_source, mode, reason, correlation_id)
    VALUES ('k', 'jobs', 'clock', 'dispatch', '', '') RETURNING id
  )
  INSERT INTO tickover.obligation (tick_id, function, state, start_by) SELECT id, 'process', 'succeeded', now() FROM t
"""


@pytest.fixture
def beside(run: Run) -> Run:
    """Commands beside a local run whose cron fires every second."""
    # In short lines: nobody reads on, and a local run that waits for a reader fires no ticks.
    up = run("up", "--every", "1", "--port", str(free_port()), "--engine-port", str(free_port()))
    assert up.process.stdout is not None
    assert any("202 dispatch" in line for line in up.process.stdout)

    def start(*arguments: str, **environment: str) -> Command:
        return run(*arguments, **APP | environment)

    return start


def said(command: Command, code: int = 0) -> str:
    """What a command says on standard output; its exit code is checked."""
    out, error = command.process.communicate(timeout=90)
    assert command.process.returncode == code, f"{out}\n{error}"
    return out if code == 0 else out + error


def functions(command: Command) -> dict[str, dict[str, Any]]:
    """What `tickover rollout --json` says of each function."""
    return {row["function"]: row for row in map(json.loads, said(command).splitlines())}


@pytest.mark.timeout(300)
def test_a_function_is_moved_and_rolled_back_beside_a_local_run(beside: Run) -> None:
    """Begun, shadowed, refused for want of evidence, overridden, rolled back, seen to be inline, released."""
    first = functions(beside("rollout", "--json"))
    assert [row["inForce"] for row in first.values()] == ["durable", "durable"]
    assert first[PROCESS]["why"] == "BACKGROUND_JOBS_USE_INNGEST is on"
    said(beside("rollout", "begin", PROCESS))
    assert "shadow" in said(beside("rollout", "advance", PROCESS))
    refused = said(beside("rollout", "advance", PROCESS), code=1)
    assert re.search(r"time is inconclusive \(0\.\d min at this stage\): \d+\.\d min more", refused)
    assert "--override --why" in refused
    assert "canary 5 %" in said(beside("rollout", "advance", PROCESS, "--override", "--why", "seen elsewhere"))
    shown = said(beside("rollout", "status", PROCESS, PGTZ="Asia/Tokyo"))
    assert "overridden" in shown
    moments = re.findall(r"(?:since|overridden) (\S+ \S+) UTC", shown)
    assert len(moments) == 2
    for moment in moments:  # in UTC, whatever the database's zone
        age = datetime.now(UTC) - datetime.fromisoformat(f"{moment}+00:00")
        assert timedelta(seconds=-1) < age < timedelta(hours=1)
    assert "seen elsewhere" in shown
    back = json.loads(said(beside("rollback", "--why", "the engine is odd", "--json")))
    assert (back["functions"], back["settled"]) == ([MAINTENANCE, PROCESS], True)
    after = functions(beside("rollout", "--json"))
    assert {(row["inForce"], row["held"]) for row in after.values()} == {("inline", True)}
    assert "release" in said(beside("rollout", "advance", PROCESS), code=1)
    table = said(beside("rollout", COLUMNS="80"))
    assert all(len(line) <= 80 for line in table.splitlines())
    assert "held: the engine" in " ".join(table.split())
    said(beside("rollout", "release", PROCESS, "--why", "it is well again"))
    assert "canary 5 %" in said(beside("rollout", "advance", PROCESS))
    assert "advances by itself" in said(beside("rollout", "auto", PROCESS, "on"))


def test_the_cost_is_told_by_the_ledger_and_without_one_by_the_contract(run: Run, database_dsn: str) -> None:
    """Per stage and month, against the plan; a database that is away is no reason to say nothing."""
    settings = {"INNGEST_DEV": "1", "TICKOVER_PLAN_EXECUTIONS": "50000", "COLUMNS": "80", **APP}
    table = said(run("cost", "--every", "60", DATABASE_URL=database_dsn, **settings))
    assert all(len(line) <= 80 for line in table.splitlines() if not line.startswith("all durable"))
    assert "all durable, a month: 86,400 executions of 50,000, 173%" in table
    assert "now, a month: 0 executions of 50,000, 0%" in table  # no tick has come, and the flag is off here
    away = {"DATABASE_URL": "postgresql://127.0.0.1:9/x", "TICKOVER_DATABASE_WAIT": "0.5", **settings}
    answer = json.loads(said(run("cost", "--json", "--every", "60", **away)))
    assert answer["unread"]
    assert answer["routes"][0]["perMonth"]["durable"]["executions"] == 86_400
    assert json.loads(said(run("cost", "--json", **settings)))["unread"] == "DATABASE_URL is not set"
    assert "now, a month: not known" in said(run("cost", "--every", "60", **settings))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("rollback",), "--why"),
        (("rollback", "--why", " "), "--why"),
        (("rollout", "release", PROCESS), "--why"),
        (("rollout", "advance", PROCESS, "--override"), "--why"),
        (("rollout", "auto", PROCESS, "perhaps"), "on or off"),
    ],
)
def test_a_command_that_says_too_little_is_refused(
    run: Run, database_dsn: str, words: tuple[str, ...], text: str
) -> None:
    """With what it lacks; nothing is changed."""
    error = said(run(*words, DATABASE_URL=database_dsn, INNGEST_DEV="1", **APP), code=2)
    assert text in error
    with psycopg.connect(database_dsn) as connection:
        assert connection.execute("SELECT count(*) FROM tickover.audit").fetchone() == (0,)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("rollback", "no-such", "--why", "x"), "there is no function 'no-such'; there are process"),
        (("rollout", "begin", "no-such"), "there is no function 'no-such'"),
        (("rollout", "advance", PROCESS), "tickover rollout begin"),
        (("rollout", "release", PROCESS, "--why", "x"), "is not held"),
        (("rollout", "status", "no-such"), "there is no function 'no-such'"),
    ],
)
def test_a_command_that_cannot_be_carried_out_says_why(
    run: Run, database_dsn: str, words: tuple[str, ...], text: str
) -> None:
    """In one line, with what there is instead; exit code 1."""
    error = said(run(*words, DATABASE_URL=database_dsn, INNGEST_DEV="1", **APP), code=1)
    assert text in error
    assert "Traceback" not in error


def test_f02_a_rollback_needs_nothing_but_the_database(run: Run, database_dsn: str) -> None:
    """The deployment's secrets are broken and the application cannot be loaded: it rolls back all the same."""
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        connection.execute(TICK)
    broken = dict.fromkeys(SECRETS, "with a\nnewline") | {
        "TICKOVER_LEASE": "soon",
        "BACKGROUND_JOBS_USE_INNGEST": "ture",
    }
    told = said(run("rollback", "--why", "a dirty secret", "--no-wait", DATABASE_URL=database_dsn, **broken))
    assert "process is inline from the next tick on" in told
    with psycopg.connect(database_dsn) as connection:
        row = connection.execute("SELECT stage, held, reason FROM tickover.control").fetchone()
    assert row == ("inline", True, "a dirty secret")


def test_i5_a_preview_rolls_back_nothing_of_productions(run: Run, database_dsn: str) -> None:
    """The database is production's by its seal: refused, with the remedy, and nothing is set."""
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        connection.execute(TICK)
    said(run("seal", "--store", "database", DATABASE_URL=database_dsn, TICKOVER_ENV="production"))
    error = said(run("rollback", "--why", "x", DATABASE_URL=database_dsn, TICKOVER_ENV="preview"), code=1)
    assert "production" in error
    with psycopg.connect(database_dsn) as connection:
        assert connection.execute("SELECT count(*) FROM tickover.control").fetchone() == (0,)


def test_a_rollback_that_is_not_seen_to_work_in_time_says_so(run: Run, database_dsn: str) -> None:
    """No cron fires: exit code 1, what is missing, and that the rollback stands."""
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        connection.execute(TICK)
    told = said(run("rollback", "--why", "x", "--timeout", "1", DATABASE_URL=database_dsn), code=1)
    assert "inline ticks: 0 of 2 for process" in told
    assert "the rollback stands" in told


def test_a_database_without_ticks_has_nothing_to_roll_back(run: Run, database_dsn: str) -> None:
    """Perhaps it is the wrong one."""
    assert "check DATABASE_URL" in said(run("rollback", "--why", "x", DATABASE_URL=database_dsn), code=1)
