"""Enqueueing: from Python and from SQL, in transactions, at the limits."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.unit.jobs.test_new_job import nested
from tickover import clock
from tickover.database import Database
from tickover.errors import EnqueueError
from tickover.jobs.new_job import HORIZON, MAX_PAYLOAD_BYTES, NewJob
from tickover.jobs.queue import JobQueue, enqueue_many_sync, enqueue_sync
from tickover.jobs.states import JobState

Rows = Callable[..., list[dict[str, Any]]]
GOOD = NewJob("lead_scoring", {"lead": 1})


async def test_a_job_is_stored_as_given(queue: JobQueue) -> None:
    """Every field of an enqueued job can be read back."""
    later = clock.now() + timedelta(days=1)
    job_id = await queue.enqueue(
        "lead_scoring",
        {"lead": [1, "zwei", None]},
        client_id="acme",
        run_at=later,
        priority=-3,
        max_attempts=7,
        timeout_s=1.5,
        dedupe_key="lead 1",
    )
    job = await queue.show(job_id)
    assert job is not None
    assert (job.kind, job.client_id, job.run_at, job.priority) == ("lead_scoring", "acme", later, -3)
    assert (job.max_attempts, job.timeout_s, job.dedupe_key) == (7, 1.5, "lead 1")
    assert (job.state, job.attempts, job.fence, job.finished_at) == (JobState.SCHEDULED, 0, 0, None)
    assert json.loads(job.payload or "") == {"lead": [1, "zwei", None]}


async def test_thousands_of_jobs_have_their_ids_in_order(queue: JobQueue, rows: Rows) -> None:
    """The n-th id belongs to the n-th job, with 3000 of them in one call."""
    ids = await queue.enqueue_many([NewJob("lead_scoring", n) for n in range(3000)])
    stored = {row["id"]: row["payload"] for row in rows("SELECT id, payload FROM tickover.job")}
    assert [stored[job_id] for job_id in ids] == list(range(3000))


async def test_no_job_is_no_error(queue: JobQueue, rows: Rows) -> None:
    """An empty call stores nothing and returns nothing."""
    assert await queue.enqueue_many([]) == []
    assert rows("SELECT 1 FROM tickover.job") == []


async def test_i4_one_bad_job_keeps_all_from_being_stored(queue: JobQueue, rows: Rows) -> None:
    """A job for the year 9999 among good ones: the error names it, and nothing is stored."""
    bad = GOOD._replace(run_at=datetime(9999, 1, 1, tzinfo=UTC))
    with pytest.raises(EnqueueError, match=r"job 1: run_at 9999-01-01 .* more than 10 years"):
        await queue.enqueue_many([GOOD, bad, GOOD])
    assert rows("SELECT 1 FROM tickover.job") == []


@pytest.mark.parametrize(
    "job",
    [
        GOOD._replace(kind="x" * 100, client_id="A" + "." * 63, dedupe_key="€" * 200),
        GOOD._replace(priority=-1000, max_attempts=1, timeout_s=0.001),
        GOOD._replace(priority=1000, max_attempts=100, timeout_s=3600),
        GOOD._replace(payload=nested(100)),
        GOOD._replace(payload="x" * (MAX_PAYLOAD_BYTES - 2)),
        GOOD._replace(
            payload={"": [None, True, -0.5, 10**400], "text": "\\u0000 spelled out, \x01, \N{GRINNING FACE}"}
        ),
    ],
)
async def test_the_database_takes_what_python_takes(queue: JobQueue, job: NewJob) -> None:
    """A job at the edge of every rule is stored, and its payload comes back as it was."""
    (job_id,) = await queue.enqueue_many([job])
    stored = await queue.show(job_id)
    assert stored is not None
    assert json.loads(stored.payload or "") == job.payload


@pytest.mark.parametrize("sign", [-1, 1])
async def test_the_database_takes_the_horizon(queue: JobQueue, sign: int) -> None:
    """Ten years from now, either way, is stored."""
    run_at = clock.now() + sign * (HORIZON - timedelta(minutes=1))
    stored = await queue.show(await queue.enqueue("any", 1, run_at=run_at))
    assert stored is not None
    assert stored.run_at == run_at


@pytest.mark.parametrize(
    "arguments",
    [
        "'Lead', '1'",
        "'lead', NULL",
        "'lead', '1', client_id => 'a/b'",
        "'lead', '1', run_at => '9999-12-31'",
        "'lead', '1', run_at => 'infinity'",
        "'lead', '1', run_at => '-infinity'",
        "'lead', '1', priority => 1001",
        "'lead', '1', max_attempts => 0",
        "'lead', '1', timeout_s => 'NaN'",
        "'lead', '1', timeout_s => 3601",
        "'lead', '1', dedupe_key => ''",
        "'lead', 'no json'",
    ],
)
async def test_sql_callers_are_held_to_the_rules(arguments: str, rows: Rows) -> None:
    """`tickover.enqueue` refuses what Python's refuses, and stores nothing."""
    with pytest.raises(psycopg.errors.Error):
        rows(f"SELECT tickover.enqueue({arguments})")
    assert rows("SELECT 1 FROM tickover.job") == []


@pytest.mark.parametrize("commit", [True, False])
async def test_a_job_shares_the_fate_of_its_callers_transaction(
    queue: JobQueue, database: Database, rows: Rows, *, commit: bool
) -> None:
    """Enqueued on the caller's connection, it is there after the commit and never was after a rollback."""
    async with database.connection() as connection, connection.transaction(force_rollback=not commit):
        await queue.enqueue("lead_scoring", 1, connection=connection)
        await queue.enqueue_many([GOOD, GOOD], connection=connection)
        assert rows("SELECT 1 FROM tickover.job") == []
    assert len(rows("SELECT 1 FROM tickover.job")) == (3 if commit else 0)


@pytest.mark.parametrize("commit", [True, False])
def test_sync_callers_enqueue_in_their_own_transaction(database_dsn: str, rows: Rows, *, commit: bool) -> None:
    """The sync functions keep the same rules, whatever rows the caller's connection makes."""
    with psycopg.connect(database_dsn, row_factory=dict_row) as connection:
        first = enqueue_sync(connection, "lead_scoring", {"lead": 1}, client_id="acme", dedupe_key="k")
        again, other = enqueue_many_sync(connection, [NewJob("lead_scoring", 2, dedupe_key="k"), GOOD])
        with pytest.raises(EnqueueError, match="payload"):
            enqueue_sync(connection, "lead_scoring", {1, 2})
        if not commit:
            connection.rollback()
    assert first == again != other
    assert len(rows("SELECT 1 FROM tickover.job")) == (2 if commit else 0)


async def test_a_dedupe_key_stands_for_one_unfinished_job(queue: JobQueue, rows: Rows) -> None:
    """Within a call, in a later call and from SQL the same key gives the same id; another kind has its own."""
    jobs = [GOOD._replace(dedupe_key="k"), GOOD, GOOD._replace(dedupe_key="k"), NewJob("other", 1, dedupe_key="k")]
    first, free, again, other = await queue.enqueue_many(jobs)
    assert len({first, free, other}) == 3
    assert again == first == await queue.enqueue("lead_scoring", 2, dedupe_key="k")
    assert rows("SELECT tickover.enqueue('lead_scoring', '3', dedupe_key => 'k') AS id") == [{"id": first}]
    assert len(rows("SELECT 1 FROM tickover.job")) == 3


@pytest.mark.parametrize("state", ["succeeded", "dead"])
async def test_an_ended_job_frees_its_dedupe_key(queue: JobQueue, rows: Rows, state: str) -> None:
    """Once it has ended, the key makes a new job."""
    first = await queue.enqueue("lead_scoring", 1, dedupe_key="k")
    rows("UPDATE tickover.job SET state = %s", state)
    assert await queue.enqueue("lead_scoring", 2, dedupe_key="k") != first


async def test_a_race_for_a_dedupe_key_makes_one_job(queue: JobQueue, rows: Rows) -> None:
    """Twenty callers at once get the same id."""
    ids = await asyncio.gather(*(queue.enqueue("lead_scoring", n, dedupe_key="k") for n in range(20)))
    assert len(set(ids)) == len(rows("SELECT 1 FROM tickover.job")) == 1
