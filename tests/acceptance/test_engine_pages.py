"""The engine's pages in a real browser, over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from playwright.async_api import Browser

from tests.browser import chromium, needs_chromium, opened
from tests.integration.localengine.conftest import serving
from tests.integration.localengine.page_rows import Rows, pages_app, seed
from tickover import clock
from tickover.database import Database
from tickover.localengine.server import HISTORY
from tickover.migrations import migrate

PATHS = ("/", "/events", "/functions", "/runs/01R1", "/runs/01R3", "/runs/01R4", "/events/01E1", "/runs/nobody")

pytestmark = needs_chromium


@pytest.fixture
async def rows(database: Database) -> Rows:
    """A database with events and runs of every kind."""
    await asyncio.to_thread(migrate, database.dsn, HISTORY)
    rows = Rows(database, clock.now() - timedelta(minutes=5))
    await seed(rows)
    return rows


@pytest.fixture
async def base(rows: Rows) -> AsyncIterator[str]:
    """Where the pages are served."""
    async with serving(pages_app(rows.database)) as url:
        yield url


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    async with chromium() as browser:
        yield browser


async def test_a_run_is_found_by_its_state_and_its_picture_has_a_bar_per_step(browser: Browser, base: str) -> None:
    """From the list through the filter to the waterfall."""
    page = await opened(browser, [])
    await page.goto(base)
    await page.get_by_label("State").select_option("completed")
    await page.get_by_role("button").click()
    await page.get_by_role("link", name="app-import").click()
    await page.wait_for_url("**/runs/01R1")
    drawn = page.locator(".waterfall .row:not(.axis)")
    assert await drawn.count() == 9
    for n in range(9):
        box = await drawn.nth(n).locator("rect.call").bounding_box()
        assert box is not None
        assert box["width"] > 0
    assert await page.locator(".waterfall rect.sleep").count() == 1
    assert await page.locator(".waterfall text.mark").count() == 2


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_no_page_scrolls_sideways_on_a_telephone_or_breaks_its_own_policy(
    browser: Browser, base: str, dark: bool
) -> None:
    """390 px wide; nothing is said on the console but that one page is not there."""
    said: list[str] = []
    page = await opened(browser, said, 390, dark=dark)
    for path in PATHS:
        await page.goto(base + path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390, path
    assert [text for text in said if "404" not in text] == []


async def test_dark_is_dark(browser: Browser, base: str) -> None:
    """As the reader's system wishes."""
    grounds = []
    for dark in (False, True):
        page = await opened(browser, [], dark=dark)
        await page.goto(base)
        grounds.append(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
    light, dark_ground = (sum(int(part) for part in ground[4:-1].split(",")) for ground in grounds)
    assert light > 600
    assert dark_ground < 150


async def test_times_are_the_readers_and_utc_when_pointed_at(browser: Browser, base: str, rows: Rows) -> None:
    """Tokyo's is nine hours on."""
    page = await opened(browser, [])
    await page.goto(f"{base}/events/01E1")
    time = page.locator("main time").first
    assert f"{rows.begun + timedelta(hours=9):%M:%S}" in await time.inner_text()
    assert await time.get_attribute("title") == f"{rows.begun:%Y-%m-%d %H:%M:%S} UTC"
    assert await time.inner_text() != f"{rows.begun:%Y-%m-%d %H:%M:%S}"


async def test_a_list_keeps_up_by_itself(browser: Browser, base: str, rows: Rows) -> None:
    """An event that comes is shown without a reload."""
    page = await opened(browser, [])
    await page.goto(f"{base}/events")
    async with page.expect_response("**/events"):
        pass
    await rows.event("01EZ", "shop/just.now")
    await page.get_by_role("link", name="shop/just.now").wait_for()
