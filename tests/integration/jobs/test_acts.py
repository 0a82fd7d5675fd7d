"""Acts on single jobs: each move that is allowed, each that is refused, and who is told of them."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.waiting import eventually
from tickover.database import Database
from tickover.jobs.acts import JobActs
from tickover.jobs.claims import Claims, Terms
from tickover.jobs.new_job import NewJob
from tickover.jobs.queue import JobQueue
from tickover.jobs.slice import Slice
from tickover.jobs.states import ACT_LEADS_TO, ACTS_ON, Act, JobState

Rows = Callable[..., list[dict[str, Any]]]

PUT = "UPDATE tickover.job SET state = %s, lease_expires_at = now() + interval '1 h', run_at = now() + interval '1 h'"
AUDIT = "SELECT action, subject, by, reason, evidence FROM tickover.audit ORDER BY id"
POSSIBLE = [(act, state) for act, state in itertools.product(Act, JobState) if state in ACTS_ON[act]]
REFUSED = [(act, state) for act, state in itertools.product(Act, JobState) if state not in ACTS_ON[act]]


@pytest.fixture
def acts(database: Database) -> JobActs:
    """Acts on the jobs of this test."""
    return JobActs(database)


@pytest.mark.parametrize(("act", "state"), POSSIBLE)
async def test_an_act_moves_a_job_as_the_table_says(
    queue: JobQueue, acts: JobActs, rows: Rows, act: Act, state: JobState
) -> None:
    """From each state in which it is possible, with one row of audit that says who, what and why."""
    job_id = await queue.enqueue("a", 1)
    rows(PUT, state)
    acted = await acts.act(act, [job_id], "ann", "mended")
    assert (acted.done, acted.refused) == ([job_id], {})
    assert rows("SELECT state FROM tickover.job") == [{"state": ACT_LEADS_TO[act]}]
    assert rows(AUDIT) == [
        {
            "action": f"jobs.{act}",
            "subject": f"job {job_id}",
            "by": "ann",
            "reason": "mended",
            "evidence": {"ids": [job_id], "refused": 0},
        }
    ]


@pytest.mark.parametrize(("act", "state"), REFUSED)
async def test_i4_an_act_is_refused_where_the_table_has_no_move(
    queue: JobQueue, acts: JobActs, rows: Rows, act: Act, state: JobState
) -> None:
    """The job's row is untouched, the answer names the job and its state, and the audit says nothing."""
    job_id = await queue.enqueue("a", 1)
    rows(PUT, state)
    before = rows("SELECT * FROM tickover.job")
    acted = await acts.act(act, [job_id], "ann", "mended")
    assert acted.done == []
    assert acted.refused[job_id].startswith(f"it is {state}; ")
    assert rows("SELECT * FROM tickover.job") == before
    assert rows(AUDIT) == []


async def test_jobs_that_are_not_there_are_refused_by_id(queue: JobQueue, acts: JobActs, rows: Rows) -> None:
    """Also numbers that can be nobody's id; the others are moved all the same, with one row of audit for all."""
    ids = [await queue.enqueue("a", n) for n in range(3)]
    acted = await acts.act(Act.DISCARD, [*ids, ids[0], 10**6, 0, -1, 2**63], "ann", "why not")
    assert acted.done == ids
    assert acted.refused == dict.fromkeys([-1, 0, 10**6, 2**63], "there is no such job")
    assert [(row["subject"], row["evidence"]["refused"]) for row in rows(AUDIT)] == [("jobs", 4)]
    with pytest.raises(ValueError, match="at most 1000"):
        await acts.act(Act.DISCARD, range(1, 1002), "ann", "too many")


async def test_a_discarded_job_is_never_claimed_and_frees_its_key(
    queue: JobQueue, acts: JobActs, database: Database
) -> None:
    """Whoever enqueues the same dedupe key then stores a job of its own, and that one is claimed."""
    discarded = await queue.enqueue("a", 1, dedupe_key="k")
    await acts.act(Act.DISCARD, [discarded], "ann", "wrong")
    again = await queue.enqueue("a", 2, dedupe_key="k")
    assert again != discarded
    claimed = await Claims(Slice.lasting(database, 60), Terms()).claim(10, reap=True)
    assert [job.id for job in claimed] == [again]
    assert (await queue.show(discarded)).finished_at is not None  # type: ignore[union-attr]


async def test_a_job_that_is_to_run_now_is_claimed_first(
    queue: JobQueue, acts: JobActs, database: Database, rows: Rows
) -> None:
    """Before jobs that are more urgent and older, whether it was scheduled or queued; in its kind's lane."""
    ids = await queue.enqueue_many([NewJob("a", n, priority=900) for n in range(3)])
    last = await queue.enqueue("limited", 1)
    rows("UPDATE tickover.job SET state = 'scheduled', run_at = now() + interval '1 day' WHERE id = %s", last)
    rows("INSERT INTO tickover.lane (lane, kind, max_running) VALUES (1, 'limited', 3)")
    await acts.act(Act.RUN_NOW, [last, ids[2]], "ann", "waiting for it")
    assert rows("SELECT run_at <= now() AS due, lane FROM tickover.job WHERE id = %s", last) == [
        {"due": True, "lane": 1}
    ]
    claims = Claims(Slice.lasting(database, 60), Terms(fairly=False))
    claimed = [job.id for job in await claims.claim(10, reap=False)]
    assert sorted(claimed) == sorted([*ids, last])
    assert [job_id for job_id in claimed if job_id != last] == [ids[2], ids[0], ids[1]]


async def test_a_dead_letter_whose_key_is_taken_says_so(queue: JobQueue, acts: JobActs, rows: Rows) -> None:
    """An unfinished job stands for it."""
    dead = await queue.enqueue("a", 1, dedupe_key="k")
    rows("UPDATE tickover.job SET state = 'dead'")
    await queue.enqueue("a", 2, dedupe_key="k")
    acted = await acts.act(Act.REQUEUE, [dead], "ann", "mended")
    assert acted.refused == {dead: "an unfinished job, or a newer dead letter, holds its dedupe key"}


async def test_a_job_that_is_being_claimed_is_left_to_the_drain(
    queue: JobQueue, acts: JobActs, replica: Database, rows: Rows
) -> None:
    """Nobody waits for the claim, and the job is not pulled from under it."""
    job_id = await queue.enqueue("a", 1)
    async with replica.transaction() as connection:
        await connection.execute(b"SELECT FROM tickover.job FOR UPDATE")
        acted = await acts.act(Act.DISCARD, [job_id], "ann", "wrong")
    assert acted.refused == {job_id: "a drain is about to claim it"}
    assert rows("SELECT state FROM tickover.job") == [{"state": "queued"}]


async def test_two_who_act_at_once_do_it_once(queue: JobQueue, database: Database, replica: Database) -> None:
    """Twenty jobs, discarded by two: each by one of them."""
    ids = await queue.enqueue_many([NewJob("a", n) for n in range(20)])
    one, other = await asyncio.gather(
        JobActs(database).act(Act.DISCARD, ids, "ann", "wrong"), JobActs(replica).act(Act.DISCARD, ids, "bob", "wrong")
    )
    assert sorted([*one.done, *other.done]) == ids


async def test_a_key_that_is_enqueued_at_that_moment_stops_no_act(
    queue: JobQueue, acts: JobActs, replica: Database, rows: Rows
) -> None:
    """An enqueue of the same dedupe key that commits while the requeue waits for it: the dead letter stays dead."""
    dead = await queue.enqueue("a", 1, dedupe_key="k")
    rows("UPDATE tickover.job SET state = 'dead'")

    async def is_waiting() -> bool:
        return bool(
            rows("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%Dead letter%%'")
        )

    async with replica.transaction() as connection:
        await queue.enqueue("a", 2, dedupe_key="k", connection=connection)
        task = asyncio.create_task(acts.act(Act.REQUEUE, [dead], "ann", "mended"))
        await eventually(is_waiting)
    assert (await task).done == []
    assert rows("SELECT state FROM tickover.job ORDER BY id") == [{"state": "dead"}, {"state": "queued"}]
