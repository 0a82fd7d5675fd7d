"""The dashboard of a real local run, in a real browser."""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, StorageState

from tests.acceptance.conftest import Command
from tests.browser import chromium, needs_chromium, opened
from tests.folders import folder
from tests.ports import free_port

VIEWER_TOKEN = "a-viewers-token-of-the-test-suite"
FUNCTION = "process-background-jobs"
MARKUP = "<script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\">"
TICKS = 4
pytestmark = [needs_chromium, pytest.mark.timeout(300)]


@dataclass
class Up:
    """A local run with ticks behind it: where it is, its one-time link, a job that is dead, and one of its ticks."""

    base: str
    link: str
    job: int
    tick: str

    def paths(self) -> list[str]:
        """Every page."""
        pages = ["/", "/ticks", "/jobs", "/clients", "/rollout", "/notices", "/audit", "/check"]
        own = [f"/ticks/{quote(self.tick)}", f"/functions/{FUNCTION}", f"/jobs/{self.job}", "/jobs?state=dead"]
        return [*pages, *own, "/jobs?kind=none-such", "/nowhere", f"/functions/{quote('no/such')}"]


def _read(command: Command) -> None:
    """Read on, so that the run never waits for its reader."""
    assert command.process.stdout is not None
    for _ in command.process.stdout:
        pass


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    """A local run, a tick a second."""
    with folder("tickover-dashboard-") as directory:
        ports = ["--port", str(free_port()), "--engine-port", str(free_port())]
        arguments = ["up", "--every", "1", "--json", *ports]
        command = Command(arguments, directory, {"TICKOVER_VIEWER_TOKEN": VIEWER_TOKEN})
        try:
            started = command.until("started")
            keys = [command.until("tick")["dispatchKey"] for _ in range(TICKS)]
            threading.Thread(target=_read, args=(command,), daemon=True).start()
            job = _dead_job(directory)
            yield Up(f"{started['application']}/tickover", started["dashboard"], job, keys[0])
        finally:
            command.process.terminate()
            command.process.wait(60)
            for stream in (command.process.stdout, command.process.stderr):
                assert stream is not None
                stream.close()


def _dead_job(directory: Path) -> int:
    """A dead letter whose payload and error hold markup; its id."""
    noted: dict[str, Any] = json.loads((directory / ".tickover/run.json").read_text())
    insert = """
      INSERT INTO tickover.job (kind, client_id, payload, state, attempts, max_attempts, last_error, finished_at)
      VALUES ('welcome', 'acme', %s, 'dead', 3, 3, %s, now()) RETURNING id
    """
    payload = json.dumps({"to": MARKUP, "password": "not-to-be-shown", MARKUP: 1})
    with psycopg.connect(noted["environment"]["DATABASE_URL"], autocommit=True) as connection:
        row = connection.execute(insert, (payload, MARKUP)).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    async with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
async def operator(browser: Browser, up: Up) -> StorageState:
    """Somebody who came in by the link that the terminal shows."""
    page = await opened(browser, [])
    await page.goto(up.link)
    await page.get_by_role("button", name="Enter").click()
    await page.get_by_role("heading", level=1).wait_for()
    return await page.context.storage_state()


@pytest.fixture(scope="module")
async def viewer(browser: Browser, up: Up) -> StorageState:
    """Somebody who showed the viewers' token."""
    page = await opened(browser, [])
    await page.goto(f"{up.base}/jobs/{up.job}")
    await page.get_by_label("Your name").fill("eve")
    await page.get_by_label("Token").fill(VIEWER_TOKEN)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", name=f"Job {up.job}").wait_for()
    return await page.context.storage_state()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_every_page_fits_keeps_its_policy_and_can_be_used_by_everybody(
    browser: Browser, up: Up, operator: StorageState, width: int, dark: bool
) -> None:
    """No page scrolls sideways or says anything on the console; axe-core finds nothing serious."""
    said: list[str] = []
    page = await opened(browser, said, width, dark=dark, storage_state=operator)
    axe, found = Axe(), []
    for path in up.paths():
        await page.goto(up.base + path)
        await page.get_by_role("heading", level=1).wait_for()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
        results = await axe.run(page)
        serious = [each for each in results.response["violations"] if each["impact"] in {"serious", "critical"}]
        found += [(path, each["id"], [node["html"][:120] for node in each["nodes"][:2]]) for each in serious]
    assert found == []
    assert [text for text in said if "404" not in text] == []


async def test_markup_in_a_job_is_shown_and_does_not_run(browser: Browser, up: Up, operator: StorageState) -> None:
    """In its payload and its error; the marked field is masked."""
    said: list[str] = []
    page = await opened(browser, said, storage_state=operator)
    for path in (f"/jobs/{up.job}", "/jobs?state=dead"):
        await page.goto(up.base + path)
        assert "ran" not in await page.title()
        assert await page.locator("main img, main script").count() == 0
        assert MARKUP[:30] in await page.locator("main").inner_text()
    await page.goto(f"{up.base}/jobs/{up.job}")
    assert "not-to-be-shown" not in await page.content()
    assert said == []


async def test_a_viewer_sees_what_they_may_not_do_and_cannot_do_it(
    browser: Browser, up: Up, viewer: StorageState
) -> None:
    """Buttons are disabled; a script that enables one and sends the form is refused by the server."""
    page = await opened(browser, [], storage_state=viewer)
    await page.goto(f"{up.base}/rollout")
    back = page.get_by_role("button", name="Roll everything back")
    assert await back.is_disabled()
    await page.evaluate("document.querySelectorAll('[disabled]').forEach(each => { each.disabled = false })")
    await page.get_by_label("Reason").first.fill("let me")
    await back.click()
    await page.get_by_text("a viewer may look and not act").wait_for()


async def test_without_javascript_everything_can_be_read(browser: Browser, up: Up, operator: StorageState) -> None:
    """Times are in UTC, and no button is shown that would do nothing."""
    page = await opened(browser, [], storage_state=operator, java_script_enabled=False)
    for path in up.paths():
        await page.goto(up.base + path)
        assert await page.locator("h1").count() == 1, path
        assert await page.locator(".scripted:visible").count() == 0, path
    await page.goto(f"{up.base}/jobs/{up.job}")
    shown = page.locator("main time").first
    assert f"{await shown.inner_text()} UTC" == await shown.get_attribute("title")


async def test_times_are_the_readers_and_a_page_keeps_up(browser: Browser, up: Up, operator: StorageState) -> None:
    """Tokyo's; and a newer tick appears without a reload, while what is written into a form stays."""
    page = await opened(browser, [], storage_state=operator)
    await page.goto(f"{up.base}/ticks")
    first = page.locator("main table tbody tr").first
    before = await first.inner_text()
    assert f"{await first.locator('time').first.inner_text()} UTC" != await first.locator("time").first.get_attribute(
        "title"
    )
    await page.wait_for_function("text => document.querySelector('main table tbody tr').innerText !== text", arg=before)
    await page.goto(f"{up.base}/rollout")
    await page.get_by_label("Reason").first.fill("half written")
    await page.get_by_role("heading", level=1).click()
    async with page.expect_response("**/rollout"):
        pass
    await page.wait_for_timeout(300)
    assert await page.get_by_label("Reason").first.input_value() == "half written"


async def test_times_in_the_chain_of_a_tick_are_the_readers(browser: Browser, up: Up, operator: StorageState) -> None:
    """They stand within sentences, and are Tokyo's all the same, with UTC when pointed at."""
    page = await opened(browser, [], storage_state=operator)
    await page.goto(f"{up.base}/ticks/{quote(up.tick)}")
    line = page.locator(".chain li", has_text="cron authenticated")
    told = await line.locator("time").get_attribute("title")
    assert told is not None
    there = datetime.fromisoformat(told.removesuffix(" UTC")) + timedelta(hours=9)
    assert f"let in at {there:%b} {there.day}, {there:%Y}" in await line.inner_text()


async def test_the_keyboard_reaches_everything(browser: Browser, up: Up, operator: StorageState) -> None:
    """The first stop leads past the navigation; arrows walk from tick to tick, and Enter opens one."""
    page = await opened(browser, [], storage_state=operator)
    await page.goto(f"{up.base}/")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.innerText") == "To the content"
    cells = page.locator(".cells a")
    await cells.last.focus()
    href = None
    for _ in range(60):  # a slow machine misses ticks of a second, and what is missing leads nowhere
        await page.keyboard.press("ArrowLeft")
        assert "cell" in await page.evaluate("document.activeElement.className")
        href = await page.evaluate("document.activeElement.getAttribute('href')")
        if href is not None:
            break
    assert href not in {None, await cells.last.get_attribute("href")}
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{href}")


async def test_when_the_application_is_away_the_page_says_so(browser: Browser, up: Up, operator: StorageState) -> None:
    """What was shown last stays, with a line that says how old it may be."""
    page = await opened(browser, [], storage_state=operator)
    await page.goto(f"{up.base}/rollout")
    await page.context.set_offline(True)
    await page.get_by_text("what you see is what was said last").wait_for()
    assert await page.get_by_role("heading", level=1).inner_text() == "Rollout"
    await page.context.set_offline(False)
    await page.get_by_text("what you see is what was said last").wait_for(state="hidden")
