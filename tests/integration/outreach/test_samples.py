"""The sample data, loaded and drained, and the messages that keep arriving."""

import asyncio
from datetime import timedelta

import pytest

from tests.integration.outreach.conftest import Ask, Office
from tests.runs import MakeRun
from tests.waiting import eventually
from tickover.database import Database
from tickover.jobs.drain import queue_drain
from tickover.outreach import replayer
from tickover.outreach.contract import contract
from tickover.outreach.handlers import HANDLERS
from tickover.outreach.replayer import receive, replay
from tickover.outreach.samples import load_samples
from tickover.outreach.settings import OutreachSettings

TABLES = (
    "lead",
    "message",
    "ai_draft",
    "draft_pipeline_run",
    "draft_pipeline_artifact",
    "lead_memory_entry",
    "workspace_memory_entry",
)
UNFINISHED = "SELECT kind, state, last_error FROM tickover.job WHERE state <> 'succeeded' AND run_at <= now()"
JOBS = "SELECT count(*) AS n FROM tickover.job"


async def test_loading_twice_is_loading_once(database: Database, office: Office, ask: Ask) -> None:
    """Not even two at a time add anything twice."""
    await asyncio.gather(*(load_samples(database) for _ in range(3)))
    first = [await office.count(table) for table in TABLES], await ask(JOBS)
    await load_samples(database)
    assert ([await office.count(table) for table in TABLES], await ask(JOBS)) == first
    inbound = await ask("SELECT count(*) AS n FROM outreach.message WHERE direction = 'inbound'")
    assert inbound == [{"n": 200}]


async def test_every_sample_message_is_processed(database: Database, ask: Ask, make_run: MakeRun) -> None:
    """A drain ends all of their jobs, and what follows from them, without one failure."""
    await load_samples(database)
    summary = await queue_drain(HANDLERS)(await make_run(seconds=100))
    assert summary.details["retried"] == summary.details["dead"] == summary.left == 0
    assert await ask(UNFINISHED) == []
    assert await ask("SELECT id FROM outreach.message WHERE processed_at IS NULL") == []
    interests = await ask("SELECT DISTINCT interest FROM outreach.message WHERE direction = 'inbound' ORDER BY 1")
    assert [row["interest"] for row in interests] == ["declined", "interested", "unclear"]
    wrong = "SELECT m.id FROM outreach.message m JOIN outreach.lead l ON l.id = m.lead_id WHERE m.draft_id IS NOT NULL "
    assert await ask(wrong + "AND l.opted_out_at < m.occurred_at") == []


async def test_there_is_work_for_every_responsibility(database: Database, make_run: MakeRun) -> None:
    """Each changes, or looks at, something of the sample data, and none fails."""
    await load_samples(database)
    for function in contract(OutreachSettings()).functions:
        for part in function.responsibilities[: 1 if function.continues else None]:
            summary = await part.run(await make_run(seconds=100))  # type: ignore[misc]
            assert summary.error is None
            assert summary.changed > 0 or part.id == "queue-health"


async def test_new_messages_keep_arriving_until_told_to_stop(database: Database, office: Office, ask: Ask) -> None:
    """Each with its job; it returns soon after the event is set."""
    stop = asyncio.Event()
    task = asyncio.create_task(replay(database, every=0.01, stop=stop))

    async def some_have_arrived() -> bool:
        return await office.count("message") >= 5

    await eventually(some_have_arrived)
    stop.set()
    async with asyncio.timeout(30):
        await task
    assert await ask(JOBS) == [{"n": await office.count("message")}]


async def test_an_interval_of_nothing_is_refused(database: Database) -> None:
    """It would never let anybody else have a turn."""
    with pytest.raises(ValueError, match="above zero"):
        await replay(database, every=0, stop=asyncio.Event())


async def test_the_same_message_does_not_arrive_twice(database: Database, office: Office, ask: Ask) -> None:
    """Neither it nor its job."""
    for _ in range(2):
        await receive(database, 4711)
    assert await office.count("message") == 1
    assert await ask(JOBS) == [{"n": 1}]


async def test_i10_nothing_arrives_while_nobody_processes(
    database: Database, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With as many waiting as may wait, the next one does not come."""
    monkeypatch.setattr(replayer, "MOST_WAITING", 3)
    assert [await receive(database, number) for number in range(5)] == [True, True, True, False, False]
    assert await office.count("message") == 3


async def test_i10_old_leads_and_jobs_make_room(
    database: Database, ask: Ask, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond those that are kept the oldest go, with all that hangs on them; the sample data stays."""
    monkeypatch.setattr(replayer, "KEPT_LEADS", 2)
    monkeypatch.setattr(replayer, "_JOBS_KEPT", timedelta(seconds=-60))
    await load_samples(database)
    for number in range(10_000, 10_048):
        await receive(database, number)
        await queue_drain(HANDLERS)(await make_run())
    (replayed,) = await ask("SELECT count(*) AS n FROM outreach.lead WHERE replayed")
    assert replayed["n"] <= 3
    assert (await ask("SELECT count(*) AS n FROM outreach.lead WHERE NOT replayed")) == [{"n": 48}]
    (messages,) = await ask(
        "SELECT count(*) AS n FROM outreach.message m JOIN outreach.lead l ON l.id = m.lead_id WHERE replayed"
    )
    assert messages["n"] <= 24
