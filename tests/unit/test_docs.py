import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tickover import Contract
from tickover.isolation.environment import Doubt, resolve
from tickover.isolation.guard import wrong_environment
from tickover.isolation.seal import Seal, Store
from tickover.isolation.verdict import Facts, judge
from tickover.localengine.faults.kinds import SHAPES
from tickover.rollout.limits import LIMITS
from tickover.rollout.stages import Stage
from tickover.settings import JobSettings, Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def test_the_drawn_states_are_those_of_the_code() -> None:
    """`make docs` was run after the last change to a table of moves."""
    subprocess.run([sys.executable, DOCS / "draw_states.py", "--check"], check=True)


def test_every_setting_stands_on_the_configuration_page() -> None:
    """No variable that Tickover reads is left out, and its default is the one that is said."""
    page = (DOCS / "configuration.md").read_text()
    for name, field in {**Settings.model_fields, **JobSettings.model_fields}.items():
        variable = str(field.validation_alias or name).upper()
        row = re.search(rf"^\| `{variable}` \| (.*?) \|", page, re.MULTILINE)
        assert row is not None, variable
        if isinstance(field.default, bool):
            assert row[1] == ("on" if field.default else "off"), variable
        elif isinstance(field.default, int | float):
            assert row[1] == f"{field.default:g}", variable


def test_every_contradiction_stands_on_the_page_about_environments() -> None:
    """With its code in a row of a table, so that whoever is refused finds what to do."""
    page = (DOCS / "environments.md").read_text()
    sources = [file.read_text() for file in (ROOT / "src/tickover/isolation").glob("*.py")]
    named = {code for text in sources for code in re.findall(r'(?:error|withheld|warning)\(\s*"([a-z-]+)"', text)}
    stores = {"foreign-database", "foreign-redis", "copied-database"}
    missing = [code for code in sorted(named | set(Doubt) | stores) if f"| `{code}` |" not in page]
    assert len(named) > 15
    assert not missing


def test_the_refusal_on_the_page_about_environments_is_the_one_that_is_answered() -> None:
    """Of a preview with production's `INNGEST_ENV` and database: the same texts, with the same remedies."""
    shown = json.loads(re.search(r"```json\n(.*?)```", (DOCS / "environments.md").read_text(), re.DOTALL)[1])  # type: ignore[index]
    variables = {"TICKOVER_ENV": "preview:pr-42", "INNGEST_ENV": "production"}
    of_production = Store(Seal("production", "production", "1/2"), "1/2")
    verdict = judge(Facts(resolve(variables), variables, database=of_production))
    assert shown["contradictions"] == [found.as_json() for found in verdict.contradictions]
    assert wrong_environment(verdict).args[0].startswith(shown["detail"].removesuffix("…").rstrip())


def test_the_example_of_the_readme_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands within the first 40 lines' reach, and makes an application with the routes that are promised."""
    readme = (ROOT / "README.md").read_text()
    before, example = readme.split("```python\n", 1)
    assert before.count("\n") < 40
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/x")
    names: dict[str, object] = {}
    exec(compile(example.split("```", 1)[0], "README.md", "exec"), names)  # noqa: S102 - our own page
    schema = names["app"].openapi()  # type: ignore[attr-defined]
    assert {"/api/cron/{route}", "/api/jobs/status"} <= schema["paths"].keys()


def test_the_example_with_three_routes_is_a_contract_that_holds() -> None:
    """Each has a flag of its own; one function drains, and one is judged by other limits."""
    page = (DOCS / "rollout.md").read_text()
    example = page.split("## Several routes", 1)[1].split("```python\n", 1)[1].split("```", 1)[0]
    names: dict[str, Any] = {}
    exec(compile(example, "docs/rollout.md", "exec"), names)  # noqa: S102 - our own page
    contract: Contract = names["contract"]
    assert [route.id for route in contract.routes] == ["background-jobs", "reports", "digest"]
    assert len({route.flag for route in contract.routes}) == 3
    assert [function.id for function in contract.functions if function.drains] == ["process-background-jobs"]
    assert [function.id for function in contract.functions if function.limits] == ["nightly-digest"]


def test_every_limit_stands_on_the_page_about_rolling_out() -> None:
    """With the defaults of each stage, as the code has them."""
    page = (DOCS / "rollout.md").read_text()
    for stage, limits in LIMITS.items():
        minutes = limits.time.total_seconds() / 60
        assert f"| `{stage}` | {minutes:g} min | {limits.ticks} | {limits.runs} |" in page
    assert f"below {LIMITS[Stage.CANARY].failure_rate:.1%}" in page
    assert f"{LIMITS[Stage.CANARY].demotion_rate:.0%} in two windows" in page


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(DOCS.glob("*.md"))], ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Every relative link names a file that is there."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_test_that_the_local_engines_page_names_is_there() -> None:
    """What is said to be spoken is shown."""
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", (DOCS / "local-engine.md").read_text())
    assert len(named) > 25
    for file, test in named:
        texts = [path.read_text() for path in (ROOT / "tests").rglob(f"localengine/{file}")]
        assert any(re.search(rf"^(async )?def {test}\(", text, re.MULTILINE) for text in texts), f"{file}::{test}"


def test_the_page_on_faults_tells_of_every_kind() -> None:
    """Each has its row."""
    page = (DOCS / "faults.md").read_text()
    for kind, shape in SHAPES.items():
        assert re.search(rf"^\| `{kind}` \|", page, re.MULTILINE), kind
        assert shape.seconds is None or f"{shape.seconds:g} s" in page, kind
