"""The table of metrics, and what is shipped beside it, held to each other."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.core import TyperGroup as Group
from typer.main import get_command

from tickover import Contract, Function, Job, Responsibility, Route, queue_drain, queue_health
from tickover.cli.main import app
from tickover.notices.severities import WEIGHTS
from tickover.telemetry.instruments import COUNTED, INSTRUMENTS, Sort
from tickover.telemetry.metrics import Reading, exposition, record_begin
from tickover.telemetry.shipped import RUNBOOK, alert_rules, grafana_dashboard
from tickover.web.series import begin_all, stale_after_of

DOCS = Path(__file__).parents[2] / "docs"
SERIES = {series for one in INSTRUMENTS for series in one.series}


def named(text: str) -> set[str]:
    """The series that a text names."""
    return set(re.findall(r"\btickover_[a-z_]+", text))


def anchors(page: str) -> set[str]:
    """What a page's headings can be linked to by."""
    return set(re.findall(r"^## ([a-z-]+)$", page, re.MULTILINE))


def test_names_follow_the_conventions_of_both() -> None:
    """Dots for one, underscores, base units and `_total` for the other; no two are the same."""
    assert len({one.exposed for one in INSTRUMENTS}) == len(INSTRUMENTS)
    for one in INSTRUMENTS:
        assert re.fullmatch(r"tickover(\.[a-z]+(_[a-z]+)*)+", one.name), one.name
        assert one.exposed.endswith("_total") == (one.sort is Sort.COUNTER)
        assert ("_seconds" in one.exposed) == (one.unit == "s")
        assert bool(one.buckets) == (one.sort is Sort.HISTOGRAM)
        assert not {"client_id", "error", "key", "job"} & set(one.labels)


def test_every_metric_stands_on_the_page_with_its_labels_and_its_sort() -> None:
    """And the page names none that there is not."""
    page = (DOCS / "metrics.md").read_text()
    for one in INSTRUMENTS:
        labels = ", ".join(f"`{label}`" for label in one.labels) or "none"
        row = f"| `{one.exposed}` | `{one.name}` | {one.sort} | {labels} | {one.description} |"
        assert row in page, row
    assert named(page) <= SERIES | {one.exposed for one in INSTRUMENTS}


@pytest.mark.parametrize(("given", "expected"), [([], 30), ([5], 5), ([60, 7], 7)])
def test_a_queue_is_stale_when_the_most_impatient_watch_says_so(given: list[int], expected: int) -> None:
    """And after half an hour where nothing watches it."""
    bodies = [Responsibility("queue-drain", queue_drain({}))]
    bodies += [Responsibility(f"health-{n}", queue_health(timedelta(minutes=n))) for n in given]
    functions = tuple(Function(body.id, f"{body.id}/work", (body,)) for body in bodies)
    route = Route("r", "R_ON", tuple(body.id for body in bodies), functions)
    assert stale_after_of(Contract((route,))) == timedelta(minutes=expected)


def test_every_metric_has_a_panel_and_the_rules_name_none_that_there_is_not() -> None:
    """The dashboard is Grafana's JSON, whose panels do not lie over each other."""
    dashboard = json.loads(grafana_dashboard())
    asked = named(" ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"]))
    assert asked <= SERIES
    assert all(asked & set(one.series) for one in INSTRUMENTS)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in dashboard["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert named(alert_rules()) <= SERIES


def test_every_alert_leads_to_its_part_of_the_runbook() -> None:
    """Which names it, and says symptom, cause and command."""
    page = (DOCS / "runbook.md").read_text()
    rules = re.findall(r"- alert: (\w+)\n.*?runbook_url: (\S+)", alert_rules(), re.DOTALL)
    assert len(rules) == alert_rules().count("- alert:")
    for alert, url in rules:
        runbook, _, anchor = url.partition("#")
        assert (runbook, anchor in anchors(page)) == (RUNBOOK, True), alert
        assert f"`{alert}`" in part(page, anchor), alert


def test_every_finding_has_its_part_of_the_runbook() -> None:
    """Each code that a notice can carry, and every one that the code makes."""
    source = DOCS.parent / "src/tickover"
    texts = [file.read_text() for folder in ("ticks", "rollout") for file in (source / folder).glob("*.py")]
    made = {code for text in texts for code in re.findall(r'Finding\(\s*"([a-z-]+)"', text)}
    page = (DOCS / "runbook.md").read_text()
    assert len(made) > 8
    for code in made | set(WEIGHTS):
        assert all(word in part(page, code) for word in ("**Symptom.**", "**Cause.**", "**Command.**")), code


def part(page: str, anchor: str) -> str:
    """What stands below the heading of that anchor."""
    found = re.search(rf"^## {anchor}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def test_every_part_of_the_runbook_is_whole() -> None:
    """Also those of alerts that no finding stands behind."""
    page = (DOCS / "runbook.md").read_text()
    for anchor in re.findall(r"^## ([a-z-]+)$", page, re.MULTILINE):
        for word in ("**Symptom.**", "**Cause.**", "**Command.**"):
            assert word in part(page, anchor), (anchor, word)


def test_the_runbooks_commands_are_there() -> None:
    """Each line of a block names commands and options that `tickover` has."""
    lines = re.findall(r"^    tickover ([^#\n]*)", (DOCS / "runbook.md").read_text(), re.MULTILINE)
    assert len(lines) > 20
    for line in lines:
        command: Any = get_command(app)
        words = line.split()
        while words and isinstance(command, Group):
            command = command.commands[words.pop(0)]
        options = {name for parameter in command.params for name in parameter.opts}
        assert not isinstance(command, Group) or command.invoke_without_command, line
        assert {word for word in words if word.startswith("--")} <= options, line


def test_the_runbook_can_be_read_elsewhere() -> None:
    """Every rule links there."""
    rules = alert_rules("https://wiki.example.com/runbook")
    assert rules.count("runbook_url: https://wiki.example.com/runbook#") == rules.count("- alert:")
    assert RUNBOOK not in rules.split("groups:")[1]


@pytest.mark.parametrize("waited", [-3.0, 0.0])
def test_clocks_that_disagree_make_no_negative_time(waited: float) -> None:
    """It counts as none."""
    record_begin("of-a-clock", "inline", waited)
    assert 'obligation_wait_seconds_sum{function="of-a-clock",path="inline"} 0.0' in exposition(Reading()).decode()


def test_what_alerts_look_at_is_shown_before_it_happens() -> None:
    """Zero, for each route, function and kind of the contract, and every cause of refusals; and nothing is created."""

    async def send(_: Job) -> None: ...

    work = Responsibility("drain-zero", queue_drain({"kind-zero": send}))
    function = Function("zero", "zero/work.requested", (work,))
    begin_all(Contract((Route("route-zero", "ZERO_USE_INNGEST", ("drain-zero",), (function,)),)))
    text = exposition(Reading()).decode()
    assert 'tickover_obligations_total{function="zero",path="durable",state="failed"} 0.0' in text
    assert 'tickover_ticks_total{mode="fallback",route="route-zero"} 0.0' in text
    assert 'tickover_jobs_total{kind="kind-zero",outcome="dead"} 0.0' in text
    assert "_created" not in text
    assert {family.name for family in text_string_to_metric_families(text)} >= {
        one.exposed.removesuffix("_total") for one in COUNTED
    }
