"""The engine's pages over a real database."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape

import httpx
import pytest
from fastapi import Request

from tests.integration.localengine.page_rows import Rows, pages_app, seed
from tickover import clock
from tickover.database import Database
from tickover.errors import WireError
from tickover.localengine.pages.reader import LOOKED_AT, ON_A_PAGE, Reader
from tickover.localengine.server import HISTORY
from tickover.localengine.states import RunState
from tickover.migrations import migrate
from tickover.sql import statement


@pytest.fixture
async def rows(database: Database) -> Rows:
    """The engine's schema, without a row."""
    await asyncio.to_thread(migrate, database.dsn, HISTORY)
    return Rows(database, clock.now() - timedelta(minutes=5))


@pytest.fixture
async def pages(rows: Rows) -> AsyncIterator[httpx.AsyncClient]:
    """Asks for pages."""
    transport = httpx.ASGITransport(pages_app(rows.database))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8288") as client:
        yield client


async def text_of(pages: httpx.AsyncClient, path: str, status: int = 200) -> str:
    """A page's HTML."""
    answer = await pages.get(path)
    assert answer.status_code == status
    return answer.text


async def test_lists_that_are_empty_say_how_to_fill_them(pages: httpx.AsyncClient) -> None:
    """With the address under which the engine was asked."""
    for path in ("/", "/events"):
        assert "curl http://127.0.0.1:8288/e/" in unescape(await text_of(pages, path))
    assert "No function is registered" in await text_of(pages, "/functions")


async def test_every_page_says_what_the_engine_is_and_loads_nothing_from_elsewhere(
    rows: Rows, pages: httpx.AsyncClient
) -> None:
    """A stand-in; its policy lets a browser load only what is its own."""
    await seed(rows)
    for path in ("/", "/events", "/functions", "/runs/01R1", "/events/01E1"):
        answer = await pages.get(path)
        assert "no replacement" in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "style=" not in answer.text


async def test_runs_are_listed_newest_first_and_by_state_and_function(rows: Rows, pages: httpx.AsyncClient) -> None:
    """What no run has shows none."""
    await seed(rows)
    listed = await text_of(pages, "/")
    assert [listed.index(f"/runs/01R{n}") for n in (4, 3, 2, 1)] == sorted(
        listed.index(f"/runs/01R{n}") for n in range(1, 5)
    )
    failed = await text_of(pages, "/?state=failed&function=app-import")
    assert "/runs/01R2" in failed
    assert "/runs/01R1" not in failed
    assert "/runs/" not in await text_of(pages, "/?function=app-nightly")


async def test_a_run_shows_each_call_with_its_error(rows: Rows, pages: httpx.AsyncClient) -> None:
    """And a picture with a row for each, and its output with nothing in it taken for HTML."""
    await seed(rows)
    page = await text_of(pages, "/runs/01R1")
    for said in ("load the orders", "timeout of the warehouse", "no paper", "wait for the courier"):
        assert said in page
    assert page.count('class="label"') == 9
    assert "<b>no</b>" not in page
    assert "<b>no</b>" in unescape(page)
    assert "the shop is closed" in await text_of(pages, "/runs/01R2")


async def test_a_run_that_never_will_be_called_is_shown(rows: Rows, pages: httpx.AsyncClient) -> None:
    """An infinite time is no fault of the page."""
    await seed(rows)
    assert "never called" in await text_of(pages, "/runs/01R4")
    alive = await text_of(pages, "/runs/01R3")
    assert all(said in alive for said in ("asleep", "being called", "attempt 2, waiting"))


async def test_an_event_shows_its_body_and_the_runs_it_started(rows: Rows, pages: httpx.AsyncClient) -> None:
    """One that started none says why that may be."""
    await seed(rows)
    page = await text_of(pages, "/events/01E1")
    assert "/runs/01R1" in page
    assert "<script>alert" not in page
    assert "None:" in await text_of(pages, "/events/01E9")
    named = await text_of(pages, "/events?name=shop/nobody.listens")
    assert "/events/01E9" in named
    assert "/events/01E1" not in named


async def test_functions_show_their_triggers_and_limits(rows: Rows, pages: httpx.AsyncClient) -> None:
    """Events with expressions, cron triggers, concurrency, idempotency."""
    await seed(rows)
    page = unescape(await text_of(pages, "/functions"))
    for said in ("event.data.n > 1", "TZ=Europe/Berlin 0 3 * * *", "event.data.shop", "event.data.order"):
        assert said in page


@pytest.mark.parametrize("path", ["/runs/nobody", "/events/nobody", "/runs/%3Cscript%3E"])
async def test_what_is_not_there_has_a_page_that_says_so(pages: httpx.AsyncClient, path: str) -> None:
    """It is a 404, and repeats no HTML."""
    page = await text_of(pages, path, 404)
    assert "There is no such" in page
    assert "<script>" not in page


@pytest.mark.parametrize("query", ["state=nonsense", "function=" + "f" * 600, "before=%00"])
async def test_a_query_that_cannot_be_is_refused(pages: httpx.AsyncClient, query: str) -> None:
    """Before the database is asked."""
    await text_of(pages, f"/?{query}", 422)


@pytest.mark.parametrize("name", ["nothing.css", "..%2Frouter.py", "%2e%2e%2frouter.py"])
async def test_only_the_pages_own_assets_are_served(pages: httpx.AsyncClient, name: str) -> None:
    """No other file of the machine."""
    await text_of(pages, f"/static/{name}", 404)
    await text_of(pages, "/static/engine.css")


async def test_the_guard_is_asked_for_every_page(rows: Rows) -> None:
    """Also for files."""

    def refuse(_: Request) -> None:
        raise WireError(403, "not you")

    app = pages_app(rows.database, guard=refuse)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        for path in ("/", "/events", "/events/x", "/runs/x", "/functions", "/static/engine.css"):
            with pytest.raises(WireError):
                await client.get(path)


async def test_every_run_is_reached_once_from_page_to_page(rows: Rows) -> None:
    """By ids, so that what comes meanwhile moves nothing."""
    await rows.event("01E1", "a/b")
    total = 2 * ON_A_PAGE + 7
    for n in range(total):
        await rows.run(f"01R{n:04}", "01E1", RunState.COMPLETED, 1)
    reader, seen, before = Reader(rows.database), list[str](), None
    while (page := await reader.runs(None, None, before)).rows:
        seen += [line.id for line in page.rows]
        before = page.older
        if before is None:
            break
    assert seen == [f"01R{n:04}" for n in reversed(range(total))]


async def test_no_list_reads_more_rows_than_it_may(rows: Rows) -> None:
    """Of 60,000 runs and events, what a filter that fits none reads is the window, by an index."""
    await rows.do(
        """INSERT INTO tickover_engine.event SELECT 'E' || lpad(n::text, 9, '0'), 's' || n, 'a/b', '{}', now()
        FROM generate_series(1, 60000) n"""
    )
    await rows.do(
        """INSERT INTO tickover_engine.run (id, function_id, internal_id, state, created_at, ended_at)
        SELECT 'R' || lpad(n::text, 9, '0'), 'app-f', 'E' || lpad(n::text, 9, '0'), 'completed', now(), now()
        FROM generate_series(1, 60000) n"""
    )
    await rows.do("ANALYZE tickover_engine.run")
    await rows.do("ANALYZE tickover_engine.event")
    given = {"window": LOOKED_AT, "most": 50, "before": None, "state": "failed", "function": None, "name": "c/d"}
    for name in ("list_runs", "list_events", "last_run_looked_at", "last_event_looked_at"):
        async with rows.database.connection() as connection:
            sql = statement(f"pages/{name}", "tickover.localengine.sql")
            plan = await (await connection.execute(b"EXPLAIN " + sql, given)).fetchall()
        text = "\n".join(line for (line,) in plan)
        # What is joined to the window may be read as a whole; what the window is taken from may not.
        assert "_pkey" in text, text
        assert "Limit" in text, text
    reader = Reader(rows.database)
    page = await reader.runs(RunState.FAILED, None, None)
    assert (list(page.rows), page.older) == ([], "R000040001")
    await rows.run("A000000001", "E000000001", RunState.RUNNING)
    await rows.item("A000000001", 0, 900)
    alive = await reader.runs(RunState.RUNNING, None, None)
    assert ([line.id for line in alive.rows], alive.older) == (["A000000001"], None)  # however many ended after it


async def test_a_long_output_is_cut_by_the_database(rows: Rows, pages: httpx.AsyncClient) -> None:
    """The page says so, and where all of it is."""
    await rows.event("01E1", "a/b")
    await rows.run("01R1", "01E1", RunState.COMPLETED, 1, {"text": "x" * 1_000_000})
    page = (await pages.get("/runs/01R1")).text
    assert len(page) < 40_000
    assert "/v1/runs/01R1" in page


async def test_a_link_made_for_the_dev_server_leads_to_the_run(rows: Rows, pages: httpx.AsyncClient) -> None:
    """And nowhere else, whatever stands in it."""
    await seed(rows)
    answer = await pages.get("/run?runID=01R1")
    assert (answer.status_code, answer.headers["location"]) == (307, "/runs/01R1")
    assert "app-import" in await text_of(pages, answer.headers["location"])
    for forged in ("", "//evil.example", "..%2F..", "a%0d%0ab"):
        assert (await pages.get(f"/run?runID={forged}")).status_code == 422
