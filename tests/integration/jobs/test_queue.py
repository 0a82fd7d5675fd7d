"""Looking at the queue and requeueing dead letters."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.waiting import eventually
from tickover.database import Database
from tickover.jobs.new_job import NewJob
from tickover.jobs.queue import JobQueue
from tickover.jobs.states import JobState

Rows = Callable[..., list[dict[str, Any]]]

KILL = "UPDATE tickover.job SET state = 'dead', attempts = 5, fence = 5, last_error = 'gone', finished_at = now()"


async def dead_letters(queue: JobQueue, rows: Rows, *jobs: NewJob) -> list[int]:
    """Jobs that have used up their attempts; none of them shared a dedupe key while alive."""
    ids = []
    for job in jobs:
        ids += await queue.enqueue_many([job])
        rows(f"{KILL} WHERE id = %s", ids[-1])
    return ids


async def test_i4_a_requeued_dead_letter_is_due_with_all_its_attempts(queue: JobQueue, rows: Rows) -> None:
    """Attempts are back to zero, the fence and the last error stay, and only the ids named are touched."""
    first, second = await dead_letters(queue, rows, NewJob("a", 1), NewJob("a", 2))
    assert await queue.requeue([first, 2**70, -1]) == [first]
    assert rows(
        "SELECT id, state, attempts, fence, last_error, run_at <= now() AS due, finished_at FROM tickover.job"
        " WHERE state <> 'dead'"
    ) == [
        {
            "id": first,
            "state": "queued",
            "attempts": 0,
            "fence": 5,
            "last_error": "gone",
            "due": True,
            "finished_at": None,
        }
    ]
    assert [job.id for job in await queue.list(state=JobState.DEAD)] == [second]


async def test_i4_a_race_to_requeue_has_one_winner(queue: JobQueue, replica: Database, rows: Rows) -> None:
    """A job that somebody else requeues meanwhile, and a drain then claims, is not pulled back into the queue."""
    (dead,) = await dead_letters(queue, rows, NewJob("a", 1))

    async def is_waiting() -> bool:
        return bool(
            rows("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%Dead letters%%'")
        )

    async with replica.transaction() as connection:
        await connection.execute(b"UPDATE tickover.job SET state = 'running'")
        task = asyncio.create_task(queue.requeue([dead]))
        await eventually(is_waiting)
    assert await task == []
    assert rows("SELECT state FROM tickover.job") == [{"state": "running"}]


async def test_all_dead_letters_of_a_kind_are_requeued(queue: JobQueue, rows: Rows) -> None:
    """More than one batch of them; those of another kind stay dead."""
    await queue.enqueue_many([NewJob("a", n) for n in range(2500)] + [NewJob("b", 1)])
    rows(KILL)
    assert len(await queue.requeue(kind="a")) == 2500
    assert rows("SELECT kind, state, count(*) FROM tickover.job GROUP BY 1, 2 ORDER BY 1") == [
        {"kind": "a", "state": "queued", "count": 2500},
        {"kind": "b", "state": "dead", "count": 1},
    ]


async def test_a_dead_letter_whose_key_is_taken_stays_dead(queue: JobQueue, rows: Rows) -> None:
    """An unfinished job with its dedupe key stands for it."""
    (dead,) = await dead_letters(queue, rows, NewJob("a", 1, dedupe_key="k"))
    await queue.enqueue("a", 2, dedupe_key="k")
    assert await queue.requeue([dead]) == []
    assert await queue.requeue(kind="a") == []


async def test_of_dead_letters_with_one_key_the_newest_is_requeued(queue: JobQueue, rows: Rows) -> None:
    """The older ones stay dead; those without a key do not count as having the same."""
    keyed = NewJob("a", 1, dedupe_key="k")
    _, newest, free, free_too = await dead_letters(queue, rows, keyed, keyed, NewJob("a", 2), NewJob("a", 3))
    assert await queue.requeue(kind="a") == [newest, free, free_too]


@pytest.mark.parametrize("named", [{}, {"ids": [1], "kind": "a"}])
async def test_requeue_needs_one_way_of_naming(queue: JobQueue, named: dict[str, Any]) -> None:
    """Neither everything by accident, nor two conditions at once."""
    with pytest.raises(ValueError, match="either the ids or the kind"):
        await queue.requeue(**named)


async def test_jobs_are_listed_newest_first(queue: JobQueue, rows: Rows) -> None:
    """By state and kind, up to a limit, without payloads."""
    a, b, c = await queue.enqueue_many([NewJob("a", 1), NewJob("b", 2), NewJob("a", 3)])
    assert [job.id for job in await queue.list()] == [c, b, a]
    assert [job.id for job in await queue.list(kind="a", limit=1)] == [c]
    rows("UPDATE tickover.job SET state = 'dead' WHERE id = %s", a)
    (dead,) = await queue.list(state=JobState.DEAD)
    assert (dead.id, dead.state, dead.payload) == (a, JobState.DEAD, None)


@pytest.mark.parametrize("limit", [0, -1, 1001])
async def test_a_list_is_bounded(queue: JobQueue, limit: int) -> None:
    """A limit that is none is refused."""
    with pytest.raises(ValueError, match="limit"):
        await queue.list(limit=limit)


@pytest.mark.parametrize("job_id", [1, 0, -5, 2**63])
async def test_a_job_that_is_not_there_is_none(queue: JobQueue, job_id: int) -> None:
    """Also for numbers that can be nobody's id."""
    assert await queue.show(job_id) is None
