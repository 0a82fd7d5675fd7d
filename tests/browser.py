"""Chromium, for the tests of pages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
needs_chromium = pytest.mark.skipif(
    not CHROMIUM.exists(), reason="install Chromium as /usr/bin/chromium (apt: chromium)"
)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        await browser.close()


async def opened(browser: Browser, said: list[str], width: int = 1200, *, dark: bool = False, **options: Any) -> Page:
    """A tab; what its console says, and what its policy refuses, is written down.

    Args:
        browser: whose.
        said: where that is written down.
        width: of the screen, in pixels.
        dark: whether the reader's system wishes it dark.
        options: of the browser's context.
    """
    context = await browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if dark else "light",
        timezone_id="Asia/Tokyo",
        **options,
    )
    page = await context.new_page()
    page.set_default_timeout(15_000)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    return page
