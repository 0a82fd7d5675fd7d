import xml.etree.ElementTree as ET

import pytest
from bench.charts import Bar, bar_chart, shown
from bench.goals import GOALS, Goal, Spread, broken, judge, p05, p95, values
from bench.peers.measure import LONGEST_MIXED_S, Fill, Task, sleep_of, used
from bench.report import BEGIN, END, chapter, pictures, replaced
from bench.rounds import Record, Step, carry_out, plan, seconds_left
from bench.steps import Figures, StepFailedError, reason_of


def rate(side: str, number: int, value: float) -> Record:
    """A record of a drain."""
    return {"bench": "drain", "side": side, "round": number, "rate": value}


RECORDS = [
    rate("bare", 0, 100.0),
    rate("tickover fifo", 0, 90.0),
    rate("bare", 1, 50.0),
    rate("tickover fifo", 1, 40.0),
    rate("bare", 2, 80.0),
    rate("tickover fifo", 2, 80.0),
    {"bench": "drain", "side": "pgqueuer", "round": 0, "failed": "no such server"},
]


def nothing() -> list[Figures]:
    """A step that measures nothing."""
    return []


def test_a_ratio_is_formed_within_a_round() -> None:
    """A machine that is slow for one round is slow for both sides of it."""
    assert values(RECORDS, "drain", "tickover fifo", "rate", "bare") == [0.9, 0.8, 1.0]
    assert Spread.of([0.9, 0.8, 1.0]) == Spread(0.9, 0.8, 1.0)
    assert Spread.of([]) is None


def test_a_round_without_the_other_side_has_no_ratio() -> None:
    """It is left out, not guessed."""
    assert values(RECORDS[:3], "drain", "bare", "rate", "tickover fifo") == [100.0 / 90.0]
    assert values(RECORDS, "drain", "tickover fifo", "rate", "pgqueuer") == []


def test_percentiles_are_values_that_were_seen() -> None:
    """95 % of the values do not exceed the one, and reach the other."""
    assert p95([float(n) for n in range(1, 101)]) == 95
    assert p05([float(n) for n in range(1, 101)]) == 6
    assert p95([7.0]) == p05([7.0]) == 7.0


@pytest.mark.parametrize(
    ("goal", "missed"),
    [
        (Goal("", "drain", "tickover fifo", "rate", "bare", at_least=0.9), False),
        (Goal("", "drain", "tickover fifo", "rate", "bare", at_least=0.91), True),
        (Goal("", "drain", "tickover fifo", "rate", at_most=80), False),
        (Goal("", "drain", "tickover fifo", "rate", at_most=80, by="most"), True),
        (Goal("", "drain", "tickover fair", "rate", at_least=1), False),
    ],
)
def test_a_goal_is_missed_beyond_its_limit_and_never_where_nothing_was_measured(goal: Goal, missed: bool) -> None:
    """The limit itself is met."""
    assert [verdict.missed for verdict in judge([goal], RECORDS)] == [missed]


def test_what_fails_of_our_own_is_as_bad_as_a_missed_goal() -> None:
    """A peer's failure is not."""
    assert broken(RECORDS) == []
    ours: Record = {"bench": "drain", "side": "tickover fair", "round": 0, "failed": "it broke"}
    assert broken([*RECORDS, ours]) == ["drain, tickover fair: it broke"]


def test_each_goal_has_one_limit() -> None:
    """At least, or at most."""
    for goal in GOALS:
        assert (goal.at_least > float("-inf")) != (goal.at_most < float("inf")), goal.text


def test_the_chapter_has_rows_verdicts_and_what_was_not_run() -> None:
    """With the spread, and why a peer is missing."""
    goals = [Goal("over bare", "drain", "tickover fifo", "rate", "bare", at_least=0.95)]
    text = chapter("2026-11-26", RECORDS, judge(goals, RECORDS), {"chancy": "no network"})
    assert "| tickover fifo | 80 [40..90] | 0.90 [0.80..1] |" in text
    assert "| over bare | at least 0.95 | 0.90 | 0.90 [0.80..1] | **not met** |" in text
    assert "- chancy: no network" in text
    assert "- drain, pgqueuer: no such server" in text
    assert "### Prune" not in text


def test_only_what_is_between_the_markers_is_replaced() -> None:
    """What is written by hand stays, and a second time changes nothing."""
    page = f"# Head\n\n{BEGIN}\nold\n{END}\n\n## By hand\n"
    once = replaced(page, "new\n")
    assert once == f"# Head\n\n{BEGIN}\nnew\n{END}\n\n## By hand\n"
    assert replaced(once, "new\n") == once


@pytest.mark.parametrize("page", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}\n{BEGIN}\n{END}"])
def test_a_page_without_its_markers_is_refused(page: str) -> None:
    """Rather than overwritten."""
    with pytest.raises(ValueError, match="once each"):
        replaced(page, "new")


def test_charts_are_well_formed_and_to_scale() -> None:
    """Half the figure is half the bar, and labels are escaped."""
    bars = [Bar("a & b", Spread(100, 90, 110), ours=True), Bar("<c>", Spread(50, 50, 50), ours=False)]
    root = ET.fromstring(bar_chart("Jobs < 1 s", "jobs/s", bars))  # noqa: S314 - our own text
    name = "{http://www.w3.org/2000/svg}"
    lengths = [float(bar.attrib["width"]) for bar in root.findall(f"{name}rect")[1:]]
    assert lengths[0] == pytest.approx(2 * lengths[1], abs=0.2)
    assert {"a & b", "<c>", "Jobs < 1 s"} <= {text.text for text in root.iter(f"{name}text")}
    assert pictures(RECORDS).keys() == {"drain.svg"}


@pytest.mark.parametrize(
    ("value", "text"),
    [(12_345.6, "12,346"), (45.67, "45.7"), (1.234, "1.23"), (0.01234, "0.012"), (0, "0"), (9_990, "9,990")],
)
def test_figures_show_about_three_digits(value: float, text: str) -> None:
    """More would not be repeated by the next run."""
    assert shown(value) == text


def test_each_round_begins_with_another_side() -> None:
    """So none is always the one behind a busy neighbour; memory is measured once."""
    benches = {"drain": {"a": nothing, "b": nothing}, "memory": {"a": nothing}, "prune": {}, "tick": {"a": nothing}}
    steps = plan(benches, 2)
    assert [(step.number, step.bench, step.side) for step in steps] == [
        (0, "drain", "a"),
        (0, "drain", "b"),
        (0, "memory", "a"),
        (0, "tick", "a"),
        (1, "drain", "b"),
        (1, "drain", "a"),
        (1, "tick", "a"),
    ]


def test_the_time_left_is_that_of_the_same_steps_before() -> None:
    """And the mean of all, where there was none."""
    ahead = [Step(1, "drain", "a", nothing), Step(1, "drain", "b", nothing)]
    assert seconds_left({}, ahead) is None
    assert seconds_left({("drain", "a"): [2.0, 4.0], ("tick", "a"): [9.0]}, ahead) == 3.0 + 6.0


def test_a_side_that_fails_is_recorded_once_and_the_others_go_on() -> None:
    """A peer that breaks costs its own row."""

    def broken() -> list[Figures]:
        raise StepFailedError("it broke")

    def good() -> list[Figures]:
        return [{"rate": 1.0}]

    said: list[str] = []
    records = list(carry_out(plan({"drain": {"a": broken, "b": good}}, 2), 2, said.append))
    assert records == [
        {"bench": "drain", "side": "a", "round": 0, "failed": "it broke"},
        {"bench": "drain", "side": "b", "round": 0, "rate": 1.0},
        {"bench": "drain", "side": "b", "round": 1, "rate": 1.0},
    ]
    assert said[0] == "round 1/2, step 1/4: drain, a"
    assert said[-1].startswith("round 2/2, step 3/4, about ")


def test_the_share_of_a_budget_used_counts_overlaps_once() -> None:
    """And nothing after the budget's end."""
    assert used([(0.0, 4.0), (1.0, 3.0), (6.0, 12.0)], begun=0.0, budget=10.0) == pytest.approx(0.8)


def test_mixed_handlers_take_from_a_millisecond_to_several_seconds() -> None:
    """In a fixed order, so that every side has the same."""
    sleeps = [sleep_of("mixed", number) for number in range(100)]
    assert 0.001 <= min(sleeps) < 0.0015
    assert 2.5 < max(sleeps) <= LONGEST_MIXED_S
    assert (sleep_of("50ms", 7), sleep_of("noop", 7)) == (0.05, 0.0)


def test_a_task_goes_to_its_process_and_back() -> None:
    """As one argument."""
    task = Task("fill", "postgresql://x", fill=(Fill("due", 3), Fill("future", 2, 1, "small")))
    assert Task.from_json(task.to_json()) == task


def test_the_reason_of_a_failure_is_below_its_traceback() -> None:
    """Without the paths in it."""
    output = 'Traceback (most recent call last):\n  File "/x.py", line 1\n    x()\nValueError: bad\nDETAIL: worse\n'
    assert reason_of(output) == "ValueError: bad DETAIL: worse"
