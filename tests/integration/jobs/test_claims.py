"""Leases, fences, and the moves that the statements refuse."""

from collections.abc import Callable
from typing import Any

import pytest

from tickover.database import Database
from tickover.jobs.attempt import handed_back
from tickover.jobs.claims import Claimed, Claims, Outcome, Terms
from tickover.jobs.queue import JobQueue
from tickover.jobs.slice import Slice
from tickover.jobs.states import LEADS_TO, MOVES, Ending, JobState

Rows = Callable[..., list[dict[str, Any]]]

FORBIDDEN = [(before, after) for before in JobState for after in JobState if after not in MOVES[before]]


@pytest.fixture
def claims(database: Database) -> Claims:
    """What drains do to jobs, with leases of a minute."""
    return Claims(Slice.lasting(database, 60), Terms())


async def claim(claims: Claims) -> list[Claimed]:
    """Claim up to a hundred, expired ones among them."""
    return await claims.claim(100, reap=True)


def succeeded(job: Claimed) -> Outcome:
    """The outcome of a job that went well."""
    return Outcome(job, Ending.SUCCEEDED, job.attempt)


async def attempt_move(after: JobState, job: Claimed, claims: Claims, database: Database) -> None:
    """Run every statement that leads to a state, in one move."""
    if after is JobState.RUNNING:
        await claims.claim(100, reap=False)
    for ending in (ending for ending, state in LEADS_TO.items() if state is after):
        await claims.record([Outcome(job, ending, 1)])
    if after is JobState.QUEUED and job.attempt != 0:
        await JobQueue(database).requeue([job.id])
        await JobQueue(database).requeue(kind=job.kind)


@pytest.mark.parametrize(("before", "after"), FORBIDDEN, ids=[f"{before}-{after}" for before, after in FORBIDDEN])
async def test_i4_the_statements_refuse_forbidden_moves(
    before: JobState, after: JobState, queue: JobQueue, claims: Claims, database: Database, rows: Rows
) -> None:
    """With the right id and fence, and an expired lease, no statement moves a job where the table does not."""
    await queue.enqueue("any", 1)
    (job,) = await claim(claims)
    rows("UPDATE tickover.job SET state = %s, lease_expires_at = now() - interval '1 hour', attempts = 3", before)
    if before is JobState.SCHEDULED:
        rows("UPDATE tickover.job SET run_at = now() + interval '1 hour'")
    read = "SELECT * FROM tickover.job"
    untouched = rows(read)
    await attempt_move(after, job, claims, database)
    assert rows(read) == untouched


async def test_the_database_knows_the_same_states(rows: Rows) -> None:
    """The check constraint of the table and the enum name the same states."""
    (check,) = rows("SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint WHERE conname = 'job_state_check'")
    assert {word for word in check["text"].split("'") if word.isalpha() and word.islower()} == set(JobState)


async def test_i4_a_claimed_job_is_not_claimed_again(queue: JobQueue, claims: Claims) -> None:
    """While its lease holds, nobody else wins it."""
    await queue.enqueue_many([])
    await queue.enqueue("any", 1)
    assert len(await claim(claims)) == 1
    assert await claim(claims) == []


async def test_i4_a_claim_that_hangs_holds_up_nobody(queue: JobQueue, claims: Claims, replica: Database) -> None:
    """Not committed yet, it keeps others from its own jobs; they wait a moment for their turn, then take the rest."""
    ids = [await queue.enqueue("any", n) for n in range(4)]
    async with replica.transaction() as hanging:
        cursor = await hanging.execute(
            b"SELECT id FROM tickover.claim_jobs(2, true, null, 60, 1, null, '{}', false, null, null)"
        )
        assert [row[0] for row in await cursor.fetchall()] == ids[:2]
        assert [job.id for job in await claim(claims)] == ids[2:]


async def test_i4_an_expired_lease_is_won_by_another(queue: JobQueue, claims: Claims, rows: Rows) -> None:
    """It costs an attempt, the fence grows, and what the former holder records is refused."""
    await queue.enqueue("any", 1)
    (first,) = await claim(claims)
    rows("UPDATE tickover.job SET lease_expires_at = now() - interval '1 second'")
    (second,) = await claim(claims)
    assert (second.id, second.fence, second.attempt) == (first.id, first.fence + 1, 2)
    assert await claims.renew([first]) == set()
    for outcome in (succeeded(first), handed_back(first), Outcome(first, Ending.DEAD, 1, "gone")):
        assert await claims.record([outcome]) == set()
    assert await claims.record([succeeded(second)]) == {second.id}
    assert rows("SELECT state, attempts, last_error FROM tickover.job") == [
        {"state": "succeeded", "attempts": 2, "last_error": None}
    ]


async def test_an_expired_lease_stands_where_it_stood(queue: JobQueue, claims: Claims, rows: Rows) -> None:
    """Before those that came later, after those that are more urgent."""
    expired = await queue.enqueue("any", 1)
    await claim(claims)
    rows("UPDATE tickover.job SET lease_expires_at = now() - interval '1 second'")
    urgent, _ = await queue.enqueue("any", 2, priority=9), await queue.enqueue("any", 3)
    assert [job.id for job in await claims.claim(2, reap=False)][:1] == [urgent]
    assert [job.id for job in await claims.claim(1, reap=True)] == [expired]


async def test_i4_of_many_outcomes_those_held_are_recorded(queue: JobQueue, claims: Claims) -> None:
    """One lost job in a batch of three does not spoil the other two."""
    for n in range(3):
        await queue.enqueue("any", n)
    one, lost, three = await claim(claims)
    outcomes = [succeeded(one), succeeded(lost._replace(fence=lost.fence - 1)), handed_back(three)]
    assert await claims.record(outcomes) == {one.id, three.id}


async def test_i4_an_outcome_is_recorded_once(queue: JobQueue, claims: Claims) -> None:
    """The second time, the job is not held any more."""
    await queue.enqueue("any", 1)
    (job,) = await claim(claims)
    assert await claims.record([succeeded(job)]) == {job.id}
    assert await claims.record([succeeded(job)]) == set()


async def test_a_lease_is_renewed_by_its_holder(queue: JobQueue, claims: Claims, rows: Rows) -> None:
    """The renewed lease ends later than before."""
    await queue.enqueue("any", 1)
    (job,) = await claim(claims)
    rows("UPDATE tickover.job SET lease_expires_at = now()")
    assert await claims.renew([job]) == {job.id}
    assert rows("SELECT lease_expires_at > now() + interval '50 seconds' AS later FROM tickover.job") == [
        {"later": True}
    ]


async def test_i4_the_fence_only_grows(queue: JobQueue, claims: Claims, rows: Rows) -> None:
    """Through hand-back, dead letter and requeue, every claim has a higher fence than the one before."""
    await queue.enqueue("any", 1)
    fences = []
    for ending in (Ending.HANDED_BACK, Ending.DEAD, Ending.SUCCEEDED):
        (job,) = await claim(claims)
        fences.append(job.fence)
        await claims.record([Outcome(job, ending, 1)])
        await queue.requeue([job.id])
    assert fences == [1, 2, 3]
    assert rows("SELECT fence, state FROM tickover.job") == [{"fence": 3, "state": "succeeded"}]
