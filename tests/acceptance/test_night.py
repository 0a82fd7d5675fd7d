"""A night: somebody is woken, sees what is wrong and why, requeues, rolls back, and everything is green again."""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg
import pytest
from playwright.async_api import Browser, Page, expect

from tests.acceptance.conftest import Run
from tests.browser import chromium, needs_chromium, opened
from tests.ports import free_port

pytestmark = [needs_chromium, pytest.mark.timeout(300)]
FUNCTION = "process-background-jobs"
REASON = "the engine accepts and does not run"


class Pager:
    """Whatever wakes somebody: an HTTP endpoint that takes notices."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self._came = threading.Condition()
        pager = self

        class _Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802 - the parent's name
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with pager._came:
                    pager.messages.append(body)
                    pager._came.notify_all()
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.url = f"json://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def rings(self, word: str) -> dict[str, Any]:
        """The first message that holds a word, once it has come."""
        with self._came:
            assert self._came.wait_for(lambda: self._holding(word), timeout=90), self.messages
            return self._holding(word)[0]

    def _holding(self, word: str) -> list[dict[str, Any]]:
        return [each for each in self.messages if word in each["title"] + each["message"]]

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


async def test_an_operators_night(run: Run, pager: Pager, browser: Browser) -> None:
    """The engine accepts and never runs, and jobs are dead: a page comes, and from it everything is mended."""
    ports = ["--port", str(free_port()), "--engine-port", str(free_port())]
    settings = {"TICKOVER_NOTICES": pager.url, "TICKOVER_WATCH": "1"}
    command = run("up", "--every", "1", "--json", *ports, **settings)
    started = command.until("started")
    command.until("tick")
    _dead_letters(run)
    assert run("fault", "add", "call-never").process.wait(60) == 0

    told = pager.rings("tickover")
    page = await _come_in(browser, started, told)
    await expect(page.get_by_role("heading", name="Overview")).to_be_attached()
    await _requeue(page, started["application"])
    await _roll_back(page, started["application"])
    await page.goto(f"{started['application']}/tickover/")
    await expect(page.get_by_text("every tick's work is done", exact=False).first).to_be_visible(timeout=90_000)
    pager.rings("closed")
