"""A tick that owes nothing sends nothing, and what arrives is done by the next one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.integration.conftest import SECRET, Probe, Rows, Site
from tests.integration.test_circuit import let_pass
from tickover import (
    Contract,
    Function,
    Job,
    NewJob,
    Recurring,
    Responsibility,
    Route,
    Run,
    Summary,
    Tickover,
    queue_drain,
)
from tickover.database import Database
from tickover.jobs.queue import JobQueue
from tickover.settings import Settings
from tickover.ticks.idleness import is_due
from tickover.verify.diagnosis import diagnose
from tickover.verify.links import Verdict

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def nothing(_: Job) -> None:
    """A job's handler."""


DRAIN = queue_drain({"email": nothing})


@pytest.fixture
async def serve_idle(
    database_dsn: str, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Awaitable[Site]]]:
    """Serve a function that drains, and one that prunes once an hour; both skip idle ticks."""
    async with AsyncExitStack() as stack:

        async def start(**environment: str) -> Site:
            variables = {"DATABASE_URL": database_dsn, "CRON_SECRET": SECRET, "INNGEST_DEV": "1"} | environment
            for name, value in variables.items():
                monkeypatch.setenv(name, value)
            process = Function("process", "a/process.requested", (Responsibility("drain", DRAIN),), skip_idle=True)
            prune = Responsibility("prune", probe, every=HOUR)
            maintain = Function("maintain", "a/maintain.requested", (prune,), skip_idle=True)
            route = Route("background-jobs", "BACKGROUND_JOBS_USE_INNGEST", ("drain", "prune"), (process, maintain))
            tickover = Tickover(Contract((route,)), app_id="idle", settings=Settings.read())
            app = FastAPI()
            tickover.mount(app)
            await tickover.open()
            stack.push_async_callback(tickover.close)
            headers = {"authorization": f"Bearer {SECRET}"}
            client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://idle", headers=headers)
            return Site(tickover, await stack.enter_async_context(client))

        yield start


async def tick(site: Site, key: str, **options: Any) -> dict[str, Any]:
    """Fire one; its answer."""
    answer: dict[str, Any] = (await site.tick(key, **options)).json()
    return answer


async def test_an_idle_tick_records_that_and_sends_nothing(
    serve_idle: Callable[..., Awaitable[Site]], probe: Probe, rows: Rows
) -> None:
    """No obligation, no event, and no failed send although nobody listens where the engine should be."""
    site = await serve_idle(BACKGROUND_JOBS_USE_INNGEST="true", INNGEST_BASE_URL="http://127.0.0.1:9")
    first = await tick(site, "t1")
    assert (first["mode"], first["idle"]) == ("fallback", ["process"])
    second = await site.tick("t2")
    answer = second.json()
    assert (second.status_code, answer["mode"], answer["reason"]) == (200, "idle", "nothing is due")
    assert (answer["idle"], answer["functions"], answer["sendError"]) == (["process", "maintain"], [], None)
    assert probe.ran() == ["prune"]
    told = rows("SELECT id, mode, idle, event_ids FROM tickover.tick WHERE dispatch_key LIKE '%%t2'")
    assert [{**row, "id": 0} for row in told] == [
        {"id": 0, "mode": "idle", "idle": ["process", "maintain"], "event_ids": []}
    ]
    assert rows("SELECT 1 FROM tickover.obligation WHERE tick_id = %s", told[0]["id"]) == []
    again = await tick(site, "t2")
    assert (again["mode"], again["functions"]) == ("duplicate", [])


async def test_what_arrives_is_done_by_the_next_tick(
    serve_idle: Callable[..., Awaitable[Site]], database: Database, probe: Probe, rows: Rows
) -> None:
    """A job, and an hour later the pruning; each function alone."""
    site = await serve_idle()
    assert (await tick(site, "t1"))["idle"] == ["process"]
    await JobQueue(database).enqueue_many([NewJob("email", {})])
    second = await tick(site, "t2")
    assert (second["idle"], [f["function"] for f in second["functions"]]) == (["maintain"], ["process"])
    assert rows("SELECT state FROM tickover.job") == [{"state": "succeeded"}]
    assert (await tick(site, "t3"))["mode"] == "idle"
    let_pass(rows, "59 minutes 40 seconds")  # within half a window of the hour
    assert [f["function"] for f in (await tick(site, "t4"))["functions"]] == ["maintain"]
    assert probe.ran() == ["prune", "prune"]


async def test_what_left_work_behind_is_due_again_at_once(
    serve_idle: Callable[..., Awaitable[Site]], probe: Probe
) -> None:
    """Its time was over before it had pruned all: it does not wait for its next hour."""

    async def half(run: Run) -> Summary:
        return Summary(looked_at=2, changed=1, left=1 if probe.ran().count(run.responsibility) < 3 else 0)

    probe.bodies["prune"] = half
    site = await serve_idle()
    for key in ("t1", "t2", "t3"):
        assert [f["function"] for f in (await tick(site, key))["functions"]] == ["maintain"]
    assert (await tick(site, "t4"))["mode"] == "idle"


async def test_a_tick_that_proves_the_deployment_is_never_idle(serve_idle: Callable[..., Awaitable[Site]]) -> None:
    """`tickover verify` wants to see both functions run."""
    site = await serve_idle()
    await tick(site, "t1")
    answer = await site.client.post("/api/cron/background-jobs", headers={"x-tickover-canary": "c1"})
    assert [f["function"] for f in answer.json()["functions"]] == ["process", "maintain"]


async def test_a_rollback_is_settled_by_idle_ticks_as_well(serve_idle: Callable[..., Awaitable[Site]]) -> None:
    """Two ticks at which nothing was due show as much: nothing was sent."""
    site = await serve_idle(BACKGROUND_JOBS_USE_INNGEST="true", INNGEST_BASE_URL="http://127.0.0.1:9")
    await tick(site, "t1")
    rolled_back = await site.tickover.rollback.roll_back(["process", "maintain"], "ada", "a test")
    for key, settled in (("t2", False), ("t3", True)):
        await tick(site, key)
        assert (await site.tickover.rollback.settling(rolled_back)).is_settled is settled


async def test_an_idle_tick_is_done_for_its_monitor_and_has_no_broken_link(
    serve_idle: Callable[..., Awaitable[Site]], rows: Rows
) -> None:
    """All that it owed is done: its heartbeat is due, and `tickover diagnose` finds nothing to mend in its work."""
    url = "healthchecks+http://127.0.0.1:9/ping/key/slug"
    site = await serve_idle(BACKGROUND_JOBS_HEARTBEAT_URL=url, BACKGROUND_JOBS_USE_INNGEST="true")
    rows("UPDATE tickover.tick SET requested_at = requested_at - interval '1 minute'")
    await tick(site, "t1")
    assert (await tick(site, "t2"))["mode"] == "idle"
    (told,) = rows("SELECT completed_at IS NOT NULL AS completed FROM tickover.tick WHERE dispatch_key LIKE '%%t2'")
    assert told == {"completed": True}
    found = await diagnose(site.tickover, "background-jobs:v1:id:t2")
    assert [(link.name, link.seen) for link in found.links if link.verdict is Verdict.BROKEN] == []


async def test_what_is_late_is_settled_by_an_idle_tick_as_well(
    serve_idle: Callable[..., Awaitable[Site]], rows: Rows
) -> None:
    """An obligation whose run never came does not wait for work to arrive."""
    site = await serve_idle()
    await tick(site, "t1")
    rows("UPDATE tickover.obligation SET state = 'accepted', path = NULL, start_by = now() - interval '1 s'")
    answer = await tick(site, "t2")
    assert (answer["mode"], [r["function"] for r in answer["recovered"]]) == ("idle", ["maintain"])


JOB = """
  INSERT INTO tickover.job (kind, payload, state, client_id, run_at, lease_expires_at, finished_at)
  VALUES ('email', '{}', %s, %s, now() + %s::interval, now() + %s::interval, CASE WHEN %s = 'dead' THEN now() END)
"""


@pytest.mark.parametrize(
    ("state", "client_id", "after", "owes", "owes_acme"),
    [
        ("queued", None, "0", True, False),
        ("queued", "acme", "0", True, True),
        ("queued", "other", "0", True, False),
        ("scheduled", "acme", "1 hour", False, False),
        ("scheduled", "acme", "-1 s", True, True),
        ("running", "acme", "1 minute", False, False),
        ("running", "acme", "-1 s", True, True),
        ("dead", "acme", "-1 s", False, False),
    ],
)
async def test_every_reason_for_a_drain_is_seen(
    database: Database, rows: Rows, state: str, client_id: str | None, after: str, *, owes: bool, owes_acme: bool
) -> None:
    """For all clients, and for one: due, of another client, later, due by now, running, left behind, dead."""
    rows(JOB, state, client_id, after, after, state)
    now = datetime.now(UTC)
    assert await DRAIN.owes_nothing(database, None, now) is not owes
    assert await DRAIN.owes_nothing(database, "acme", now) is not owes_acme


async def test_an_empty_queue_owes_nothing(database: Database) -> None:
    """To nobody."""
    assert await DRAIN.owes_nothing(database, None, datetime.now(UTC))


async def test_a_recurring_job_is_a_reason_when_its_time_has_come(database: Database, rows: Rows) -> None:
    """And when it is declared for the first time, since somebody has to begin it."""
    drain = queue_drain({"email": nothing}, recurring=[Recurring("nightly", "0 3 * * *", "email")])
    now = datetime.now(UTC)
    assert not await drain.owes_nothing(database, None, now)
    begun = "INSERT INTO tickover.recurring (name, cron, timezone, next_at) VALUES ('nightly', '0 3 * * *', 'UTC', %s)"
    rows(begun, now + HOUR)
    assert await drain.owes_nothing(database, None, now)
    rows("UPDATE tickover.recurring SET next_at = now() - interval '1 s'")
    assert not await drain.owes_nothing(database, None, now)


@pytest.mark.parametrize(
    ("ago", "due"),
    [(None, True), (HOUR, True), (HOUR - timedelta(seconds=30), True), (HOUR - timedelta(seconds=31), False)],
)
def test_a_responsibility_is_due_by_its_every(probe: Probe, ago: timedelta | None, *, due: bool) -> None:
    """Half a window early is early enough; what never succeeded is due."""
    last = None if ago is None else NOW - ago
    assert is_due(Responsibility("prune", probe, every=HOUR), last, NOW, timedelta(seconds=30)) is due


def test_without_every_only_a_body_that_can_tell_is_ever_idle(probe: Probe) -> None:
    """All others are due at every tick."""
    assert is_due(Responsibility("prune", probe), NOW, NOW, timedelta())
    assert not is_due(Responsibility("drain", DRAIN), None, NOW, timedelta())
    assert replace(Responsibility("drain", DRAIN), every=HOUR).is_checked
