"""`tickover jobs requeue|discard|run-now|acts|stop`, and the filters of `list`, against a real database."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tickover.cli.jobs import jobs_app

Rows = Callable[..., list[dict[str, Any]]]
Tell = Callable[..., Result]

FILL = """
  INSERT INTO tickover.job (kind, client_id, payload, state, last_error, created_at)
  SELECT 'send', CASE WHEN n %% 2 = 0 THEN 'acme' END, '{"to": "a@b", "apiKey": "hush", "pin": 7}', 'dead',
    'Timeout ' || n, now() - interval '1 hour' * (10 - n)
  FROM generate_series(0, 9) n RETURNING id
"""


@pytest.fixture
def tell(database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Tell:
    """Run the command with these arguments."""
    monkeypatch.setenv("DATABASE_URL", database_dsn)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(jobs_app, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ((), 10),
        (("--client", "acme"), 5),
        (("--client", "-"), 5),
        (("--error", "TIMEOUT 3"), 1),
        (("--error", "%"), 0),
        (("--older-than", "7h"), 4),
        (("--kind", "send", "--client", "acme", "--state", "dead", "--limit", "2"), 2),
    ],
)
def test_lists_are_filtered(tell: Tell, rows: Rows, options: tuple[str, ...], count: int) -> None:
    """By client, error and age, alone and together."""
    rows(FILL)
    result = tell("list", "--json", *options)
    assert (result.exit_code, len(result.output.splitlines())) == (0, count)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("list", "--older-than", "soon"), "say 90s, 15m, 2h or 3d"),
        (("list", "--client", "a b"), "is not of the form"),
        (("discard",), "name either ids or"),
        (("discard", 1, "--kind", "send", "--why", "x"), "name either ids or"),
        (("discard", "--kind", "send"), "say --why"),
        (("run-now", "--kind", "Send", "--why", "x"), "is not of the form"),
        (("run-now", "--state", "dead", "--why", "x"), "it is dead"),
        (("stop", 7), "there is no act 7"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    tell: Tell, rows: Rows, command: tuple[Any, ...], said: str
) -> None:
    """Exit code 2, a text that says what to do, and every row as it was."""
    rows(FILL)
    result = tell(*command)
    assert result.exit_code == 2
    assert said in " ".join(result.output.replace("│", "").split())
    assert rows("SELECT DISTINCT state FROM tickover.job") == [{"state": "dead"}]
    assert rows("SELECT 1 FROM tickover.bulk_act UNION SELECT 1 FROM tickover.audit") == []


def test_all_that_match_are_acted_on(tell: Tell, rows: Rows) -> None:
    """By several conditions, with who and why in the audit; the acts are listed with their progress."""
    rows(FILL)
    assert tell("requeue", "--client", "acme", "--error", "timeout", "--why", "mended").output == "5 requeued\n"
    assert tell("run-now", "--kind", "send", "--why", "hurry").output == "5 due before all others\n"
    done = tell("discard", "--state", "dead", "--why", "wrong", "--json")
    assert (json.loads(done.output)["done"], json.loads(done.output)["state"]) == (5, "done")
    assert rows("SELECT state, count(*) FROM tickover.job GROUP BY 1 ORDER BY 1") == [
        {"state": "discarded", "count": 5},
        {"state": "queued", "count": 5},
    ]
    assert [row["reason"] for row in rows("SELECT reason FROM tickover.audit ORDER BY id")] == [
        "mended",
        "hurry",
        "wrong",
    ]
    assert "error=timeout client_id=acme" in tell("acts").output
    assert [json.loads(line)["act"] for line in tell("acts", "--json").output.splitlines()] == [
        "discard",
        "run_now",
        "requeue",
    ]
    assert tell("stop", 1).output == "done after 5 jobs\n"


def test_single_jobs_that_are_refused_are_named_with_their_state(tell: Tell, rows: Rows) -> None:
    """The others are moved; the exit code is 1."""
    first, second, *_ = [row["id"] for row in rows(FILL)]
    rows("UPDATE tickover.job SET state = 'running' WHERE id = %s", second)
    result = tell("discard", first, second, 99)
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[0] == "1 discarded"
    assert lines[1].startswith(f"{second} was left alone: it is running; ")
    assert lines[2] == "99 was left alone: there is no such job"


def test_a_payload_is_shown_masked(tell: Tell, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """What always is, and what TICKOVER_MASKED_FIELDS adds, for people and for machines."""
    monkeypatch.setenv("TICKOVER_MASKED_FIELDS", " Pin , iban")
    job_id = rows(FILL)[0]["id"]
    assert json.loads(tell("show", job_id, "--json").output)["payload"] == {"to": "a@b", "apiKey": "•••", "pin": "•••"}
    assert "hush" not in tell("show", job_id).output
