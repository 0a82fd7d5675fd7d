"""What became of ticks and functions, on the pages and over the API, after real ticks on every path."""

import re
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.conftest import Probe, Rows, Serve, Site
from tests.integration.dashboard.conftest import BASE, OPERATOR_TOKEN, VIEWER_TOKEN, Visit, Visitor
from tickover import Run, Summary, clock
from tickover.web.access.people import Role

API = f"{BASE}/api/v1"
VIEWER = {"authorization": f"Bearer {VIEWER_TOKEN}"}
MARKUP = "<img src=x onerror=alert(1)>"


async def told(site: Site, path: str) -> dict[str, Any]:
    """What the API answers."""
    answer = await site.client.get(f"{API}{path}", headers=VIEWER)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def key_of(rows: Rows) -> str:
    """The newest tick's."""
    return str(rows("SELECT dispatch_key FROM tickover.tick ORDER BY id DESC LIMIT 1")[0]["dispatch_key"])


async def fails(_run: Run) -> Summary:
    """A responsibility that fails."""
    raise RuntimeError(f"no answer {MARKUP}")


async def test_before_the_first_tick_every_page_says_what_to_do(visit: Visit) -> None:
    """No page is empty without a word."""
    viewer = await visit(Role.VIEWER)
    assert "no tick has come yet" in (await viewer.get("/")).text
    assert "/api/cron/background-jobs" in (await viewer.get("/ticks")).text
    assert "Nothing of it was owed" in (await viewer.get("/functions/process")).text
    assert "Nothing was worth a notice yet" in (await viewer.get("/notices")).text
    assert "was done by hand or by itself yet" in (await viewer.get("/audit")).text


async def test_a_good_day_is_told_as_it_was(visit: Visit, site: Site, rows: Rows) -> None:
    """The sentence agrees with a count of the rows; the cell leads to the tick, which leads to its function."""
    for n in range(3):
        await site.tick(f"t{n}")
    (counted,) = rows(
        "SELECT count(*) AS n FROM tickover.tick t WHERE NOT EXISTS "
        "(SELECT 1 FROM tickover.obligation o WHERE o.tick_id = t.id AND o.state <> 'succeeded')"
    )
    overview = await told(site, "/overview")
    (route,) = overview["routes"]
    assert counted["n"] == route["coverage"]["done"] == route["coverage"]["paths"]["inline"] == 3
    assert [function["health"]["word"] for function in overview["functions"]] == ["well", "well"]
    viewer = await visit(Role.VIEWER)
    page = (await viewer.get("/")).text
    assert "3 ticks expected, 3 done: 0 durable, 3 inline, 0 fallback, 0 twice" in page
    (cell, *_) = re.findall(r'class="cell inline" href="([^"]+)"', page)
    tick = await viewer.client.get(cell)
    assert "Its work is done." in tick.text
    assert f'href="{BASE}/functions/process"' in tick.text
    assert "1 of" not in tick.text
    assert (await viewer.get("/functions/process")).status_code == 200


async def test_a_failed_tick_shows_its_error_whole_and_escaped(
    visit: Visit, site: Site, probe: Probe, rows: Rows
) -> None:
    """On the overview, in the list, on its own page and on its function's."""
    probe.bodies["prune"] = fails
    await site.tick()
    viewer = await visit(Role.VIEWER)
    key = await key_of(rows)
    for path in ("/", "/ticks", f"/ticks/{key}", "/functions/maintain"):
        page = (await viewer.get(path)).text
        assert MARKUP not in page, path
        assert "failed" in page or "failing" in page, path
    story = await told(site, f"/ticks/{key}")
    (prune,) = [run for run in story["runs"] if run["responsibility"] == "prune"]
    assert prune["error"] == f"RuntimeError: no answer {MARKUP}"
    assert "not every tick&#39;s work is done" in (await viewer.get("/")).text.replace("'", "&#39;")
    (maintain,) = [f for f in (await told(site, "/overview"))["functions"] if f["function"] == "maintain"]
    assert maintain["health"]["word"] == "failing"


async def test_a_broken_link_is_marked_with_what_to_do(serve: Serve, rows: Rows) -> None:
    """Nobody listens at the engine's: the work is done as a fallback, and the page says both."""
    site = await serve(
        TICKOVER_OPERATOR_TOKEN=OPERATOR_TOKEN, TICKOVER_VIEWER_TOKEN=VIEWER_TOKEN,
        BACKGROUND_JOBS_USE_INNGEST="true", INNGEST_DEV="http://127.0.0.1:9",
    )  # fmt: skip
    await site.tick()
    story = await told(site, f"/ticks/{await key_of(rows)}")
    (broken,) = [link for link in story["chain"] if link["verdict"] == "broken"]
    assert (broken["name"], broken["function"]) == ("send", None)
    assert "start the engine" in broken["remedy"]
    assert {obligation["path"] for obligation in story["obligations"]} == {"fallback"}
    client = Visitor(site.client)
    await site.client.post("http://localhost/tickover/enter", data={"name": "eve", "token": VIEWER_TOKEN})
    page = (await client.client.get(f"http://localhost{BASE}/ticks/{await key_of(rows)}")).text
    assert 'class="told warn" role="alert"' in page
    assert "Its work is done all the same." in page
    assert "start the engine" in page


async def test_a_late_and_a_covered_obligation_are_told_apart(site: Site, rows: Rows) -> None:
    """What waits beyond its time is late; what a later run did is covered, and says by which."""
    await site.tick("t1")
    rows(
        "UPDATE tickover.obligation SET state = 'owed', path = NULL, start_by = now() - interval '1 s', "
        "started_at = NULL, finished_at = NULL"
    )
    (process, _) = (await told(site, "/overview"))["functions"]
    assert process["health"]["word"] == "late"
    old = await key_of(rows)
    await site.tick("t2")
    story = await told(site, f"/ticks/{old}")
    assert {o["state"] for o in story["obligations"]} == {"covered"}
    assert {o["coveredBy"] for o in story["obligations"]} == {await key_of(rows)}


async def test_ticks_are_listed_without_a_hole_or_a_double(site: Site, rows: Rows) -> None:
    """Page by page, the newest first; by route and by mode."""
    for n in range(7):
        await site.tick(f"t{n}")
    rows("UPDATE tickover.tick SET mode = 'fallback' WHERE mod(id, 2) = 0")
    asked = {"": None, "&mode=fallback": "fallback", "&mode=inline": "inline", "&route=background-jobs": None}
    for query, mode in asked.items():
        seen: list[str] = []
        place: int | None = None
        while True:
            page = await told(site, f"/ticks?limit=2{query}" + (f"&before={place}" if place else ""))
            seen += [row["dispatchKey"] for row in page["rows"]]
            place = page["next"]
            if place is None:
                break
        known = rows("SELECT dispatch_key, mode FROM tickover.tick ORDER BY id DESC")
        assert seen == [row["dispatch_key"] for row in known if mode in {None, row["mode"]}]
    assert (await told(site, "/ticks?route=none"))["rows"] == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/ticks/none", 404), ("/functions/none", 404), ("/functions/%3Cb%3E", 404), ("/ticks?before=0", 400),
        ("/ticks?before=x", 400), ("/ticks?route=%00", 400), ("/ticks?mode=" + "x" * 300, 400),
        ("/audit?before=-1", 400),
        ("/ticks/" + "x" * 600, 400), ("/ticks/%00", 400),
    ],
)  # fmt: skip
async def test_what_is_not_there_or_cannot_be_asked_for_is_told(visit: Visit, path: str, status: int) -> None:
    """Tried: a tick and a function there are not, places that are none, a NUL, far too much."""
    viewer = await visit(Role.VIEWER)
    answer = await viewer.get(path)
    assert (answer.status_code, 'class="told bad"' in answer.text) == (status, True)
    assert "<b>" not in answer.text.partition("<main")[2]


async def test_the_queue_is_sampled_once_a_minute_by_whoever_comes(site: Site, rows: Rows) -> None:
    """Two at once write one row; what is too old is forgotten."""
    samples, now = site.tickover.insight.samples, clock.now()
    rows("SELECT tickover.enqueue('a', '{}', run_at => now() - interval '90 s')")
    for at in (now, now, now + timedelta(minutes=1)):
        await samples.take(at)
    found = await samples.since(now - timedelta(minutes=5))
    assert [sample.due for sample in found] == [1, 1]
    assert 89 <= found[0].oldest_age_s <= 95
    rows("INSERT INTO tickover.queue_sample VALUES (now() - interval '31 days', 1, 1)")
    await samples.forget(timedelta(days=30))
    assert len(rows("SELECT 1 FROM tickover.queue_sample")) == 2


async def test_the_audit_is_listed_by_subject(visit: Visit, site: Site) -> None:
    """The newest first, with who and why."""
    operator = await visit()
    await operator.act("/rollout/process/back", reason="first")
    await operator.act("/rollout/maintain/back", reason="second")
    rows = (await told(site, "/audit?limit=1"))["rows"]
    assert [(row["subject"], row["reason"]) for row in rows] == [("maintain", "second")]
    page = (await operator.get("/audit?subject=process")).text
    assert "first" in page
    assert "second" not in page


async def test_a_functions_day_agrees_with_a_count_of_its_rows(site: Site, rows: Rows) -> None:
    """Durations as PostgreSQL's own nearest-rank percentiles have them, and what each responsibility counted."""
    for n in range(5):
        await site.tick(f"t{n}")
    day = await told(site, "/functions/maintain")
    (counted,) = rows(
        "SELECT percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY took) AS p FROM (SELECT extract(epoch FROM "
        "finished_at - started_at)::float8 AS took FROM tickover.obligation WHERE function = 'maintain') x"
    )
    assert [day["took"]["p50"], day["took"]["p95"]] == pytest.approx(counted["p"])
    assert sum(bucket["outcomes"].get("inline", 0) for bucket in day["buckets"]) == 5
    assert {name: sum(each["changed"] for each in parts) for name, parts in day["counted"].items()} == {
        "prune": 5,
        "queue-health": 5,
    }
