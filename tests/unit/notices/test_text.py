import re
from dataclasses import replace
from pathlib import Path

from tests.unit.notices.making import MINUTE, NOW, TIMING, finding, stored
from tests.unit.test_contract import ROUTE
from tickover import Contract
from tickover.ledger.facts import Refusal
from tickover.ledger.states import State
from tickover.notices.meaning import Surroundings, explained
from tickover.notices.notice import Notice
from tickover.notices.rules import concerns, decide, scopes
from tickover.notices.severities import WEIGHTS
from tickover.notices.states import Kind
from tickover.notices.text import write
from tickover.ticks.findings import Finding
from tickover.ticks.trouble import Outcome

SOURCES = Path(__file__).parents[3] / "src/tickover"
FAILED = Outcome("process", "t-9", State.FAILED, "durable", 4, "queue-drain: KeyError: 'x'", True, "ran", NOW)  # noqa: FBT003 - a row
MISSED = replace(FAILED, state=State.SUCCEEDED, path="recovery", fate="missed", error=None)


def notice(*found: Finding, around: Surroundings | None = None) -> Notice:
    """The notice that findings of the contract's route open."""
    (concern,) = [
        explained(one, Contract((ROUTE,)), ROUTE, around or Surroundings()) for one in concerns(found, ROUTE.id)
    ]
    (change,) = decide([concern], [], scopes(ROUTE.id), replace(TIMING, confirm=0 * MINUTE), NOW)
    return stored(change)


def test_a_notice_says_all_that_is_to_be_known() -> None:
    """What is wrong, since when, what it affects, what was done, what to do, and where to see it."""
    around = Surroundings(outcomes=[FAILED])
    message = write(
        [(notice(*around.findings(ROUTE.id)[:1], around=around), Kind.OPENED)],
        "outreach, production",
        "https://app.example.com/tickover",
        NOW + 12 * MINUTE,
    )
    assert message.title == "[outreach, production] PAGE: function-failed of process"
    assert message.body.splitlines() == [
        "PAGE: function-failed of process",
        "What is wrong: a tick failed after the last attempt: queue-drain: KeyError: 'x'",
        "Since: 2026-11-24 12:00 UTC, for 12 min",
        "Affects: function process (queue-drain)",
        "Tickover already:",
        "- tried 4 times; what had succeeded of it is not done again",
        "- the next tick runs the function anew",
        f"What to do: {around.findings(ROUTE.id)[0].remedy}",
        "",
        "See: https://app.example.com/tickover",
    ]
    assert not message.is_good


def test_its_end_says_how_long_it_was() -> None:
    """And asks for nothing."""
    closed = replace(notice(finding("rolled-back", "process")), away_since=NOW + 95 * MINUTE)
    message = write([(closed, Kind.CLOSED)], "a", None, NOW + 105 * MINUTE)
    assert message.title == "[a] Over: rolled-back of process"
    assert "From 2026-11-24 12:00 UTC to 2026-11-24 13:35 UTC, for 1 h 35 min" in message.body
    assert "What to do" not in message.body
    assert message.is_good


def test_a_notice_that_closed_before_it_was_told_is_told_as_closed() -> None:
    """Held over night, it is one entry in the morning."""
    one = notice(finding("rolled-back", "process"))
    message = write([(one, Kind.OPENED), (one, Kind.CLOSED)], "a", None, NOW)
    assert message.title == "[a] Over: rolled-back of process"


def test_many_are_one_message_with_the_most_urgent_in_full() -> None:
    """The others are a line each, with what to do."""
    some = [(replace(notice(finding("did-nothing", f"r-{number}")), id=number), Kind.OPENED) for number in range(1, 6)]
    page = (replace(notice(finding("queue-stale", "queue-health")), id=6), Kind.OPENED)
    message = write([*some, page], "a", None, NOW)
    assert message.title == "[a] PAGE: queue-stale of queue-health, and 5 more"
    lines = [line for line in message.body.splitlines() if line.startswith("- Warning: did-nothing of r-")]
    assert len(lines) == 5
    assert all("what to do: do this" in line for line in lines)


def test_recovered_work_says_so_and_names_the_cause() -> None:
    """The engine was kept out by its signature: the work was done by the watchdog, and the key is to be checked."""
    refusal = Refusal("engine", "signature", "401", 7, NOW, NOW)
    around = Surroundings(outcomes=[MISSED, MISSED], refusals=[refusal])
    found = {one.code: one for one in around.findings(ROUTE.id)}
    assert set(found) == {"calls-refused", "never-started"}
    text = write([(notice(found["never-started"], around=around), Kind.OPENED)], "a", None, NOW).body
    assert "carried out 2 late obligations itself" in text
    assert "INNGEST_SIGNING_KEY" in text
    refused = notice(found["calls-refused"], around=around)
    assert refused.affects == ["function process (queue-drain)", "function maintain (prune)"]


def test_every_code_is_weighed() -> None:
    """Whatever a finding of the code is called, somebody has said how urgent it is."""
    texts = [path.read_text() for folder in ("ticks", "rollout") for path in (SOURCES / folder).glob("*.py")]
    codes = {code for text in texts for code in re.findall(r'Finding\(\s*"([a-z-]+)"', text)}
    codes |= {"calls-refused", "cron-refused"}
    assert codes == set(WEIGHTS)
