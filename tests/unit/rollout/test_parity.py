from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.contract import Function, Responsibility
from tickover.execution.run import Run, Summary
from tickover.ledger.states import ENDED, State
from tickover.rollout.limits import Tolerance
from tickover.rollout.parity import ShadowRow, compare
from tickover.rollout.version import COMMITS, code_version

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HERE = {"environment": "production:production", "contract": "abc", "code": "1f2e"}


def seconds(count: float) -> datetime:
    """So long after the tick."""
    return NOW + timedelta(seconds=count)


async def body(_: Run) -> Summary:
    """What never runs here."""
    raise AssertionError


FUNCTION = Function(
    "maintain",
    "background/maintenance.requested",
    (Responsibility("recover", body, Tolerance(share=0.1, items=2)), Responsibility("prune", body)),
    finish_by=timedelta(minutes=5),
)


def counted(looked_at: int, left: int = 0, error: str | None = None, **details: Any) -> dict[str, Any]:
    """A summary as it stands in the ledger."""
    return Summary(looked_at=looked_at, changed=looked_at - left, left=left, error=error, details=details).as_json()


AGREES = ShadowRow(
    dispatch_key="k",
    requested_at=NOW,
    sender=HERE,
    start_by=seconds(180),
    send_error=None,
    runner=HERE,
    started_at=seconds(2),
    finished_at=seconds(3),
    summaries={"recover": counted(20, 20), "prune": counted(0)},
    inline_state=State.SUCCEEDED,
    inline_started_at=seconds(4),
    inline_finished_at=seconds(5),
    inline_summaries={"recover": counted(20), "prune": counted(0)},
)


def faults(row: ShadowRow, now: datetime | None = None) -> tuple[str, ...] | None:
    """What is wrong with a shadow; None while that is not known."""
    found = compare(row, FUNCTION, now or seconds(10))
    assert found is not None
    return None if found.waiting else found.faults


def test_a_shadow_that_saw_the_same_agrees() -> None:
    """Reached, in time, the same deployment, and the same figures."""
    assert faults(AGREES) == ()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"send_error": "timeout: no answer"}, "the engine was not reached: timeout: no answer"),
        ({"started_at": None, "finished_at": None}, "it was not started in time"),
        ({"started_at": seconds(200), "finished_at": seconds(201)}, "it started 20 s too late"),
        ({"finished_at": None}, "it did not end in time"),
        ({"finished_at": seconds(400)}, "it ended too late"),
        ({"runner": HERE | {"environment": "preview:x"}}, "sent by production:production, run by preview:x"),
        ({"runner": HERE | {"contract": "abd"}}, "sent under contract abc, run under abd"),
        ({"runner": HERE | {"code": None}}, "sent by code 1f2e, run by None"),
        ({"summaries": {"recover": counted(20)}}, "it left out prune"),
        (
            {
                "summaries": {
                    "recover": counted(20),
                    "prune": counted(0, error="ReadOnlySqlTransaction: cannot execute"),
                }
            },
            "prune: ReadOnlySqlTransaction: cannot execute",
        ),
        ({"summaries": {"recover": counted(23), "prune": counted(0)}}, "recover: counted 23, where inline saw 20"),
        ({"summaries": {"recover": counted(17), "prune": counted(0)}}, "recover: counted 17, where inline saw 20"),
    ],
)
def test_each_way_of_differing_is_named(changes: dict[str, Any], fault: str) -> None:
    """Long after the tick, when nothing is waited for any more."""
    assert faults(replace(AGREES, **changes), seconds(1000)) == (fault,)


@pytest.mark.parametrize(
    "changes",
    [
        {"started_at": None, "finished_at": None},
        {"finished_at": None},
        *({"inline_state": state} for state in sorted(set(State) - ENDED)),
    ],
)
def test_what_may_still_come_is_waited_for(changes: dict[str, Any]) -> None:
    """Neither agreement nor difference, until the time for it is over."""
    assert faults(replace(AGREES, **changes)) is None


@pytest.mark.parametrize(
    ("changes", "at_s"),
    [
        ({}, 5),
        ({"finished_at": seconds(8)}, 8),
        ({"finished_at": None, "started_at": None}, 180),
        ({"send_error": "x", "finished_at": None}, 0),
    ],
    ids=["inline ends later", "the shadow ends later", "never started", "never sent"],
)
def test_a_comparison_counts_from_when_it_could_be_made(changes: dict[str, Any], at_s: float) -> None:
    """For the windows that may send a function back."""
    found = compare(replace(AGREES, **changes), FUNCTION, seconds(1000))
    assert found is not None
    assert found.known_at == seconds(at_s)


def test_a_tick_that_another_covered_says_nothing() -> None:
    """Its own inline run never was, so there is nothing to compare with."""
    assert compare(replace(AGREES, inline_state=State.COVERED), FUNCTION, seconds(10)) is None


def test_a_figure_of_what_failed_inline_is_not_compared() -> None:
    """It may have stopped anywhere."""
    failed = {"recover": counted(3, error="no disk"), "prune": counted(0)}
    assert faults(replace(AGREES, inline_state=State.FAILED, inline_summaries=failed)) == ()


@pytest.mark.parametrize(
    ("dry_at", "seen", "agrees"),
    [
        ((2, 3), 100, True),
        ((2, 3), 0, False),
        ((6, 7), 0, True),
        ((6, 7), 100, False),
        ((4, 6), 50, True),
        ((4, 6), 130, False),
    ],
    ids=["before, all", "before, none", "after, none", "after, all", "beside, half", "beside, more"],
)
def test_what_is_due_depends_on_when_one_looks(dry_at: tuple[int, int], seen: int, *, agrees: bool) -> None:
    """Before inline all of it, after it what was left, beside it anything in between."""
    row = replace(
        AGREES,
        started_at=seconds(dry_at[0]),
        finished_at=seconds(dry_at[1]),
        summaries={"recover": counted(seen), "prune": counted(0)},
        inline_summaries={"recover": counted(100), "prune": counted(0)},
    )
    assert (faults(row) == ()) is agrees


def test_a_count_that_stopped_early_is_the_least_there_was() -> None:
    """Ten thousand and more is no less than fifty thousand."""
    row = replace(
        AGREES,
        summaries={"recover": counted(10_000, more=True), "prune": counted(0)},
        inline_summaries={"recover": counted(50_000), "prune": counted(0)},
    )
    assert faults(row) == ()


@given(figure=st.integers(0, 100_000), off=st.integers(-20_000, 20_000))
def test_the_tolerance_is_what_was_declared(figure: int, off: int) -> None:
    """Ten percent, or two items, whichever is more; not one item beyond."""
    seen = max(0, figure + off)
    row = replace(
        AGREES,
        summaries={"recover": counted(seen), "prune": counted(0)},
        inline_summaries={"recover": counted(figure), "prune": counted(0)},
    )
    assert (faults(row) == ()) is (abs(seen - figure) <= max(2, round(figure * 0.1)))


def test_the_code_is_told_by_the_first_variable_that_is_set() -> None:
    """One of Tickover's own beats the host's, and blanks do not count."""
    assert code_version({"VERCEL_GIT_COMMIT_SHA": " 1f2e\n", "GITHUB_SHA": "9a"}) == "1f2e"
    assert code_version({"TICKOVER_CODE_VERSION": "v7", "VERCEL_GIT_COMMIT_SHA": "1f2e"}) == "v7"
    assert code_version({"TICKOVER_CODE_VERSION": " "}) is None
    assert len(set(COMMITS)) == len(COMMITS)
