from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tickover.drill.cases import CASES, Case, missing
from tickover.drill.contract import FUNCTIONS, RESPONSIBILITIES
from tickover.drill.evidence import Answer, Evidence, JobsRow, MarkRow, OwedRow, RunRow
from tickover.drill.game import Result
from tickover.drill.report import write_report
from tickover.drill.verdict import ALLOWED, Verdict, judge

BEGAN = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TICKS = 10
JOBS = 20


def healthy() -> Evidence:
    """Ten ticks, each carried out durably within a second."""
    slots = [BEGAN + n * SECOND for n in range(TICKS)]
    owed = [
        OwedRow(2 * n + index, f"k-{n}", "scheduled-time", function, "succeeded", "durable", 1, slot, slot + SECOND / 2)
        for n, slot in enumerate(slots)
        for index, function in enumerate(FUNCTIONS)
    ]
    runs = [
        RunRow(2 * n + (name != "queue-drain"), name, "durable", slot, 10.0, 2 if name == "queue-drain" else 1, None)
        for n, slot in enumerate(slots)
        for name in RESPONSIBILITIES
    ]
    marks = [MarkRow(2 * n + 1, 1, "prune-lead-memory", slot) for n, slot in enumerate(slots)]
    answers = [Answer(slot, 202, "dispatch", 0, (), ()) for slot in slots]
    return Evidence(BEGAN, slots[-1] + SECOND, [], [], answers, owed, runs, marks, JobsRow(JOBS, JOBS, JOBS, JOBS))


def verdict(evidence: Evidence, *, may_miss: bool = False) -> Verdict:
    """What it shows, without an outage."""
    return judge(evidence, timedelta(), may_miss=may_miss)


def test_a_healthy_run_breaks_nothing() -> None:
    """Every figure is as it was played."""
    found = verdict(healthy())
    assert found.broken == []
    assert (found.expected, found.recorded, found.done, found.lost, found.twice) == (TICKS, TICKS, 2 * TICKS, 0, 0)
    assert found.paths == {"durable": 2 * TICKS}
    assert found.longest_gap <= 1.0


@pytest.mark.parametrize(
    ("invariant", "tampered"),
    [
        ("1", lambda e: replace(e, owed=[row for row in e.owed if row.dispatch_key != "k-3"])),
        ("2", lambda e: replace(e, owed=[*e.owed[:-1], replace(e.owed[-1], state="accepted", finished_at=None)])),
        ("2", lambda e: replace(e, owed=[*e.owed[:-1], replace(e.owed[-1], state="failed")])),
        ("2", lambda e: replace(e, owed=[replace(e.owed[0], finished_at=BEGAN + ALLOWED + SECOND), *e.owed[1:]])),
        ("2", lambda e: replace(e, runs=[r for r in e.runs if r.path == "inline"], ended=BEGAN + ALLOWED * 2)),
        ("3", lambda e: replace(e, runs=[*e.runs, e.runs[1]])),
        ("3", lambda e: replace(e, marks=[*e.marks, replace(e.marks[0], fence=2), e.marks[0]])),
        ("4", lambda e: replace(e, jobs=replace(e.jobs, succeeded=JOBS - 1))),
        ("4", lambda e: replace(e, jobs=replace(e.jobs, with_effect=JOBS - 1))),
        ("4", lambda e: replace(e, runs=[replace(run, changed=9) for run in e.runs])),
    ],
    ids=["unrecorded", "unended", "failed", "late", "silent", "twice", "old-fence", "lost", "no-effect", "outcomes"],
)  # fmt: skip
def test_the_drill_can_fail(invariant: str, tampered: object) -> None:
    """Evidence that was tampered with breaks the invariant that it should, and is told by its number."""
    assert callable(tampered)
    broken = verdict(tampered(healthy())).broken
    assert broken
    assert all(text.startswith(f"{invariant}: ") for text in broken)


def test_what_was_begun_again_is_counted_and_breaks_nothing() -> None:
    """A newer fence after an older one is what a kill leaves; the other way round it is not."""
    evidence = healthy()
    found = verdict(replace(evidence, marks=[*evidence.marks, replace(evidence.marks[0], fence=2)]))
    assert (found.repeated, found.twice, found.broken) == (1, 0, [])


def test_while_nobody_could_record_them_ticks_may_be_missing() -> None:
    """Only where the case says so."""
    evidence = healthy()
    without = replace(evidence, owed=[row for row in evidence.owed if row.dispatch_key != "k-3"])
    assert verdict(without, may_miss=True).broken == []


def test_every_case_has_a_name_of_its_own_and_says_what_it_breaks() -> None:
    """All of the issue's are there."""
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) == 17
    assert all(case.breaks and case.play.__doc__ for case in CASES)


def test_a_case_that_needs_what_is_missing_says_what_to_install() -> None:
    """By the name of Debian's package."""
    case = replace(CASES[0], needs=("no-such-program", "no-such-package"))
    assert missing(case) == "skipped; run: apt-get install no-such-package"
    assert missing(replace(case, needs=("sh", "dash"))) is None
    assert Result(case, None, None, "skipped", skipped=True).passed


def test_a_case_in_which_nothing_shows_has_not_passed(tmp_path: Path) -> None:
    """Though every invariant held; and the report says both."""
    case: Case = CASES[0]
    shown = Result(case, verdict(healthy()), healthy())
    not_shown = Result(case, verdict(healthy()), healthy(), "nothing shows that it was broken")
    assert (shown.passed, not_shown.passed) == (True, False)
    page = tmp_path / "report.html"
    write_report(page, [shown, not_shown])
    text = page.read_text()
    assert text.count("<svg") == 2
    assert "nothing shows that it was broken" in text
