"""The real command: game days under real processes, and the page that shows them."""

import json
from pathlib import Path

import pytest

from tests.acceptance.conftest import Run

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.mark.timeout(240)
def test_two_game_days_hold_and_the_report_shows_them(run: Run, directory: Path) -> None:
    """An engine that never calls, and kills in mid-drain: nothing lost, nothing twice, a timeline of each."""
    cases = ["accepted-never-called", "killed-in-drain"]
    command = run("drill", *(f"--only={case}" for case in cases), "--json", "--html", "report.html")
    out, error = command.process.communicate(timeout=220)
    results = [json.loads(line) for line in out.splitlines()]
    assert command.process.returncode == 0, error
    assert [result["case"] for result in results] == cases
    for result in results:
        assert (result["passed"], result["invariantsBroken"]) == (True, [])
        assert (result["lost"], result["twice"], result["jobsLost"]) == (0, 0, 0)
        assert result["ticksExpected"] == result["ticksRecorded"] > 5
    assert "recovery" in results[0]["byPath"]
    assert any("never started it" in cause for cause in results[0]["causes"])
    assert "2/2" in error
    if not CHROMIUM.exists():
        pytest.skip("the page is not looked at: Chromium is not installed; run: apt-get install chromium")
    look_at(directory / "report.html")


def look_at(page: Path) -> None:
    """A timeline for each case, and nothing wider than a telephone."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - needed only where there is a browser

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened = browser.new_page(viewport={"width": 390, "height": 800})
        opened.goto(page.as_uri())
        assert opened.locator("svg rect.durable").count() > 10
        assert opened.locator("svg line.kill").count() == 3
        assert opened.evaluate("document.documentElement.scrollWidth") <= 390
        browser.close()


def test_an_unknown_case_is_refused_and_the_known_are_named(run: Run) -> None:
    """With the list, and exit code 2; `--list` names them all."""
    code, error = run("drill", "--only", "no-such-case").end()
    assert code == 2
    assert "engine-down" in error
    listed = run("drill", "--list").process.communicate(timeout=60)[0]
    assert len(listed.splitlines()) == 17
