"""The queue on the dashboard and over the API: looking, and acting on one job or on all that match."""

import asyncio
import json
from typing import Any

import pytest

from tests.integration.conftest import Rows, Site
from tests.integration.dashboard.conftest import BASE, OPERATOR_TOKEN, VIEWER_TOKEN, Visit
from tickover.web.access.people import Role

API = f"{BASE}/api/v1"
OPERATOR, VIEWER = ({"authorization": f"Bearer {token}"} for token in (OPERATOR_TOKEN, VIEWER_TOKEN))
DEAD = """
  INSERT INTO tickover.job (kind, client_id, payload, state, attempts, max_attempts, last_error, finished_at)
  SELECT %s, %s, %s, 'dead', 3, 3, %s, now() FROM generate_series(1, %s) RETURNING id
"""


def dead(rows: Rows, count: int = 1, kind: str = "welcome", client: str = "acme", error: str = "refused") -> list[int]:
    """Dead letters; their ids."""
    payload = json.dumps({"to": "ada", "apiKey": "not-to-be-shown", "deep": [{"Secret-Word": "nor-this"}]})
    return [row["id"] for row in rows(DEAD, kind, client, payload, error, count)]


def states(rows: Rows) -> dict[str, int]:
    """How many jobs are in each state."""
    return {row["state"]: row["n"] for row in rows("SELECT state, count(*) AS n FROM tickover.job GROUP BY 1")}


async def ended(site: Site, act_id: int) -> dict[str, Any]:
    """How an act on many jobs ended."""
    answer: dict[str, Any] = {}
    for _ in range(200):
        answer = (await site.client.get(f"{API}/jobs/acts/{act_id}", headers=VIEWER)).json()
        if answer["endedAt"] is not None:
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError(f"it has not ended: {answer}")


@pytest.mark.parametrize(
    ("query", "shown", "hidden"),
    [
        ("", ["refused", "timed out", "acme", "dune"], []),
        ("kind=welcome", ["refused"], ["timed out"]),
        ("client=dune", ["timed out"], ["refused"]),
        ("state=dead&error=TIMED", ["timed out"], ["refused"]),
        ("state=queued", ["No such job"], ["timed out", "refused"]),
        ("older_than=1d", ["No such job"], ["timed out"]),
        ("client=-", ["No such job"], ["timed out"]),
        ("error=%25", ["No such job"], ["timed out"]),
    ],
)
async def test_jobs_are_found_by_filter(
    visit: Visit, rows: Rows, query: str, shown: list[str], hidden: list[str]
) -> None:
    """By kind, client, state, age and error; a wildcard of SQL is a character like any other."""
    dead(rows)
    dead(rows, 1, "sync", "dune", "timed out")
    viewer = await visit(Role.VIEWER)
    table = (await viewer.get(f"/jobs?{query}")).text.partition("</form>\n")[2].partition('id="all"')[0]
    assert [word in table for word in shown] == [True] * len(shown)
    assert [word in table for word in hidden] == [False] * len(hidden)


@pytest.mark.parametrize(
    "path",
    [
        "/jobs?state=none",
        "/jobs?older_than=soon",
        "/jobs?cursor=x",
        "/jobs?kind=%00",
        "/jobs?client=<b>",
        "/jobs/abc",
        "/jobs/0",
        "/clients?cursor=x",
    ],
)
async def test_what_cannot_be_asked_for_is_told(visit: Visit, path: str) -> None:
    """Tried: a state there is not, an age that is none, forged places, a NUL, markup, and ids that are none."""
    viewer = await visit(Role.VIEWER)
    answer = await viewer.get(path)
    assert (answer.status_code, "<b>" in answer.text.partition("<main")[2]) == (400, False)
    assert 'class="told bad"' in answer.text


async def test_a_job_is_shown_with_its_marked_fields_masked(visit: Visit, site: Site, rows: Rows) -> None:
    """On the page and over the API."""
    (job,) = dead(rows)
    page = (await (await visit(Role.VIEWER)).get(f"/jobs/{job}")).text
    told = (await site.client.get(f"{API}/jobs/{job}", headers=VIEWER)).json()
    assert told["payload"] == {"to": "ada", "apiKey": "•••", "deep": [{"Secret-Word": "nor-this"}]}
    assert "not-to-be-shown" not in page
    assert (await (await visit()).get("/jobs/9999")).status_code == 404


@pytest.mark.parametrize(("act", "state"), [("requeue", "queued"), ("discard", "discarded")])
async def test_an_operator_acts_on_one_job(visit: Visit, rows: Rows, act: str, state: str) -> None:
    """With who and why in the audit; a second time it is refused, since it is not what it was."""
    first, second = dead(rows, 2)
    operator = await visit()
    answer = await operator.act(f"/jobs/{first}/acts/{act}", reason="a try")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{BASE}/jobs/{first}?done={act}")
    assert states(rows) == {"dead": 1, state: 1}
    (told,) = rows("SELECT by, reason FROM tickover.audit")
    assert told == {"by": "ada on the dashboard", "reason": "a try"}
    if act == "requeue":
        again = await operator.act(f"/jobs/{first}/acts/{act}", reason="a try")
        assert (again.status_code, "nothing was done" in again.text) == (409, True)
    assert (await operator.act(f"/jobs/{second}/acts/explode", reason="x")).status_code == 400
    assert (await operator.act("/jobs/9999/acts/requeue", reason="x")).status_code == 409


async def test_an_operator_acts_on_all_that_match(visit: Visit, site: Site, rows: Rows) -> None:
    """In the background, with how far it is; what does not match is left alone."""
    dead(rows, 2500)
    dead(rows, 3, "sync")
    operator = await visit()
    answer = await operator.act("/jobs/all/requeue", state="dead", kind="welcome", reason="the mail server is back")
    assert answer.status_code == 303
    act_id = int(answer.headers["location"].rpartition("/")[2])
    end = await ended(site, act_id)
    assert (end["state"], end["done"], end["total"], end["share"]) == ("done", 2500, 2500, 1.0)
    assert states(rows) == {"dead": 3, "queued": 2500}
    page = (await operator.get(f"/jobs/acts/{act_id}")).text
    assert "2,500" in page
    assert "the mail server is back" in page
    assert f"/jobs/acts/{act_id}" in (await operator.get("/jobs")).text


async def test_a_viewer_acts_on_no_job(visit: Visit, site: Site, rows: Rows) -> None:
    """Tried: one, all, a stop; on the page and over the API."""
    (job,) = dead(rows)
    viewer = await visit(Role.VIEWER, "eve")
    for path in (f"/jobs/{job}/acts/requeue", "/jobs/all/requeue", "/jobs/acts/1/stop"):
        assert (await viewer.act(path, reason="x")).status_code == 403
    bodies: list[tuple[str, dict[str, Any]]] = [
        (f"/jobs/{job}/acts/requeue", {}),
        ("/jobs/acts", {"act": "requeue", "filter": {"state": "dead"}}),
        ("/jobs/acts/1/stop", {}),
    ]
    for path, body in bodies:
        answer = await site.client.post(f"{API}{path}", headers=VIEWER, json={"reason": "x", **body})
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:tickover:problem:not-allowed")
    assert states(rows) == {"dead": 1}
    assert rows("SELECT 1 FROM tickover.audit UNION ALL SELECT 1 FROM tickover.bulk_act") == []


async def test_over_the_api_jobs_are_found_and_acted_on(site: Site, rows: Rows) -> None:
    """Page by page, with counts; one requeued, all others discarded."""
    ids = dead(rows, 3)
    first = (await site.client.get(f"{API}/jobs?state=dead&limit=2", headers=VIEWER)).json()
    rest = (await site.client.get(f"{API}/jobs?state=dead&limit=2&cursor={first['next']}", headers=VIEWER)).json()
    assert [job["id"] for job in first["rows"] + rest["rows"]] == sorted(ids, reverse=True)
    assert rest["next"] is None
    counts = (await site.client.get(f"{API}/jobs/counts", headers=VIEWER)).json()
    assert (counts["dead"], counts["queued"]) == ({"n": 3, "isExact": True}, {"n": 0, "isExact": True})
    act = {"reason": "a try", "by": "ada"}
    one = await site.client.post(f"{API}/jobs/{ids[0]}/acts/requeue", headers=OPERATOR, json=act)
    assert (one.status_code, one.json()["job"]["state"]) == (200, "queued")
    body = act | {"act": "discard", "filter": {"state": "dead"}}
    begun = await site.client.post(f"{API}/jobs/acts", headers=OPERATOR, json=body)
    assert begun.status_code == 202
    assert (await ended(site, begun.json()["id"]))["done"] == 2
    clients = (await site.client.get(f"{API}/clients", headers=VIEWER)).json()
    assert [(row["clientId"], row["due"]["n"]) for row in clients["rows"]] == [("acme", 1)]
    refused = await site.client.post(f"{API}/jobs/acts", headers=OPERATOR, json=body | {"filter": {"state": "running"}})
    assert (refused.status_code, refused.json()["type"]) == (400, "urn:tickover:problem:unclear")


async def test_clients_are_shown_the_one_that_waits_longest_first(visit: Visit, rows: Rows) -> None:
    """With how long, and how many are due; nobody waiting is said in words."""
    viewer = await visit(Role.VIEWER)
    assert "Nobody waits" in (await viewer.get("/clients")).text
    rows("SELECT tickover.enqueue('sync', '{}', client_id => 'acme', run_at => now() - interval '1 hour')")
    rows("SELECT tickover.enqueue('sync', '{}', client_id => 'dune', run_at => now() - interval '2 hours')")
    page = (await viewer.get("/clients")).text
    assert page.index(">dune<") < page.index(">acme<")
    assert "2 h" in page


async def test_no_page_and_no_answer_shows_a_secret_of_the_process(visit: Visit, site: Site, rows: Rows) -> None:
    """Although an error holds some: the cron secret, a token, in the row of a job and of an obligation."""
    (job,) = dead(rows, error=f"401 for a-secret-of-the-test-suite & {OPERATOR_TOKEN}")
    await site.tick("t1")
    rows("UPDATE tickover.obligation SET state = 'failed', error = %s", f"RuntimeError: {VIEWER_TOKEN}")
    (tick,) = rows("SELECT dispatch_key FROM tickover.tick")
    operator = await visit()
    paths = ["/", "/jobs", f"/jobs/{job}", f"/ticks/{tick['dispatch_key']}", "/functions/process"]
    pages = [(await operator.get(path)).text for path in paths]
    calls = ["/overview", "/jobs", f"/jobs/{job}", f"/ticks/{tick['dispatch_key']}", "/functions/process"]
    answers = [(await site.client.get(f"{API}{path}", headers=VIEWER)).text for path in calls]
    for text in pages + answers:
        for secret in ("a-secret-of-the-test-suite", OPERATOR_TOKEN, VIEWER_TOKEN):
            assert secret not in text
    assert "&lt;CRON_SECRET&gt; &amp; &lt;TICKOVER_OPERATOR_TOKEN&gt;" in pages[2]
    assert "<TICKOVER_VIEWER_TOKEN>" in answers[3]
