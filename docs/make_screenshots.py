"""Makes the pictures of the dashboard in `docs/img`: run `make screenshots`. It needs Chromium as /usr/bin/chromium.

It starts the whole product as `tickover up` does, fills in a day in which the engine was away for a while, and takes
pictures in light and dark; `--out` puts them elsewhere.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"]
SHOWN = Path(__file__).with_name("img")
_FILL = Path(__file__).parents[1] / "bench" / "fill_day.sql"
_DEAD = b"""
  INSERT INTO tickover.job (kind, client_id, payload, state, attempts, max_attempts, last_error, finished_at)
  SELECT 'email_inbound_post_process', 'acme', '{"messageId": 7, "token": "x"}', 'dead', 5, 5,
         'ConnectionError: mail.example.com did not answer within 10 s', now()
  FROM generate_series(1, 23)
"""
_A_TICK = b"SELECT dispatch_key FROM tickover.tick WHERE mode = 'fallback' ORDER BY id DESC LIMIT 1"
_FUNCTION = "process-background-jobs"


@contextmanager
def running(directory: Path) -> Iterator[dict[str, Any]]:
    """A local run with a day behind it; what it said when it had started."""
    command = [
        sys.executable,
        "-m",
        "tickover",
        "up",
        "--every",
        "2",
        "--json",
        "--port",
        "8456",
        "--engine-port",
        "8457",
    ]
    run = subprocess.Popen(
        command,
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"LOGNAME": "ada"},
    )
    try:
        yield _with_a_past(run, directory)
    finally:
        run.terminate()
        run.wait(60)


def _with_a_past(run: "subprocess.Popen[str]", directory: Path) -> dict[str, Any]:
    lines = map(json.loads, run.stdout or ())
    started: dict[str, Any] = next(line for line in lines if line["event"] == "started")
    threading.Thread(target=lambda: [None for _ in lines], daemon=True).start()
    noted = json.loads((directory / ".tickover" / "run.json").read_text())
    with psycopg.connect(
        noted["environment"]["DATABASE_URL"], autocommit=True, cursor_factory=psycopg.ClientCursor
    ) as connection:
        connection.execute(_FILL.read_bytes(), {"now": datetime.now(UTC)})
        connection.execute(_DEAD)
        row = connection.execute(_A_TICK).fetchone()
    return started | {"tick": row[0] if row else ""}


def pictures(browser: Browser, started: dict[str, Any], out: Path) -> None:
    """Take them all."""
    base = f"{started['application']}/tickover"
    context = browser.new_context(viewport={"width": 1200, "height": 1120})
    page = context.new_page()
    page.goto(started["dashboard"])
    page.get_by_role("button", name="Enter").click()
    page.get_by_role("heading", level=1).wait_for(state="attached")
    cookies = context.storage_state()
    pages = {
        "overview": "/",
        "tick": f"/ticks/{started['tick']}",
        "function": f"/functions/{_FUNCTION}",
        "jobs": "/jobs?state=dead",
    }
    for theme in ("light", "dark"):
        shown = browser.new_context(
            viewport={"width": 1200, "height": 1120},
            storage_state=cookies,
            color_scheme="dark" if theme == "dark" else "light",
            timezone_id="UTC",
        )
        for name, path in pages.items():
            tab = shown.new_page()
            tab.goto(base + path)
            tab.wait_for_timeout(500)
            tab.screenshot(path=out / f"dashboard-{name}{'' if theme == 'light' else '-dark'}.png")
            tab.close()
        shown.close()


def main() -> None:
    """Make them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=SHOWN)
    out: Path = parser.parse_args().out
    if not CHROMIUM.exists():
        raise SystemExit("install Chromium as /usr/bin/chromium (apt: chromium)")
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="tickover-pictures-") as folder,
        running(Path(folder)) as started,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        pictures(browser, started, out)
        browser.close()
    sys.stdout.write(f"pictures are in {out}\n")


if __name__ == "__main__":
    main()
