"""Overview, ticks, functions and the audit, over HTTP; what was tried is in each test."""

import re
from urllib.parse import quote

import pytest

from tests.integration.conftest import Probe, Rows, Serve, Site
from tests.integration.dashboard.conftest import BASE, Visit
from tests.integration.insight.conftest import DEAD_ENGINE, accepted, break_down, carried_out, key_of
from tickover import clock
from tickover.web.access.people import Role

PAGES = ["/", "/ticks", "/functions/process", "/functions/maintain", "/audit"]
MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def main_of(page: str) -> str:
    """What a page says, without its frame."""
    return page.partition("<main")[2].partition("</main>")[0]


def words_of(page: str) -> str:
    """What somebody reads of it."""
    return " ".join(re.sub(r"<[^>]+>", " ", main_of(page)).split())


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", ["no tick has come yet", "no tick yet", "Nothing is wrong that is known of", "none yet", "0 due"]),
        ("/ticks", ["No tick yet", "/api/cron/background-jobs"]),
        ("/ticks?route=background-jobs", ["No such tick among those that were looked at"]),
        ("/functions/process", ["nothing has ended in the last day", "Nothing of it was owed in the last day"]),
        ("/audit", ["was done by hand or by itself yet"]),
        ("/audit?subject=process", ["Nothing on process was done"]),
    ],
)
async def test_with_no_data_a_page_says_what_there_is_not(visit: Visit, path: str, words: list[str]) -> None:
    """And what to do, where something can be done."""
    answer = await (await visit(Role.VIEWER)).get(path)
    assert answer.status_code == 200
    read = words_of(answer.text)
    assert [word for word in words if word not in read] == []


async def test_a_good_tick_is_good_on_every_page(visit: Visit, site: Site, rows: Rows) -> None:
    """From the sentence of the overview to what each responsibility counted."""
    key = await carried_out(site, rows, "good")
    viewer = await visit(Role.VIEWER)
    overview = (await viewer.get("/")).text
    assert "1 ticks expected, 1 done: 1 durable, 0 inline, 0 fallback, 0 twice" in overview
    assert f'<a class="cell durable" href="{BASE}/ticks/{quote(key)}"' in overview
    assert "every tick's work is done" in words_of(overview).replace("&#39;", "'")
    listed = (await viewer.get("/ticks")).text
    assert f'href="{BASE}/ticks/{quote(key)}"' in listed
    tick = words_of((await viewer.get(f"/ticks/{quote(key)}")).text)
    assert "Its work is done." in tick
    assert [word for word in ("queue-drain", "prune", "queue-health", "run-1", "in Inngest") if word not in tick] == []
    function = words_of((await viewer.get("/functions/process")).text)
    assert "its newest work is done" in function
    assert "of 1 over the last day" in function


async def test_every_cell_of_the_day_leads_to_its_tick(visit: Visit, site: Site) -> None:
    """Each is answered, and is the tick it stands for."""
    for name in ("t1", "t2", "t3"):
        await site.tick(name)
    viewer = await visit(Role.VIEWER)
    led = re.findall(r'<a class="cell inline" href="([^"]+)"', (await viewer.get("/")).text)
    assert len(led) == 3
    for path, name in zip(led, ("t1", "t2", "t3"), strict=True):
        assert key_of(name) in main_of((await viewer.client.get(path)).text)


async def test_a_failed_tick_is_told_with_its_error_whole(visit: Visit, site: Site, probe: Probe) -> None:
    """On its own page, on its function's, and as the overview's verdict."""
    break_down(probe, "prune", "no disk " + "y" * 700)
    await site.tick("bad")
    viewer = await visit(Role.VIEWER)
    overview = words_of((await viewer.get("/")).text)
    assert "1 failed" in overview
    assert "failing the last 1 failed" in overview
    tick = words_of((await viewer.get(f"/ticks/{key_of('bad')}")).text)
    assert "no disk " + "y" * 700 in tick
    assert "Its work is done." not in tick
    assert "no disk " + "y" * 700 in words_of((await viewer.get("/functions/maintain")).text)
    assert "failed" in words_of((await viewer.get("/ticks")).text)


async def test_a_broken_link_is_named_with_its_remedy(visit: Visit, serve: Serve) -> None:
    """Nobody listens where the engine should be: the send is the broken link, and the work is done all the same."""
    visitor = await visit(Role.VIEWER)
    await (await serve(**DEAD_ENGINE)).tick("broken")
    page = (await visitor.get(f"/ticks/{key_of('broken')}")).text
    read = words_of(page)
    assert "start the engine, or correct INNGEST_BASE_URL: nobody listens there" in read
    assert "Its work is done all the same." in read
    assert page.count('<li class="broken">') == 1
    assert "Why the send failed" in read
    listed = words_of((await visitor.get("/ticks?mode=fallback")).text)
    assert "fallback" in listed.partition("Tick ")[2]


async def test_a_tick_under_way_is_asked_for_again_and_one_that_is_over_is_not(
    visit: Visit, site: Site, rows: Rows
) -> None:
    """The page says so itself, to the script that keeps it fresh."""
    open_, over = await accepted(site, rows, "open"), await carried_out(site, rows, "over")
    viewer = await visit(Role.VIEWER)
    pages = [(await viewer.get(f"/ticks/{key}")).text for key in (open_, over)]
    assert ['data-every="2000"' in page for page in pages] == [True, False]
    assert "It is under way." in words_of(pages[0])


async def test_pages_of_ticks_go_on_to_the_last_one(visit: Visit, rows: Rows) -> None:
    """Exactly one page full leads nowhere; one more leads to a second, and from there back."""
    fill = (
        "INSERT INTO tickover.tick (dispatch_key, route, identity_source, mode, reason, correlation_id) "
        "SELECT 'p' || n, 'background-jobs', 'clock', 'inline', '', 'c' FROM generate_series(%s, %s::int) n"
    )
    rows(fill, 1, 50)
    viewer = await visit(Role.VIEWER)
    assert "Older" not in words_of((await viewer.get("/ticks")).text)
    rows(fill, 51, 51)
    first = (await viewer.get("/ticks?mode=inline")).text
    (older,) = re.findall(r'href="([^"]+)">Older', first)
    second = (await viewer.client.get(older.replace("&amp;", "&"))).text
    assert re.findall(r">(p\d+)</a>", second) == ["p1"]
    assert "Newest" in words_of(second)


async def test_what_is_beyond_the_last_page_is_not_told_as_no_tick_yet(visit: Visit, site: Site) -> None:
    """Tried: a place before the first tick; nobody is told to set cron up."""
    await site.tick("t1")
    read = words_of((await (await visit(Role.VIEWER)).get("/ticks?before=1")).text)
    assert "No tick yet" not in read
    assert "Newest" in read


async def test_the_audit_tells_who_did_what_and_why_by_subject(visit: Visit) -> None:
    """An act of an operator, with what it changed."""
    operator = await visit()
    await operator.act("/rollout/process/back", reason="the engine is odd")
    for path in ("/audit", "/audit?subject=process"):
        read = words_of((await operator.get(path)).text)
        assert [w for w in ("ada on the dashboard", "the engine is odd", "process") if w not in read] == []
    assert "the engine is odd" not in words_of((await operator.get("/audit?subject=maintain")).text)


@pytest.mark.parametrize(
    "path",
    ["/ticks/no-such-tick", "/ticks/a/b/c", "/ticks/%2e%2e%2f", "/ticks/%F0%9F%98%80", "/functions/no-such-function"],
)
async def test_what_there_is_not_is_told_as_a_page(visit: Visit, path: str) -> None:
    """404, with what there is instead or why it may be gone."""
    answer = await (await visit(Role.VIEWER)).get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert 'class="told bad"' in answer.text
    assert ("there are process, maintain" in answer.text) == path.startswith("/functions")


@pytest.mark.parametrize(
    "path",
    [
        "/ticks?before=0",
        "/ticks?before=-1",
        "/ticks?before=x",
        "/ticks?before=9223372036854775808",
        "/ticks?before=" + "9" * 5000,
        "/ticks?before=1.5",
        "/ticks?route=%00",
        "/ticks?route=" + "x" * 201,
        "/ticks?mode=" + "%3Cb%3E" * 100,
        "/ticks/%00",
        "/ticks/a%00b",
        "/ticks/" + "x" * 501,
        "/ticks/t1?engine=perhaps",
        "/functions/%00",
        "/functions/" + "x" * 501,
        "/audit?subject=%00",
        "/audit?subject=" + "x" * 201,
        "/audit?before=9223372036854775808",
        "/audit?before=",
    ],
)
async def test_what_cannot_be_asked_for_is_refused(visit: Visit, site: Site, path: str) -> None:
    """400 as a page. Tried: places there cannot be, NUL, far too much, a switch that is none."""
    await site.tick("t1")
    answer = await (await visit(Role.VIEWER)).get(path)
    assert answer.status_code == 400
    assert 'class="told bad"' in answer.text
    assert "<b>" not in main_of(answer.text)


@pytest.mark.parametrize(
    "path", ["/ticks?route=%3Cb%3E&mode=%3Ci%3E", "/ticks?mode=%ff", "/audit?subject=%27%3B--%3Cb%3E"]
)
async def test_what_nothing_matches_is_an_empty_page(visit: Visit, site: Site, path: str) -> None:
    """Tried: markup, bytes that are no text, a quote that would end a string of SQL."""
    await site.tick("t1")
    answer = await (await visit(Role.VIEWER)).get(path)
    assert answer.status_code == 200
    assert "<b>" not in main_of(answer.text)
    assert 'class="empty"' in answer.text


async def test_markup_in_what_a_tick_carries_cannot_run(visit: Visit, site: Site, probe: Probe, rows: Rows) -> None:
    """Tried in an error, a client id, a dispatch key, a reason, a send's error, and the audit; on every page."""
    break_down(probe, "prune", MARKUP)
    await site.tick("bad")
    sent = '{"kind": "refused", "detail": %s, "httpStatus": null}'
    rows(
        "UPDATE tickover.tick SET client_id = %s, reason = %s, dispatch_key = %s, error = %s::jsonb",
        MARKUP, MARKUP, MARKUP, sent % f'"{MARKUP.replace(chr(34), "")}"',
    )  # fmt: skip
    rows(
        "INSERT INTO tickover.audit (action, subject, by, reason, evidence) "
        "VALUES (%s, %s, %s, %s, jsonb_build_object('<b>', '<b>'))",
        MARKUP, MARKUP, MARKUP, MARKUP,
    )  # fmt: skip
    viewer = await visit(Role.VIEWER)
    for path in (*PAGES, f"/ticks/{quote(MARKUP, safe='')}", f"/audit?subject={quote(MARKUP)}"):
        answer = await viewer.get(path)
        assert answer.status_code == 200, path
        shown = main_of(answer.text)
        assert [text for text in ("<script>alert", "<img", "<b>", "onerror=alert(2)>") if text in shown] == [], path


@pytest.mark.parametrize("path", [*PAGES, "/ticks/t1"])
async def test_who_is_not_signed_in_sees_none_of_it(visit: Visit, site: Site, path: str) -> None:
    """They are led to where that is done, and learn nothing of what there is."""
    await site.tick("t1")
    answer = await (await visit(None)).get(path)
    assert (answer.status_code, "background-jobs" in answer.text) == (303, False)


async def test_a_dead_cron_is_not_told_as_none_yet(visit: Visit, site: Site, rows: Rows) -> None:
    """Two days after the last of six ticks the whole day is missing, and the overview is red."""
    for n in range(6):
        await site.tick(f"t{n}")
    rows("UPDATE tickover.tick SET requested_at = %s - interval '2 days' + id * interval '1 hour'", clock.now())
    read = words_of((await (await visit(Role.VIEWER)).get("/")).text).replace("&#39;", "'")
    assert "23 never came" in read
    assert "not every tick's work is done" in read


@pytest.mark.parametrize(("jobs", "said"), [(0, "0 due"), (1000, "1,000 due"), (1001, "1,000+ due")])
async def test_the_overview_counts_no_more_jobs_than_it_needs(visit: Visit, rows: Rows, jobs: int, said: str) -> None:
    """It is asked for every few seconds; the chart goes as far as the samples."""
    rows("INSERT INTO tickover.job (kind, payload) SELECT 'k', '{}' FROM generate_series(1, %s)", jobs)
    rows("INSERT INTO tickover.queue_sample VALUES (now() - interval '1 minute', 7000, 5)")
    page = (await (await visit(Role.VIEWER)).get("/")).text
    assert said in words_of(page)
    assert page.count("7,000 due") == (2 if jobs > 1000 else 1)


async def test_what_one_look_finds_is_told_before_it_has_lasted_long_enough_for_a_notice(
    visit: Visit, rows: Rows
) -> None:
    """An open circuit, a refused signature, a dead letter: the overview does not say that nothing is wrong."""
    rows("INSERT INTO tickover.circuit (route, state, since) VALUES ('background-jobs', 'open', now())")
    rows("INSERT INTO tickover.job (kind, payload, state, finished_at, last_error) "
         "VALUES ('send', '{}', 'dead', now(), 'no route')")  # fmt: skip
    rows(
        "INSERT INTO tickover.refusal (endpoint, cause, detail, count, first_at, last_at) "
        "VALUES ('engine', 'signature', 'calls signed with another key are answered 401', 3, now(), now())"
    )
    viewer = await visit(Role.VIEWER)
    read = words_of((await viewer.get("/")).text)
    told = ["ticks are not handed to the engine any more", "became dead letters within an hour", "3 requests refused"]
    assert [text for text in told if text not in read] == []
    assert "Nothing is wrong" not in read
    assert rows("SELECT state FROM tickover.notice") == []
