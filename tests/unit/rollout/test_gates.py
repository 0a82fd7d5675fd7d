"""When does a function go on, and when does it go back?"""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.rollout.breaches import breach
from tickover.rollout.facts import Facts, Fate, HandedOver, QueueLook, Shadowed
from tickover.rollout.figures import Terms, percentile_95
from tickover.rollout.gates import Gate, Verdict, judge, overall
from tickover.rollout.limits import LIMITS, Limits
from tickover.rollout.stages import Stage

SINCE = datetime(2026, 11, 26, tzinfo=UTC)
ENOUGH = 40  # minutes, ticks and runs
MOVING = (Stage.CANARY, Stage.DURABLE)


def at(minutes: float) -> datetime:
    """So long after the function came to stand there."""
    return SINCE + timedelta(minutes=minutes)


def run(minute: float, *, fate: Fate = Fate.RAN, start_s: float = 1, took_s: float = 2, **fields: Any) -> HandedOver:
    """A run of the tick of a minute."""
    begun = at(minute) + timedelta(seconds=start_s) if fate is Fate.RAN else None
    ended = None if begun is None else begun + timedelta(seconds=took_s)
    given_ = {"failed": False, "twice": False, "finished_at": ended} | fields
    return HandedOver(f"t{minute:g}", at(minute), at(minute), begun, fate=fate, **given_)


def shadowed(minute: float, *faults: str, waiting: bool = False) -> Shadowed:
    """A shadow of the tick of a minute."""
    return Shadowed(f"t{minute:g}", at(minute), at(minute), waiting, faults)


def facts(runs: Sequence[HandedOver] | None = None, minutes: float = ENOUGH, **fields: Any) -> Facts:
    """A tick a minute, each carried out well unless said otherwise."""
    ticks = [at(minute) for minute in range(int(minutes))]
    runs = [run(minute) for minute in range(int(minutes))] if runs is None else runs
    shadows = [shadowed(minute) for minute in range(int(minutes))]
    return Facts(SINCE, at(minutes), **{"ticks": ticks, "handed_over": runs, "shadowed": shadows} | fields)


def terms(stage: Stage, **limits: Any) -> Terms:
    """What a function with three minutes to start and ten to end is judged by."""
    return Terms(replace(LIMITS[stage], **limits), timedelta(minutes=3), timedelta(minutes=10))


def gate(name: str, stage: Stage, seen: Facts, **limits: Any) -> Gate:
    """One gate of a stage."""
    return next(gate for gate in judge(stage, seen, terms(stage, **limits)) if gate.name == name)


def plus(*bad: HandedOver) -> Facts:
    """Good runs, and these."""
    return facts([*(run(minute) for minute in range(ENOUGH)), *bad])


@pytest.mark.parametrize("stage", [Stage.SHADOW, *MOVING])
def test_good_evidence_passes_every_gate(stage: Stage) -> None:
    """And moves nothing back."""
    gates = judge(stage, facts(queue=[QueueLook(at(1), stale=False)]), terms(stage))
    assert {g.verdict for g in gates} == {Verdict.PASS}
    assert all(g.missing is None for g in gates)
    assert overall(gates) is Verdict.PASS
    assert breach(stage, facts(), terms(stage)) is None


def test_nothing_is_asked_of_what_is_inline() -> None:
    """There is no evidence to be had."""
    assert judge(Stage.INLINE, facts(), terms(Stage.SHADOW)) == []
    assert overall([]) is Verdict.PASS
    assert breach(Stage.INLINE, facts([run(1, failed=True), run(20, failed=True)]), terms(Stage.SHADOW)) is None


@pytest.mark.parametrize("stage", [Stage.SHADOW, *MOVING])
def test_what_is_missing_is_counted(stage: Stage) -> None:
    """Too little time, too few ticks, too few runs: inconclusive, each with how much is missing."""
    seen = facts(minutes=3)
    assert gate("time", stage, seen).missing == "27.0 min more"
    assert gate("ticks", stage, seen).missing == "27 more"
    assert gate("runs", stage, seen).missing == ("2 more" if stage is Stage.CANARY else "27 more")
    assert overall(judge(stage, seen, terms(stage))) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("stage", [Stage.SHADOW, *MOVING])
def test_without_runs_nothing_passes(stage: Stage) -> None:
    """However long it has stood there: dispatches alone prove nothing."""
    waiting = [run(minute, fate=Fate.WAITING) for minute in range(ENOUGH)]
    seen = facts(waiting, shadowed=[shadowed(minute, waiting=True) for minute in range(ENOUGH)])
    gates = judge(stage, seen, terms(stage))
    assert {g.name for g in gates if g.verdict is Verdict.PASS} == {"time", "ticks"}
    assert overall(gates) is Verdict.INCONCLUSIVE
    assert breach(stage, seen, terms(stage)) is None


@pytest.mark.parametrize("stage", [Stage.SHADOW, *MOVING])
def test_a_ledger_that_cannot_be_read_says_nothing(stage: Stage) -> None:
    """Every gate is inconclusive, with the reason, and nothing goes back, whatever had been read before."""
    seen = facts([run(1, failed=True), run(20, failed=True)], unreadable="the connection broke")
    gates = judge(stage, seen, terms(stage))
    assert {g.verdict for g in gates} == {Verdict.INCONCLUSIVE}
    assert all("the connection broke" in (g.missing or "") for g in gates)
    assert breach(stage, seen, terms(stage)) is None


@pytest.mark.parametrize(
    ("name", "bad", "seen"),
    [
        ("missed-starts", run(5.5, fate=Fate.MISSED), "1 of 41 accepted and not started"),
        ("done-twice", run(5.5, twice=True), "1 of 41 with two executors at them"),
        ("failure-rate", run(5.5, failed=True), "2.44%: 1 of 41 failed"),
    ],
)
@pytest.mark.parametrize("stage", MOVING)
def test_one_bad_run_keeps_a_function_where_it_is(stage: Stage, name: str, bad: HandedOver, seen: str) -> None:
    """The gate fails, and names the tick; it takes a second window to send the function back."""
    found = gate(name, stage, plus(bad))
    assert (found.verdict, found.seen, found.missing) == (Verdict.FAIL, seen, "t5.5")
    assert breach(stage, plus(bad), terms(stage)) is None


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("missed-starts", {"fate": Fate.MISSED}),
        ("done-twice", {"twice": True}),
        ("failure-rate", {"failed": True}),
        ("start-p95", {"start_s": 181}),
        ("duration-p95", {"took_s": 601}),
    ],
)
@pytest.mark.parametrize("stage", MOVING)
def test_bad_in_two_windows_goes_back(stage: Stage, name: str, bad: dict[str, Any]) -> None:
    """Every kind does, wherever in its window it lies; the text has the figures of both."""
    runs = [run(minute, **(bad if minute in {1, 17} else {})) for minute in range(1, 30, 4)]
    found = breach(stage, facts(runs, minutes=30), terms(stage))
    assert found is not None
    assert found.gate == name
    assert "; in the window before: " in found.text
    assert [window["since"] for window in found.evidence["windows"]] == [at(0).isoformat(), at(15).isoformat()]


def test_a_window_without_evidence_is_passed_over() -> None:
    """A canary of five percent has quarters of an hour without a run: bad ones before and after count as two."""
    assert breach(Stage.CANARY, facts([run(1, failed=True), run(61, failed=True)], minutes=62), terms(Stage.CANARY))


def test_bad_news_that_takes_long_counts_when_it_comes() -> None:
    """Half of the events are missed, which is known twenty minutes later each time; the others run at once."""
    runs = [run(minute, fate=Fate.MISSED if minute % 2 else Fate.RAN) for minute in range(60)]
    known = [r for r in runs if r.fate is Fate.RAN or r.accepted_at <= at(40)]
    patient = Terms(LIMITS[Stage.DURABLE], timedelta(minutes=20), timedelta(minutes=10))
    found = breach(Stage.DURABLE, facts(known, minutes=60), patient)
    assert found is not None
    assert found.gate == "missed-starts"


def test_what_has_become_good_again_stays() -> None:
    """Bad long ago, good in one of the two newest windows."""
    runs = [run(1, failed=True), run(16, failed=True), run(31)]
    assert breach(Stage.CANARY, facts(runs), terms(Stage.CANARY)) is None


@pytest.mark.parametrize(("failed", "goes_back"), [(1, False), (2, True)])
def test_the_rate_of_going_back_is_two_percent(failed: int, *, goes_back: bool) -> None:
    """One of a hundred is not enough in both windows, two are."""
    runs = [run(window + n / 10, failed=n < failed) for window in (0, 15) for n in range(100)]
    assert (breach(Stage.DURABLE, facts(runs, minutes=30), terms(Stage.DURABLE)) is not None) is goes_back


@pytest.mark.parametrize(("of", "verdict"), [(200, Verdict.FAIL), (201, Verdict.PASS)])
def test_the_failure_rate_has_to_be_below_its_limit(of: int, verdict: Verdict) -> None:
    """Half a percent is not below half a percent."""
    runs = [run(n / 10, failed=not n) for n in range(of)]
    assert gate("failure-rate", Stage.DURABLE, facts(runs)).verdict is verdict


@pytest.mark.parametrize(
    ("name", "fields", "verdict"),
    [
        ("start-p95", {"start_s": 180}, Verdict.PASS),
        ("start-p95", {"start_s": 180.5}, Verdict.FAIL),
        ("start-p95", {"start_s": -1}, Verdict.PASS),
        ("duration-p95", {"took_s": 600}, Verdict.PASS),
        ("duration-p95", {"took_s": 600.5}, Verdict.FAIL),
    ],
)
def test_a_percentile_has_to_be_within_its_limit(name: str, fields: dict[str, Any], verdict: Verdict) -> None:
    """That is the function's, where no other is declared; to begin before acceptance is recorded takes no time."""
    runs = [run(minute, **fields) for minute in range(ENOUGH)]
    assert gate(name, Stage.CANARY, facts(runs)).verdict is verdict
    assert gate(name, Stage.CANARY, facts(runs), **{name.replace("-", "_"): timedelta(hours=1)}).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("looks", "verdict"),
    [
        ([], Verdict.INCONCLUSIVE),
        ([QueueLook(at(2), stale=True), QueueLook(at(1), stale=False)], Verdict.FAIL),
        ([QueueLook(at(1), stale=True), QueueLook(at(2), stale=False)], Verdict.PASS),
    ],
)
def test_the_queues_newest_alarm_counts(looks: list[QueueLook], verdict: Verdict) -> None:
    """In whatever order the looks come."""
    assert gate("queue", Stage.CANARY, facts(queue=looks)).verdict is verdict


def test_a_queue_that_stays_stale_goes_back() -> None:
    """Where its newest look was an alarm in two windows; one window is not enough."""
    stale = [QueueLook(at(minute), stale=True) for minute in (10, 20)]
    found = breach(Stage.DURABLE, facts(queue=stale), terms(Stage.DURABLE))
    assert found is not None
    assert found.gate == "queue"
    assert breach(Stage.DURABLE, facts(queue=stale[:1]), terms(Stage.DURABLE)) is None


def test_i9_a_shadow_that_differs_fails_the_gate_with_its_reason() -> None:
    """One of forty is one too many; differing in two windows ends the shadow."""
    seen = facts(shadowed=[*(shadowed(minute) for minute in range(39)), shadowed(39, "prune: cannot execute DELETE")])
    found = gate("parity", Stage.SHADOW, seen)
    assert (found.verdict, found.missing) == (Verdict.FAIL, "t39: prune: cannot execute DELETE")
    assert breach(Stage.SHADOW, seen, terms(Stage.SHADOW)) is None
    twice = facts(shadowed=[shadowed(3, "x"), shadowed(20, "prune: cannot execute DELETE")])
    back = breach(Stage.SHADOW, twice, terms(Stage.SHADOW))
    assert back is not None
    assert "cannot execute DELETE" in back.text


def test_an_app_may_ask_for_other_things() -> None:
    """A tick a day, judged after three of them."""
    limits = {"time": timedelta(days=2), "ticks": 3, "runs": 2, "failure_rate": 0.6}
    days = [run(1440 * n, failed=not n) for n in range(3)]
    seen = facts(days, minutes=1440 * 2, ticks=[at(1440 * n) for n in range(3)])
    assert overall(judge(Stage.CANARY, seen, terms(Stage.CANARY, **limits))) is Verdict.PASS


@pytest.mark.parametrize(
    ("values", "expected"), [([1.0], 1.0), ([1.0, 2.0], 2.0), (list(map(float, range(1, 101))), 95.0)]
)
def test_the_percentile_is_a_value_that_was_seen(values: list[float], expected: float) -> None:
    """By nearest rank."""
    assert percentile_95(values) == expected


def test_no_values_have_no_percentile() -> None:
    """Nothing was seen."""
    with pytest.raises(ValueError, match="no values"):
        percentile_95([])


RUNS = st.builds(
    run,
    st.floats(0, 100),
    fate=st.sampled_from(Fate),
    start_s=st.floats(0, 400),
    took_s=st.floats(0, 900),
    failed=st.booleans(),
    twice=st.booleans(),
)


@given(runs=st.lists(RUNS, max_size=60), seed=st.integers())
def test_the_order_of_the_rows_does_not_matter(runs: list[HandedOver], seed: int) -> None:
    """For the verdicts, and for the way back."""
    shuffled = runs.copy()
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - any order will do
    for stage in MOVING:
        one, other = (facts(rows, minutes=100) for rows in (runs, shuffled))
        verdicts = [[(g.name, g.verdict) for g in judge(stage, seen, terms(stage))] for seen in (one, other)]
        assert verdicts[0] == verdicts[1]
        assert breach(stage, one, terms(stage)) == breach(stage, other, terms(stage))


@given(runs=st.lists(RUNS, max_size=60))
def test_one_more_failure_never_lets_a_function_pass(runs: list[HandedOver]) -> None:
    """What does not pass does not begin to pass because more has failed."""
    before = overall(judge(Stage.DURABLE, facts(runs), terms(Stage.DURABLE)))
    after = overall(judge(Stage.DURABLE, facts([*runs, run(1.5, failed=True)]), terms(Stage.DURABLE)))
    assert after is not Verdict.PASS or before is Verdict.PASS


@given(runs=st.lists(RUNS, max_size=60), minutes=st.floats(0, 15))
def test_one_window_never_sends_a_function_back(runs: list[HandedOver], minutes: float) -> None:
    """However bad it is."""
    within = [r for r in runs if max(r.finished_at or at(0), r.accepted_at + timedelta(minutes=3)) < at(15)]
    for stage in MOVING:
        assert breach(stage, facts(within, minutes=minutes), terms(stage)) is None


def test_every_limit_of_the_table_is_that_of_a_stage_with_gates() -> None:
    """None is forgotten, and none is declared for nothing."""
    assert set(LIMITS) == set(Stage) - {Stage.INLINE}
    assert LIMITS[Stage.SHADOW] == Limits()
