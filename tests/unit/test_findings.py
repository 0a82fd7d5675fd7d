from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tickover.ledger.facts import CronTick, FencedOff, RecentRun, Refusal
from tickover.ticks.findings import IDLE_RUNS, REMEDIES, TICKS_LOOKED_AT, Finding, idle, ran_twice, refused, rhythm

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def ticks(*ago_s: float, source: str = "clock") -> list[CronTick]:
    """Ticks so many seconds ago, the newest first."""
    return [CronTick(f"t-{ago:g}", source, NOW - timedelta(seconds=ago), "dispatch") for ago in ago_s]


def codes(findings: list[Finding]) -> list[str]:
    """The codes of findings."""
    return [finding.code for finding in findings]


def test_a_regular_rhythm_is_no_finding() -> None:
    """A tick a minute, a little early and late, declared or not."""
    regular = ticks(30, 92, 149, 211, 270, 331, 390, 449, 511, 570, 631, 690)
    assert rhythm("r", MINUTE, MINUTE, regular, NOW) == []
    assert rhythm("r", None, MINUTE, regular, NOW) == []
    assert rhythm("r", MINUTE, MINUTE, [], NOW) == []


@pytest.mark.parametrize("every", [MINUTE, None])
def test_no_tick_for_two_intervals_is_a_finding(every: timedelta | None) -> None:
    """The silence may last, or the newest tick may have ended it; the last tick before it is named, and its answer."""
    lasting = ticks(*(121 + 60 * number for number in range(8)))
    (finding,) = rhythm("r", every, MINUTE, lasting, NOW)
    assert (finding.code, finding.subject, finding.evidence["lastDispatchKey"]) == ("ticks-missing", "r", "t-121")
    assert finding.evidence["mode"] == "dispatch"
    ended = ticks(1, *(3601 + 60 * number for number in range(8)))
    (finding,) = rhythm("r", every, MINUTE, ended, NOW)
    assert (finding.code, finding.evidence["silentS"]) == ("ticks-missing", 3600)


def test_without_a_declaration_a_few_ticks_say_nothing() -> None:
    """Five gaps are needed before an interval is taken from what was seen, and longer ones than somebody's by hand."""
    assert rhythm("r", None, MINUTE, ticks(600, 660, 720, 780, 840), NOW) == []
    by_hand = ticks(600, 601, 603, 604, 606, 609, 610)
    assert rhythm("r", None, MINUTE, by_hand, NOW) == []


def test_twice_as_many_ticks_as_declared_are_a_finding() -> None:
    """One every 30 s where one a minute was declared; one every 40 s is let pass, and so is what was not declared."""
    fast = ticks(*(30 * number for number in range(TICKS_LOOKED_AT)))
    (finding,) = rhythm("r", MINUTE, MINUTE, fast, NOW)
    assert (finding.code, finding.evidence["spanS"]) == ("ran-too-often", 330)
    assert rhythm("r", MINUTE, MINUTE, ticks(*(40 * number for number in range(TICKS_LOOKED_AT))), NOW) == []
    assert rhythm("r", None, MINUTE, fast, NOW) == []


def test_one_firing_under_two_names_is_a_finding() -> None:
    """Two ticks within half a window, one known by the clock, one by its scheduled time; not two of one kind."""
    one, other = ticks(10), ticks(12, source="scheduled-time")
    (finding,) = rhythm("r", MINUTE, MINUTE, [*one, *other], NOW)
    assert (finding.code, finding.evidence["dispatchKeys"]) == ("ran-twice", ["t-10", "t-12"])
    assert rhythm("r", MINUTE, MINUTE, ticks(10, 12), NOW) == []
    assert rhythm("r", MINUTE, MINUTE, [*one, *ticks(50, source="scheduled-time")], NOW) == []


def test_runs_that_do_nothing_while_work_is_due_are_a_finding() -> None:
    """Five in a row of one responsibility; one that changed something, failed or found nothing due ends the row."""
    run = RecentRun("queue-drain", NOW, changed=0, left=7, error=None)
    (finding,) = idle([run] * IDLE_RUNS)
    assert (finding.code, finding.subject, finding.evidence["left"]) == ("did-nothing", "queue-drain", [7] * IDLE_RUNS)
    assert idle([run] * (IDLE_RUNS - 1)) == []
    for other in (replace(run, changed=1), replace(run, left=0), replace(run, error="no disk")):
        assert idle([run] * (IDLE_RUNS - 1) + [other]) == []
    assert idle([run] * 3 + [replace(run, responsibility="prune")] * 3) == []


def test_two_executors_at_one_obligation_are_a_finding() -> None:
    """With the tick and how often."""
    (finding,) = ran_twice([FencedOff("process", "t1", "recovery", 2, 1, NOW)])
    assert (finding.code, finding.subject) == ("ran-twice", "process")
    assert finding.evidence == {"dispatchKey": "t1", "times": 1, "attempt": 2, "path": "recovery"}


@pytest.mark.parametrize(("endpoint", "cause"), REMEDIES)
def test_every_cause_of_a_refusal_has_a_remedy(endpoint: str, cause: str) -> None:
    """Calls and ticks are told apart, and what was seen, how often and what to do is said."""
    (finding,) = refused([Refusal(endpoint, cause, "calls are answered 401", 12, NOW - MINUTE, NOW)])
    assert finding.code == {"engine": "calls-refused", "cron": "cron-refused"}[endpoint]
    assert finding.text == "12 requests refused: calls are answered 401"
    assert finding.remedy == REMEDIES[endpoint, cause]
    assert (finding.evidence["cause"], finding.evidence["count"]) == (cause, 12)
