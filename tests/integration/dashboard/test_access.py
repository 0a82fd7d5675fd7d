"""Who is let in, and what they may do; what was tried is in each test."""

from datetime import timedelta

import httpx
import pytest

from tests.integration.conftest import Rows, Serve, Site
from tests.integration.dashboard.conftest import BASE, OPERATOR_TOKEN, VIEWER_TOKEN, Visit
from tickover import clock
from tickover.rollout.controls import Controls
from tickover.web.access.door import COOKIE, make_dashboard_door
from tickover.web.access.links import LIVES, one_time_link
from tickover.web.access.people import Person, Role
from tickover.web.access.sessions import Purpose, read

ACTS = ["/rollout/process/begin", "/rollout/process/advance", "/rollout/process/release", "/rollout/all/back"]


async def is_untouched(site: Site, rows: Rows) -> bool:
    """Whether nothing was set and nothing audited."""
    controls = await Controls(site.tickover.database).read(["process", "maintain"])
    return all(c.version == 0 for c in controls.values()) and rows("SELECT 1 FROM tickover.audit") == []


async def test_without_a_token_the_dashboard_is_closed(serve: Serve) -> None:
    """Every page says what to set, and shows nothing else."""
    site = await serve()
    for path in ("/", "/rollout", "/check", "/enter"):
        answer = await site.client.get(f"{BASE}{path}")
        assert answer.status_code == 403
        assert "TICKOVER_OPERATOR_TOKEN" in answer.text
        assert "process" not in answer.text


async def test_who_is_not_signed_in_is_led_to_where_that_is_done_and_back(visit: Visit) -> None:
    """To the page they wanted, and never to another site."""
    nobody = await visit(None)
    answer = await nobody.get("/rollout")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{BASE}/enter?next=/tickover/rollout")
    fields = {"name": "ada", "token": VIEWER_TOKEN}
    for onward, led in (
        (f"{BASE}/rollout", f"{BASE}/rollout"),
        ("https://evil.example/", f"{BASE}/"),
        ("//evil.example", f"{BASE}/"),
        (f"{BASE}//evil.example", f"{BASE}/"),
        (f"{BASE}/\\evil.example", f"{BASE}/"),
        ("/elsewhere", f"{BASE}/"),
    ):
        answer = await nobody.client.post(f"{BASE}/enter", data=fields | {"next": onward})
        assert answer.headers["location"] == led, onward


@pytest.mark.parametrize(
    "token", ["", "x", VIEWER_TOKEN[:-1], VIEWER_TOKEN + "x", "é" * 20, "a-secret-of-the-test-suite"]
)
async def test_a_wrong_token_lets_nobody_in(visit: Visit, token: str) -> None:
    """Tried: none, rubbish, nearly the right one, the cron secret."""
    nobody = await visit(None)
    answer = await nobody.client.post(f"{BASE}/enter", data={"name": "eve", "token": token})
    assert answer.status_code == 403
    assert COOKIE not in answer.cookies
    assert (await nobody.get("/rollout")).status_code == 303


async def test_the_cookie_is_of_no_use_to_scripts_and_other_sites(visit: Visit) -> None:
    """HttpOnly, SameSite, for the dashboard alone; over TLS alone where the host is not this machine."""
    nobody = await visit(None)
    fields = {"name": "ada", "token": VIEWER_TOKEN}
    here = (await nobody.client.post(f"{BASE}/enter", data=fields)).headers["set-cookie"]
    assert all(word in here for word in ("HttpOnly", "SameSite=lax", f"Path={BASE}", "Max-Age=43200"))
    assert "Secure" not in here
    there = await nobody.client.post(f"http://tickover.example{BASE}/enter", data=fields)
    assert "Secure" in there.headers["set-cookie"]


@pytest.mark.parametrize("path", ACTS)
async def test_a_viewer_and_a_stolen_viewers_cookie_cannot_act(visit: Visit, site: Site, rows: Rows, path: str) -> None:
    """With everything right but the role; the page shows the button as not to be used."""
    viewer = await visit(Role.VIEWER, "eve")
    assert 'disabled title="a viewer looks; operators act"' in (await viewer.get("/rollout")).text
    answer = await viewer.act(path, reason="let me")
    assert (answer.status_code, "a viewer may look" in answer.text) == (403, True)
    assert await is_untouched(site, rows)


@pytest.mark.parametrize("path", ACTS)
async def test_a_forged_form_cannot_act(visit: Visit, site: Site, rows: Rows, path: str) -> None:
    """Tried with the operator's own cookie: no mark, a wrong one, another session's, and another site's."""
    operator, other = await visit(), await visit()
    url = f"{BASE}{path}"
    for mark in ({}, {"mark": ""}, {"mark": "x" * 64}, {"mark": "é"}, {"mark": await other.mark()}):
        answer = await operator.client.post(url, data={"reason": "forged", **mark})
        assert (answer.status_code, "does not belong to your session" in answer.text) == (403, True)
    right = {"reason": "forged", "mark": await operator.mark()}
    for site_ in ("cross-site", "same-site"):
        answer = await operator.client.post(url, data=right, headers={"sec-fetch-site": site_})
        assert (answer.status_code, "another site" in answer.text) == (403, True)
    answer = await operator.client.post(url, json=right)
    assert answer.status_code == 415
    assert (await operator.client.get(url)).status_code == 405
    assert await is_untouched(site, rows)


@pytest.mark.parametrize("reason", [None, "", "  ", "x" * 501, "a\x00b"])
async def test_an_act_needs_a_reason(visit: Visit, site: Site, rows: Rows, reason: str | None) -> None:
    """Tried: none, an empty one, blanks, too much, a NUL."""
    operator = await visit()
    answer = await operator.act("/rollout/process/back", **({} if reason is None else {"reason": reason}))
    assert answer.status_code == 400
    assert await is_untouched(site, rows)


async def test_an_operator_acts_under_their_name(visit: Visit, rows: Rows) -> None:
    """The audit says who, where and why."""
    operator = await visit(name="ada <b>")
    answer = await operator.act("/rollout/process/back", reason="the engine is <i>odd</i>")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{BASE}/rollout?done=rolled-back")
    (told,) = rows("SELECT subject, by, reason FROM tickover.audit")
    assert told == {"subject": "process", "by": "ada <b> on the dashboard", "reason": "the engine is <i>odd</i>"}
    page = (await operator.get("/rollout?done=rolled-back")).text
    assert "ada &lt;b&gt; on the dashboard" in page
    assert "<i>odd" not in page
    assert "Rolled back" in page


async def test_what_may_not_be_done_is_told_and_changes_nothing(visit: Visit, site: Site, rows: Rows) -> None:
    """Tried: a step that nothing speaks for, a release of what is not held, a function there is not."""
    operator = await visit()
    for path, status, word in (
        ("/rollout/process/advance", 409, "is not being moved"),
        ("/rollout/process/release", 409, "is not held"),
        ("/rollout/nobody/begin", 409, "there is no function"),
        ("/rollout/nobody/back", 404, "there is no function"),
    ):
        answer = await operator.act(path, reason="a try")
        assert (answer.status_code, word in answer.text) == (status, True), path
    assert await is_untouched(site, rows)


async def test_a_one_time_link_lets_one_person_in_once(visit: Visit, site: Site) -> None:
    """Looking at it uses nothing up; the second who enters by it is refused, in whichever replica."""
    door = make_dashboard_door(site.tickover.settings)
    link = one_time_link("http://localhost", BASE, Person("bo", Role.OPERATOR), door.tokens, clock.now())
    first, second = await visit(None), await visit(None)
    for _ in range(3):
        assert "lets one person in" in (await first.client.get(link)).text
    code = {"code": link.partition("code=")[2]}
    assert (await first.client.post(f"{BASE}/enter", data=code)).status_code == 303
    assert "bo, operator" in (await first.get("/rollout")).text
    answer = await second.client.post(f"{BASE}/enter", data=code)
    assert (answer.status_code, "has been used" in answer.text) == (403, True)


async def test_a_link_that_is_old_or_none_of_ours_lets_nobody_in(visit: Visit, site: Site, rows: Rows) -> None:
    """Tried: one whose time is over, one that was changed, a session's text; what is over is forgotten."""
    door = make_dashboard_door(site.tickover.settings)
    person, nobody = Person("eve", Role.OPERATOR), await visit(None)
    old = one_time_link("http://localhost", BASE, person, door.tokens, clock.now() - LIVES).partition("code=")[2]
    new = one_time_link("http://localhost", BASE, person, door.tokens, clock.now()).partition("code=")[2]
    viewer = await visit(Role.VIEWER)
    for code in (old, new[:-2], viewer.client.cookies[COOKIE], "x"):
        answer = await nobody.client.post(f"{BASE}/enter", data={"code": code})
        assert (answer.status_code, "not valid" in answer.text) == (403, True)
    used = "INSERT INTO tickover.used_link VALUES ('old', now() - interval '1 s')"
    rows(used)
    assert (await nobody.client.post(f"{BASE}/enter", data={"code": new})).status_code == 303
    assert [row["number"] != "old" for row in rows("SELECT number FROM tickover.used_link")] == [True]


async def test_who_signs_out_is_out(visit: Visit) -> None:
    """The cookie is gone."""
    operator = await visit()
    await operator.client.post(f"{BASE}/leave")
    assert (await operator.get("/rollout")).status_code == 303


async def test_a_session_ends(monkeypatch: pytest.MonkeyPatch, visit: Visit) -> None:
    """After the hours that were set."""
    operator = await visit()
    later = clock.now() + timedelta(hours=12)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert (await operator.get("/rollout")).status_code == 303


async def test_every_answer_forbids_what_is_not_ours(visit: Visit) -> None:
    """A strict policy on pages, refusals, and where somebody is led; nothing is kept by caches."""
    operator, nobody = await visit(), await visit(None)
    for answer in (
        await operator.get("/rollout"),
        await operator.get("/nowhere"),
        await nobody.get("/rollout"),
        await nobody.get("/enter"),
        await operator.client.post(f"{BASE}/rollout/all/back", data={"reason": "x"}),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"


async def test_in_the_wrong_environment_nothing_is_shown_but_what_is_wrong(serve: Serve, rows: Rows) -> None:
    """A preview with production's database: no page but the check, no act, and no one-time link is used up."""
    rows(
        "INSERT INTO tickover.seal (kind, name, identity, by) "
        "VALUES ('production', 'production', tickover.store_identity(), 'a test')"
    )
    variables = {"TICKOVER_ENV": "preview:pr-1", "INNGEST_ENV": "pr-1", "TICKOVER_OPERATOR_TOKEN": OPERATOR_TOKEN}
    site = await serve(**variables)
    client = httpx.AsyncClient(transport=site.client._transport, base_url="http://localhost")
    assert (await client.post(f"{BASE}/enter", data={"name": "ada", "token": OPERATOR_TOKEN})).status_code == 303
    page = await client.get(f"{BASE}/rollout")
    assert (page.status_code, "production" in page.text, "Advance" in page.text) == (409, True, False)
    checked = await client.get(f"{BASE}/check")
    assert (checked.status_code, "It may change nothing" in checked.text) == (200, True)
    door = make_dashboard_door(site.tickover.settings)
    mark = door.form_mark(read(Purpose.SESSION, client.cookies[COOKIE], door.tokens, clock.now()) or pytest.fail("out"))
    acted = await client.post(f"{BASE}/rollout/all/back", data={"mark": mark, "reason": "x"})
    link = one_time_link("http://localhost", BASE, Person("bo", Role.OPERATOR), door.tokens, clock.now())
    used = await client.post(f"{BASE}/enter", data={"code": link.partition("code=")[2]})
    assert [acted.status_code, used.status_code] == [409, 409]
    assert rows("SELECT 1 FROM tickover.used_link UNION ALL SELECT 1 FROM tickover.audit") == []
