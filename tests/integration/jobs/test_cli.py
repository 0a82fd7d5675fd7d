"""`tickover jobs list|show|requeue|recurring`, against a real database."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tickover import clock
from tickover.cli.jobs import jobs_app

Rows = Callable[..., list[dict[str, Any]]]
Tell = Callable[..., Result]

DEAD = """
    INSERT INTO tickover.job (kind, payload, state, attempts, last_error)
    VALUES ('lead_scoring', '{"lead": 1}', 'dead', 5, 'ValueError: [bold]no such lead[/bold] [') RETURNING id
"""

RECURRING = """
    INSERT INTO tickover.recurring (name, cron, timezone, next_at, last_at, last_job_id) VALUES
      ('nightly', '30 2 * * *', 'Europe/Berlin', '2026-11-27T01:30Z', '2026-10-25T00:30Z', 42),
      ('left', '0 0 29 2 *', 'UTC', '2028-02-29T00:00Z', NULL, NULL),
      ('moved', '0 1 * * *', 'UTC', '2026-11-27T01:00Z', NULL, NULL)
"""
APPLICATION = """
from tickover import Contract, Function, Recurring, Responsibility, Route, Summary, Tickover

class Drain:
    recurring = (
        Recurring("nightly", "30 2 * * *", "report", timezone="Europe/Berlin"),
        Recurring("moved", "0 2 * * *", "report"),
        Recurring("weekly", "0 9 * * 1", "report"),
    )

    async def __call__(self, run):
        return Summary()

drain = Function("process", "background/process.requested", (Responsibility("queue-drain", Drain()),))
tickover = Tickover(Contract((Route("jobs", "JOBS_USE_INNGEST", ("queue-drain",), (drain,)),)), app_id="told")
"""


class Then:
    """A clock that stands at an evening in November 2026."""

    def now(self) -> datetime:
        """The evening."""
        return datetime(2026, 11, 26, 20, tzinfo=UTC)

    def monotonic(self) -> float:
        """It does not move."""
        return 0.0


@pytest.fixture
def tell(database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Tell:
    """Run the command with these arguments."""
    monkeypatch.setenv("DATABASE_URL", database_dsn)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(jobs_app, [str(argument) for argument in arguments])


def test_dead_letters_are_listed(tell: Tell, rows: Rows) -> None:
    """Kind, attempts and error as it is, brackets included; other states are left out."""
    rows(DEAD)
    rows("SELECT tickover.enqueue('other', '1')")
    result = tell("list", "--state", "dead")
    assert result.exit_code == 0
    assert "lead_scoring" in result.output
    assert "5/5" in result.output
    assert "[bold]no such lead[/bold] [" in result.output
    assert "other" not in result.output


def test_a_list_can_be_read_by_machines(tell: Tell, rows: Rows) -> None:
    """One JSON object a line."""
    (row,) = rows(DEAD)
    (job,) = [json.loads(line) for line in tell("list", "--json").output.splitlines()]
    assert (job["id"], job["state"], job["finished_at"], "payload" in job) == (row["id"], "dead", None, False)


def test_one_job_is_shown_with_its_payload(tell: Tell, rows: Rows) -> None:
    """For people and for machines."""
    (row,) = rows(DEAD)
    assert '{"lead": 1}' in tell("show", row["id"]).output
    assert json.loads(tell("show", row["id"], "--json").output)["payload"] == {"lead": 1}


def test_a_job_that_is_not_there_is_an_error(tell: Tell) -> None:
    """The exit code is not 0, and the text says where to look."""
    result = tell("show", 7)
    assert result.exit_code != 0
    assert "there is no job 7" in result.output


def test_dead_letters_are_requeued_by_id_and_by_kind(tell: Tell, rows: Rows) -> None:
    """The first by its id, the others by their kind."""
    first, *_ = [rows(DEAD)[0]["id"] for _ in range(3)]
    assert (tell("requeue", first).output, tell("requeue", "--kind", "lead_scoring", "--why", "mended").output) == (
        "1 requeued\n",
        "2 requeued\n",
    )
    assert rows("SELECT DISTINCT state FROM tickover.job") == [{"state": "queued"}]


def test_what_is_not_requeued_is_said(tell: Tell, rows: Rows) -> None:
    """Ids that are no dead letters are named, and the exit code is 1."""
    (row,) = rows(DEAD)
    result = tell("requeue", row["id"], 99, "--json")
    assert (result.exit_code, json.loads(result.output)) == (1, {"requeued": [row["id"]], "left_alone": [99]})


@pytest.mark.parametrize("arguments", [(), (1, "--kind", "a")])
def test_requeue_needs_one_way_of_naming(tell: Tell, arguments: tuple[Any, ...]) -> None:
    """Nothing is requeued by accident."""
    result = tell("requeue", *arguments)
    assert result.exit_code == 2
    assert "either ids or --kind" in result.output


def test_recurring_jobs_are_listed_in_their_own_time_zones(tell: Tell, rows: Rows) -> None:
    """By name, with the last and the next occurrence, the year where that is far; nothing is said of declarations."""
    rows(RECURRING)
    with clock.taken_from(Then()):
        result = tell("recurring")
    assert result.exit_code == 0
    heading, *lines = (re.split(r"\s{2,}", line.strip()) for line in result.output.splitlines())
    assert heading == ["name", "cron", "zone", "last", "next"]
    assert lines == [
        ["left", "0 0 29 2 *", "UTC", "-", "2028-02-29"],
        ["moved", "0 1 * * *", "UTC", "-", "11-27 01:00"],
        ["nightly", "30 2 * * *", "Europe/Berlin", "10-25 02:30", "11-27 02:30"],
    ]


def test_recurring_jobs_can_be_read_by_machines(tell: Tell, rows: Rows) -> None:
    """One JSON object a line; times have the offset that their zone has then."""
    rows(RECURRING)
    *_, nightly = [json.loads(line) for line in tell("recurring", "--json").output.splitlines()]
    assert nightly == {
        "name": "nightly",
        "cron": "30 2 * * *",
        "timezone": "Europe/Berlin",
        "next_at": "2026-11-27T02:30:00+01:00",
        "last_at": "2026-10-25T02:30:00+02:00",
        "last_job_id": 42,
        "declared": None,
    }
    assert datetime.fromisoformat(nightly["next_at"]) == datetime(2026, 11, 27, 1, 30, tzinfo=UTC)


def test_recurring_jobs_are_compared_with_what_an_application_declares(
    tell: Tell, rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Declared as they are known, or otherwise, not yet known, or not declared any more."""
    rows(RECURRING)
    (tmp_path / "told_application.py").write_text(APPLICATION)
    monkeypatch.syspath_prepend(tmp_path)
    result = tell("recurring", "--app", "told_application:tickover", "--json")
    found = {row["name"]: row for row in map(json.loads, result.output.splitlines())}
    assert {name: row["declared"] for name, row in found.items()} == {
        "left": "no",
        "moved": "changed",
        "nightly": "yes",
        "weekly": "new",
    }
    assert (found["moved"]["cron"], found["weekly"]["next_at"]) == ("0 1 * * *", None)
    lines = tell("recurring", "--app", "told_application:tickover").output.splitlines()
    assert [line.split()[-1] for line in lines] == ["declared", "no", "changed", "yes", "new"]
