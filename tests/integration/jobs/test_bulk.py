"""Acts on all jobs that match: in batches, by two replicas, through deaths and stops."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.waiting import eventually
from tickover.database import Async, Database
from tickover.errors import JobFilterError, WrongEnvironmentError
from tickover.execution.budget import Budget
from tickover.isolation.verdict import Verdict
from tickover.jobs.acts import move
from tickover.jobs.bulk import BulkAct, BulkActs
from tickover.jobs.bulk_runner import BulkRunner
from tickover.jobs.bulk_states import BulkState
from tickover.jobs.filters import JobFilter
from tickover.jobs.new_job import NewJob
from tickover.jobs.queue import JobQueue
from tickover.jobs.states import Act, JobState

Rows = Callable[..., list[dict[str, Any]]]

KILL = "UPDATE tickover.job SET state = 'dead', attempts = 5, last_error = 'gone', finished_at = now()"
STATES = "SELECT kind, state, count(*) FROM tickover.job GROUP BY 1, 2 ORDER BY 1, 2"
LONG = 60.0
DEAD = JobFilter(kind="a", state=JobState.DEAD)


@pytest.fixture
def acts(database: Database) -> BulkActs:
    """Acts in batches of ten."""
    return BulkActs(database, batch=10)


class Through:
    """A gate that lets everybody through, or nobody."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.asked = 0
        self._is_open = is_open

    async def require(self) -> Verdict:
        """Asked for the first time."""
        self.asked += 1
        if not self._is_open:
            raise WrongEnvironmentError("preview", [])
        return Verdict.__new__(Verdict)


async def ended(acts: BulkActs, act: BulkAct) -> BulkAct:
    """The act, carried out to its end."""
    while await acts.step(Budget.of(LONG)):
        pass
    found = await acts.read(act.id)
    assert found is not None
    return found


async def dead_letters(queue: JobQueue, rows: Rows, count: int) -> None:
    """Dead letters of the kind a, and two of b."""
    await queue.enqueue_many([NewJob("a", n) for n in range(count)] + [NewJob("b", 1), NewJob("b", 2)])
    rows(KILL)


async def test_an_act_is_carried_out_to_its_end(queue: JobQueue, acts: BulkActs, rows: Rows) -> None:
    """Every dead letter of a kind, and no other; figures, place and one row of audit."""
    await dead_letters(queue, rows, 95)
    begun = await acts.start(Act.REQUEUE, DEAD, "ann", " mended ")
    assert (begun.state, begun.total, begun.is_total_exact, begun.share) == (BulkState.RUNNING, 95, True, 0.0)
    act = await ended(acts, begun)
    assert (act.state, act.done, act.skipped, act.share, act.error) == (BulkState.DONE, 95, 0, 1.0, None)
    assert act.ended_at is not None
    assert rows(STATES) == [
        {"kind": "a", "state": "queued", "count": 95},
        {"kind": "b", "state": "dead", "count": 2},
    ]
    assert rows("SELECT action, subject, by, reason, evidence FROM tickover.audit") == [
        {
            "action": "jobs.requeue",
            "subject": "jobs",
            "by": "ann",
            "reason": "mended",
            "evidence": {"bulk_act": act.id, "filter": {"kind": "a", "state": "dead"}, "total": 95},
        }
    ]
    assert [recent.id for recent in await acts.recent()] == [act.id]
    assert await acts.step(Budget.of(LONG)) is False


async def test_a_job_that_arrives_later_is_not_touched(queue: JobQueue, acts: BulkActs, rows: Rows) -> None:
    """Not even where it matches by the time its turn would come."""
    await dead_letters(queue, rows, 25)
    act = await acts.start(Act.DISCARD, JobFilter(kind="a"), "ann", "wrong")
    later = await queue.enqueue("a", 1)
    assert (await ended(acts, act)).done == 25
    assert rows("SELECT id FROM tickover.job WHERE kind = 'a' AND state <> 'discarded'") == [{"id": later}]


async def test_each_step_ends_in_time_and_the_next_one_goes_on(queue: JobQueue, acts: BulkActs, rows: Rows) -> None:
    """No time at all is one batch; what is done is seen at once."""
    await dead_letters(queue, rows, 25)
    act = await acts.start(Act.REQUEUE, DEAD, "ann", "mended")
    progress = []
    while await acts.step(Budget.of(0.0)):
        found = await acts.read(act.id)
        assert found is not None
        progress.append((found.done, found.state))
    assert progress == [(10, "running"), (20, "running"), (25, "done")]


async def test_two_replicas_do_not_work_at_one_act(
    queue: JobQueue, acts: BulkActs, replica: Database, rows: Rows
) -> None:
    """While one holds the lease, the other finds nothing to do; every job is moved once."""
    await dead_letters(queue, rows, 95)
    act = await acts.start(Act.REQUEUE, DEAD, "ann", "mended")
    other = BulkActs(replica, batch=10)
    async with replica.transaction() as connection:
        await connection.execute(b"SELECT FROM tickover.job WHERE kind = 'a' AND state = 'dead' FOR UPDATE")
        task = asyncio.create_task(acts.step(Budget.of(LONG)))

        async def is_at_it() -> bool:
            return bool(rows("SELECT 1 FROM tickover.bulk_act WHERE lease_expires_at > now()"))

        await eventually(is_at_it)
        assert await other.step(Budget.of(LONG)) is False
    assert await task is True
    both = await asyncio.gather(ended(acts, act), ended(other, act))
    assert {found.done for found in both} == {95}


async def test_a_killed_process_loses_no_place_and_does_nothing_twice(
    queue: JobQueue, acts: BulkActs, replica: Database, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server cuts its connection inside the third batch, jobs moved: none of that is kept, and another goes on."""
    await dead_letters(queue, rows, 55)
    act = await acts.start(Act.REQUEUE, DEAD, "ann", "mended")
    batches = 0

    async def die(connection: Async, *arguments: Any) -> list[int]:
        nonlocal batches
        batches += 1
        moved = await move(connection, *arguments)
        if batches == 3:
            rows("SELECT pg_terminate_backend(%s)", connection.info.backend_pid)
        return moved

    monkeypatch.setattr("tickover.jobs.bulk.move", die)
    with pytest.raises(psycopg.OperationalError):
        await acts.step(Budget.of(LONG))
    found = await acts.read(act.id)
    assert found is not None
    assert (found.done, found.state) == (20, BulkState.RUNNING)
    assert rows("SELECT count(*) FROM tickover.job WHERE state = 'queued'") == [{"count": 20}]
    other = BulkActs(replica, batch=10)
    assert await other.step(Budget.of(LONG)) is False  # the lease of the dead one has not expired
    rows("UPDATE tickover.bulk_act SET lease_expires_at = now() - interval '1 s'")
    last = await ended(other, act)
    assert (last.done, last.skipped, last.state, last.fence) == (55, 0, BulkState.DONE, 2)


async def test_who_has_lost_the_lease_moves_nothing(
    queue: JobQueue, acts: BulkActs, replica: Database, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that hung between two batches finds the act done by another."""
    await dead_letters(queue, rows, 25)
    act = await acts.start(Act.REQUEUE, DEAD, "ann", "mended")
    carry_out, hung = BulkActs._carry_out, False

    async def hang(self: BulkActs, claim: Any) -> bool:
        nonlocal hung
        if self is acts and not hung:
            hung = True
            rows("UPDATE tickover.bulk_act SET lease_expires_at = now() - interval '1 s'")
            assert (await ended(BulkActs(replica, batch=10), act)).done == 25
            rows(f"{KILL} WHERE kind = 'a'")
        return await carry_out(self, claim)

    monkeypatch.setattr(BulkActs, "_carry_out", hang)
    assert await acts.step(Budget.of(LONG)) is True
    assert rows("SELECT DISTINCT state FROM tickover.job") == [{"state": "dead"}]


async def test_an_act_is_stopped_between_two_batches(
    queue: JobQueue, acts: BulkActs, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While somebody is at it, it is stopping; the batch under way counts, the next one is not begun."""
    await dead_letters(queue, rows, 55)
    act = await acts.start(Act.REQUEUE, DEAD, "ann", "mended")
    carry_out, said = BulkActs._carry_out, list[BulkState]()

    async def stop(self: BulkActs, claim: Any) -> bool:
        may_go_on = await carry_out(self, claim)
        if not said:
            stopping = await self.stop(act.id, "bob")
            assert stopping is not None
            said.append(stopping.state)
        return may_go_on

    monkeypatch.setattr(BulkActs, "_carry_out", stop)
    last = await ended(acts, act)
    assert said == [BulkState.STOPPING]
    assert (last.state, last.done) == (BulkState.STOPPED, 10)
    assert [row["action"] for row in rows("SELECT action FROM tickover.audit ORDER BY id")] == [
        "jobs.requeue",
        "jobs.bulk_stop",
    ]


async def test_what_nobody_is_at_is_stopped_at_once_and_an_end_stays(
    queue: JobQueue, acts: BulkActs, rows: Rows
) -> None:
    """A second stop changes nothing, and tells nobody; one that is not there is none."""
    await dead_letters(queue, rows, 5)
    act = await acts.start(Act.REQUEUE, DEAD, "ann", "mended")
    for _ in range(2):
        stopped = await acts.stop(act.id, "bob")
        assert stopped is not None
        assert stopped.state is BulkState.STOPPED
    assert await acts.step(Budget.of(LONG)) is False
    assert rows("SELECT count(*) FROM tickover.audit WHERE action = 'jobs.bulk_stop'") == [{"count": 1}]
    assert (await acts.stop(99, "bob"), await acts.stop(2**70, "bob"), await acts.read(0)) == (None, None, None)


@pytest.mark.parametrize(
    ("act", "asked", "reason", "fault"),
    [
        (Act.REQUEUE, JobFilter(state=JobState.RUNNING), "why", "it is running"),
        (Act.DISCARD, JobFilter(state=JobState.SUCCEEDED), "why", "it is succeeded"),
        (Act.RUN_NOW, JobFilter(state=JobState.DEAD), "why", "it is dead"),
        (Act.REQUEUE, JobFilter(), "  ", "say why"),
    ],
)
async def test_an_act_that_makes_no_sense_is_not_begun(
    acts: BulkActs, rows: Rows, act: Act, asked: JobFilter, reason: str, fault: str
) -> None:
    """A state in which no job can be acted on so, or no reason: nothing is stored."""
    with pytest.raises(JobFilterError, match=fault):
        await acts.start(act, asked, "ann", reason)
    assert rows("SELECT 1 FROM tickover.bulk_act UNION SELECT 1 FROM tickover.audit") == []


async def test_running_and_succeeded_jobs_are_never_touched(queue: JobQueue, acts: BulkActs, rows: Rows) -> None:
    """A discard of everything leaves them as they are."""
    await queue.enqueue_many([NewJob("a", n) for n in range(60)])
    rows("UPDATE tickover.job SET state = (ARRAY['running', 'succeeded', 'queued', 'dead', 'scheduled'])[1 + id %% 5]")
    act = await acts.start(Act.DISCARD, JobFilter(), "ann", "all")
    assert (await ended(acts, act)).done == 36
    assert rows("SELECT state, count(*) FROM tickover.job GROUP BY 1 ORDER BY 1") == [
        {"state": "discarded", "count": 36},
        {"state": "running", "count": 12},
        {"state": "succeeded", "count": 12},
    ]


async def test_of_dead_letters_with_one_key_the_newest_is_requeued(queue: JobQueue, acts: BulkActs, rows: Rows) -> None:
    """Within a batch and across batches; the others are counted as skipped."""
    for _ in range(25):
        await queue.enqueue("a", 1, dedupe_key="k")
        rows(KILL)
    act = await ended(acts, await acts.start(Act.REQUEUE, DEAD, "ann", "mended"))
    assert (act.done, act.skipped) == (1, 24)
    assert rows("SELECT state FROM tickover.job ORDER BY id DESC LIMIT 2") == [{"state": "queued"}, {"state": "dead"}]


async def test_a_filter_holds_for_every_batch(queue: JobQueue, acts: BulkActs, rows: Rows) -> None:
    """Client, error and age, as they were when the act began."""
    await queue.enqueue_many([NewJob("a", n, client_id="acme" if n % 2 else "beta") for n in range(60)])
    rows(KILL)
    rows("UPDATE tickover.job SET last_error = '50%% Off', created_at = now() - interval '2 h' WHERE id %% 3 = 0")
    asked = JobFilter(client_id="acme", error="% off", older_than=timedelta(hours=1))
    act = await ended(acts, await acts.start(Act.REQUEUE, asked, "ann", "mended"))
    assert (act.done, act.total) == (10, 10)
    assert rows("SELECT count(*), min(client_id), max(last_error) FROM tickover.job WHERE state = 'queued'") == [
        {"count": 10, "min": "acme", "max": "50% Off"}
    ]


async def test_an_act_that_the_database_refuses_says_why(queue: JobQueue, acts: BulkActs, rows: Rows) -> None:
    """It has failed, what was done before stays, and nobody tries for ever."""
    await dead_letters(queue, rows, 15)
    act = await acts.start(Act.REQUEUE, DEAD, "ann", "mended")
    rows("ALTER TABLE tickover.job ADD CONSTRAINT none CHECK (state <> 'queued' OR id > 5)")
    last = await ended(acts, act)
    assert (last.state, last.done) == (BulkState.FAILED, 10)
    assert 'violates check constraint "none"' in str(last.error)


async def test_acts_that_ended_long_ago_are_forgotten(queue: JobQueue, acts: BulkActs, rows: Rows) -> None:
    """Those that go on, and the audit, stay."""
    await dead_letters(queue, rows, 5)
    old = await ended(acts, await acts.start(Act.REQUEUE, DEAD, "ann", "mended"))
    kept = await acts.start(Act.REQUEUE, DEAD, "ann", "mended")
    rows(
        "UPDATE tickover.bulk_act SET ended_at = ended_at - interval '31 days', created_at = now() - interval '90 days'"
    )
    await acts.forget(timedelta(days=30))
    assert (await acts.read(old.id), [act.id for act in await acts.recent()]) == (None, [kept.id])
    assert rows("SELECT count(*) FROM tickover.audit") == [{"count": 2}]


async def test_a_process_carries_acts_on_in_its_background(queue: JobQueue, acts: BulkActs, rows: Rows) -> None:
    """Once it is urged, through one act after the other, asking the gate each time; closing lets go."""
    await dead_letters(queue, rows, 55)
    gate = Through()
    runner = BulkRunner(acts, gate)
    first = await acts.start(Act.REQUEUE, DEAD, "ann", "mended")
    second = await acts.start(Act.DISCARD, JobFilter(kind="b"), "ann", "wrong")
    runner.urge()
    runner.urge()

    async def are_over() -> bool:
        return all(act.is_over for act in await acts.recent())

    await eventually(are_over)
    await runner.close()
    assert gate.asked >= 2
    assert [act.done for act in await acts.recent()] == [2, 55]
    assert [act.id for act in await acts.recent()] == [second.id, first.id]


async def test_i5_nothing_is_carried_on_in_the_wrong_environment(queue: JobQueue, acts: BulkActs, rows: Rows) -> None:
    """The runner asks first; the act stays for whoever may."""
    await dead_letters(queue, rows, 5)
    gate = Through(is_open=False)
    runner = BulkRunner(acts, gate)
    act = await acts.start(Act.REQUEUE, DEAD, "ann", "mended")
    runner.urge()

    async def has_asked() -> bool:
        return gate.asked > 0

    await eventually(has_asked)
    await runner.close()
    assert (await acts.read(act.id)) == act
