"""Lists of ticks and of acts, page by page."""

import pytest

from tests.integration.conftest import Probe, Rows, Serve
from tests.integration.insight.conftest import DEAD_ENGINE, break_down, key_of
from tickover.database import Database
from tickover.insight import lists
from tickover.insight.coverage import End
from tickover.insight.lists import ListedTick, Lists

FILL = """
  INSERT INTO tickover.tick (dispatch_key, route, identity_source, mode, reason, correlation_id)
  SELECT 't' || n, CASE WHEN n %% 3 = 0 THEN 'nightly' ELSE 'background-jobs' END, 'clock',
    CASE WHEN n %% 5 = 0 THEN 'fallback' ELSE 'inline' END, 'a test', 'c' FROM generate_series(1, %s) AS n
"""
ACTS = """
  INSERT INTO tickover.audit (action, subject, by, reason, evidence)
  SELECT 'stage.changed', CASE WHEN n %% 2 = 0 THEN 'process' ELSE 'maintain' END, 'ada', n::text, '{"n": 1}'
  FROM generate_series(1, %s) AS n
"""


async def all_ticks(read: Lists, route: str | None, mode: str | None, limit: int) -> list[list[ListedTick]]:
    """Every page, the newest first."""
    pages: list[list[ListedTick]] = []
    before = None
    while not pages or before is not None:
        page = await read.ticks(route, mode, before, limit)
        pages.append(list(page.rows))
        before = page.next
    return pages


@pytest.mark.parametrize("route", [None, "nightly", "nobody"])
@pytest.mark.parametrize("mode", [None, "fallback"])
@pytest.mark.parametrize("limit", [1, 7, 29, 30, 31])
async def test_pages_of_ticks_have_no_hole_and_no_double(
    database: Database, rows: Rows, monkeypatch: pytest.MonkeyPatch, route: str | None, mode: str | None, limit: int
) -> None:
    """By route and mode, also where a look ends before a page is full."""
    monkeypatch.setattr(lists, "_LOOKED_AT", 10 if route or mode else 5_000)
    rows(FILL, 30)
    pages = await all_ticks(Lists(database), route, mode, limit)
    wanted = rows(
        "SELECT id FROM tickover.tick WHERE (%s::text IS NULL OR route = %s) AND (%s::text IS NULL OR mode = %s) "
        "ORDER BY id DESC", route, route, mode, mode,
    )  # fmt: skip
    assert [tick.id for page in pages for tick in page] == [row["id"] for row in wanted]
    assert max(map(len, pages)) <= limit


async def test_a_tick_that_comes_while_somebody_reads_moves_no_page(database: Database, rows: Rows) -> None:
    """The second page goes on below the first, whatever came meanwhile."""
    rows(FILL, 4)
    read = Lists(database)
    first = await read.ticks(None, None, None, 2)
    rows(FILL.replace("'t' ||", "'new' ||"), 5)
    second = await read.ticks(None, None, first.next, 2)
    assert [tick.dispatch_key for tick in (*first.rows, *second.rows)] == ["t4", "t3", "t2", "t1"]


async def test_the_last_page_leads_nowhere(database: Database, rows: Rows) -> None:
    """Also where it is full."""
    rows(FILL, 4)
    rows(ACTS, 4)
    read = Lists(database)
    for limit, leads in ((3, True), (4, False), (5, False)):
        ticks, acts = await read.ticks(None, None, None, limit), await read.audit(None, None, limit)
        assert (ticks.next is not None, acts.next is not None) == (leads, leads)
    assert (await read.ticks(None, None, 1, 5)).rows == []


async def test_a_listed_tick_says_what_became_of_it(serve: Serve, probe: Probe, rows: Rows) -> None:
    """Done, failed, fallen back with why, and nothing due; for whom it was."""
    site = await serve()
    await site.client.post("/api/cron/background-jobs?clientId=acme", headers={"idempotency-key": "narrow"})
    await site.tick("idle")
    rows("DELETE FROM tickover.obligation o USING tickover.tick t WHERE t.id = o.tick_id AND t.dispatch_key = %s",
         key_of("idle"))  # fmt: skip
    await (await serve(**DEAD_ENGINE)).tick("fallen")
    break_down(probe, "prune")
    await (await serve(BACKGROUND_JOBS_USE_INNGEST="0")).tick("bad")
    page = await site.tickover.insight.lists.ticks(None, None, None, 10)
    bad, fallen, idle, narrow = page.rows
    assert [tick.end for tick in page.rows] == [End.FAILED, End.DONE, End.IDLE, End.DONE]
    assert (bad.owed, bad.failed, bad.unended, bad.path) == (2, 1, 0, "inline")
    assert (fallen.mode, fallen.path, fallen.send_error is None) == ("fallback", "fallback", False)
    assert (idle.owed, idle.path, idle.send_error) == (0, None, None)
    assert (narrow.client_id, narrow.identity_source) == ("acme", "execution-id")


async def test_acts_are_listed_by_subject(database: Database, rows: Rows) -> None:
    """The newest first, with what they stood on; page by page, without those on another subject."""
    rows(ACTS, 7)
    read = Lists(database)
    first = await read.audit("process", None, 2)
    second = await read.audit("process", first.next, 2)
    assert [row.reason for row in (*first.rows, *second.rows)] == ["6", "4", "2"]
    assert second.next is None
    assert {(row.subject, row.by, row.action) for row in first.rows} == {("process", "ada", "stage.changed")}
    assert first.rows[0].evidence == {"n": 1}
    assert [row.reason for row in (await read.audit(None, None, 3)).rows] == ["7", "6", "5"]
    assert (await read.audit("nobody", None, 3)).rows == []
