"""What a local run prints of a tick."""

import json
from datetime import UTC, datetime

import pytest

from tickover.ledger.states import ENDED, State
from tickover.ledger.store import Progress
from tickover.stack.cron import TickResult
from tickover.stack.lines import Lines

AT = datetime(2026, 11, 27, 13, 18, 14, tzinfo=UTC)


def progress(state: State) -> Progress:
    """A function that stands there, of whose work nothing was recorded."""
    return Progress("process", state, "durable", 1, None, None, None, None, {})


@pytest.mark.parametrize("state", [state for state in State if state not in ENDED])
def test_what_has_not_ended_is_not_said_to_have_found_nothing(capsys: pytest.CaptureFixture[str], state: State) -> None:
    """It says how far it is."""
    Lines(json_lines=False).tick(1, TickResult(AT, 202, {"mode": "dispatch"}, [progress(state)]))
    said = capsys.readouterr().out
    assert f"process durable {state}" in said
    assert "nothing due" not in said


def test_what_has_ended_and_had_nothing_to_do_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """In place of figures."""
    Lines(json_lines=False).tick(1, TickResult(AT, 202, {"mode": "dispatch"}, [progress(State.SUCCEEDED)]))
    assert "process durable ✓ (nothing due)" in capsys.readouterr().out


def test_a_tick_that_takes_long_is_told_meanwhile(capsys: pytest.CaptureFixture[str]) -> None:
    """For people with the command that shows where it is, for machines as an event."""
    Lines(json_lines=False).under_way(3, AT, 15.0)
    assert capsys.readouterr().out == "13:18:14 not ended after 15 s: `tickover diagnose` shows where it is\n"
    Lines(json_lines=True).under_way(3, AT, 15.0)
    told = json.loads(capsys.readouterr().out)
    assert told == {"event": "under way", "number": 3, "scheduledAt": "2026-11-27T13:18:14.000Z"}
