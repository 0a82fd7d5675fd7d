"""A night: somebody is woken, sees what is wrong and why, requeues, rolls back, and everything is green again."""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.async_api import Browser, Page, expect

from tests.acceptance.conftest import Command, Run
from tests.browser import chromium, needs_chromium, opened
from tests.ports import free_port

pytestmark = [needs_chromium, pytest.mark.timeout(300)]
REASON = "the engine refuses what is sent"
PATIENCE = 90_000  # milliseconds
# Jobs whose work had been done: doing it again does no harm.
KILL = """
  UPDATE tickover.job SET state = 'dead', attempts = max_attempts, last_error = 'ConnectionError: no answer',
    finished_at = now()
  WHERE id IN (SELECT id FROM tickover.job WHERE state = 'succeeded' AND kind = 'lead_scoring' ORDER BY id LIMIT 20)
"""


class Pager:
    """Whatever wakes somebody: an HTTP endpoint that takes notices."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self._came = threading.Condition()
        pager = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with pager._came:
                    pager.messages.append(body)
                    pager._came.notify_all()
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def rings(self, *words: str) -> str:
        """The first message that holds all of these words, once it has come."""
        with self._came:
            assert self._came.wait_for(lambda: bool(self._holding(words)), timeout=90), (words, self.messages)
            return self._holding(words)[0]

    def _holding(self, words: tuple[str, ...]) -> list[str]:
        texts = [f"{each['title']}\n{each['message']}" for each in self.messages]
        return [text for text in texts if all(word in text for word in words)]

    def stop(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def pager() -> Iterator[Pager]:
    """Somebody's pager."""
    pager = Pager()
    yield pager
    pager.stop()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    async with chromium() as browser:
        yield browser


def begun(run: Run, pager: Pager) -> dict[str, Any]:
    """A local run that tells the pager; what it said when it had started, after some ticks."""
    port, engine = str(free_port()), str(free_port())
    command = run(
        *("up", "--every", "1", "--json", "--port", port, "--engine-port", engine),
        TICKOVER_NOTICES=pager.url,
        TICKOVER_NOTICES_CONFIRM="1",
        TICKOVER_NOTICES_AWAY="1",
        TICKOVER_DASHBOARD_URL=f"http://127.0.0.1:{port}/tickover/",
    )
    started = command.until("started")
    for _ in range(3):
        command.until("tick")
    threading.Thread(target=_read_on, args=(command,), daemon=True).start()
    return started


def _read_on(command: Command) -> None:
    assert command.process.stdout is not None
    for _ in command.process.stdout:
        pass


def kill_jobs(directory: Path) -> None:
    """Make dead letters."""
    noted: dict[str, Any] = json.loads((directory / ".tickover/run.json").read_text())
    with psycopg.connect(noted["environment"]["DATABASE_URL"], autocommit=True) as connection:
        assert connection.execute(KILL).rowcount == 20


async def come_in(browser: Browser, run: Run, started: dict[str, Any], told: str) -> Page:
    """From the link in the message, by a one-time link from a terminal."""
    see = told.rpartition("See: ")[2].split()[0]
    made = run("dashboard", "--url", started["application"], "--as", "ada")
    link, _ = made.process.communicate(timeout=60)
    page = await opened(browser, [])
    await page.goto(link.strip())
    await page.get_by_role("button", name="Enter").click()
    await page.goto(see)
    return page


async def see_why(page: Page) -> None:
    """From the overview to a tick that fell back, and to what kept its events."""
    await expect(page.get_by_text("circuit open")).to_be_visible()
    await expect(page.locator("#findings ~ .told").filter(has_text="background-jobs").first).to_be_visible()
    await page.locator(".cells a.fallback").last.focus()
    await page.keyboard.press("Enter")
    broken = page.get_by_role("alert")
    await expect(broken).to_contain_text("send")
    await expect(broken).to_contain_text("500")
    await expect(broken).to_contain_text("Its work is done all the same.")


async def requeue(page: Page) -> None:
    """All dead letters, in the background."""
    await page.get_by_role("link", name="Jobs", exact=True).click()
    await page.get_by_role("link", name="dead").first.click()
    await page.get_by_label("Reason").fill("the receiver is back")
    await page.get_by_role("button", name="Requeue").click()
    await expect(page.get_by_role("status").filter(has_text="20 of 20 done")).to_be_visible()
    await expect(page.get_by_text("; done")).to_be_visible(timeout=PATIENCE)


async def roll_back(page: Page) -> None:
    """Everything, at once."""
    await page.get_by_role("link", name="Rollout", exact=True).click()
    await page.get_by_label("Reason").first.fill(REASON)
    await page.get_by_role("button", name="Roll everything back").click()
    await expect(page.get_by_text("Rolled back: inline from the next tick on")).to_be_visible()


async def test_an_operators_night(run: Run, directory: Path, pager: Pager, browser: Browser) -> None:
    """The engine refuses what is sent, and jobs are dead: the pager rings, and from there everything is mended."""
    started = begun(run, pager)
    kill_jobs(directory)
    assert run("fault", "add", "send-500", "--for", "10m", "--engine", started["engine"]).end()[0] == 0
    told = pager.rings("circuit-open", "See: ")
    assert pager.rings("dead-letters", "20")
    page = await come_in(browser, run, started, told)
    await see_why(page)
    await requeue(page)
    await roll_back(page)
    assert pager.rings("Over", "dead-letters")
    assert pager.rings("Over", "circuit-open")
    await page.get_by_role("link", name="Overview", exact=True).click()
    await expect(page.get_by_text("every tick's work is done").first).to_be_visible(timeout=PATIENCE)
    await expect(page.locator(".cells a.inline").last).to_be_visible(timeout=PATIENCE)
    await page.get_by_role("link", name="Audit", exact=True).click()
    for word in ("the receiver is back", REASON, "ada on the dashboard"):
        await expect(page.get_by_text(word).first).to_be_visible()
    await page.goto(f"{started['application']}/tickover/jobs?state=dead")
    await expect(page.get_by_text("No such job")).to_be_visible()
