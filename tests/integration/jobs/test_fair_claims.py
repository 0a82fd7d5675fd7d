"""The database claims as the pure model says, and keeps to quotas, caps and limits, across replicas."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tickover import DrainSettings, Job, Limit, NewJob, Order, clock, drain
from tickover.database import Database
from tickover.jobs.claims import Claimed, Claims, Outcome, Terms
from tickover.jobs.fairness import Client, choose
from tickover.jobs.limits import declare_limits
from tickover.jobs.queue import JobQueue
from tickover.jobs.slice import Slice
from tickover.jobs.states import Ending

Rows = Callable[..., list[dict[str, Any]]]

NAMES = st.text("abc", max_size=2)
CLIENTS = st.dictionaries(
    NAMES,
    st.builds(Client, queued=st.integers(1, 12), quota=st.integers(1, 3), room=st.none() | st.integers(1, 4)),
    max_size=5,
)
CHOOSE = "SELECT chosen, last_served FROM tickover.choose_fairly(0::smallint, %s, %s, %s, 1, NULL)"
WHOSE = """
  SELECT coalesce(j.client_id, '')
  FROM unnest(%s::tid[]) WITH ORDINALITY c(tid, n) JOIN tickover.job j ON j.ctid = c.tid
  ORDER BY n
"""
FILL = """
  INSERT INTO tickover.job (kind, client_id, payload) SELECT 'any', nullif(%s, ''), '{}' FROM generate_series(1, %s)
"""
CAP = "INSERT INTO tickover.client_quota (client_id, max_running) VALUES (%s, 1)"


def claims(database: Database, terms: Terms | None = None, client_id: str | None = None) -> Claims:
    """What one replica does to jobs."""
    return Claims(Slice.lasting(database, 60, client_id), terms or Terms())


def clients_of(jobs: list[Claimed]) -> list[str | None]:
    """Whose the claimed jobs are, in the order in which they are to be started."""
    return [job.client_id for job in jobs]


async def enqueue(queue: JobQueue, *clients: tuple[str | None, int], kind: str = "any", **options: Any) -> None:
    """So many jobs for each client, one client after the other."""
    for client, count in clients:
        await queue.enqueue_many([NewJob(kind, n, client_id=client, **options) for n in range(count)])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CLIENTS, NAMES, st.integers(1, 20))
def test_the_database_chooses_as_the_model_does(
    database_dsn: str, clients: dict[str, Client], served: str, wanted: int
) -> None:
    """Any clients, quotas and caps, from any place in the ring: the same jobs in the same order."""
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        connection.execute("DELETE FROM tickover.job")
        connection.execute("DELETE FROM tickover.client_quota")
        for name, client in clients.items():
            connection.execute(FILL, (name, client.queued))
            if name:
                connection.execute(
                    "INSERT INTO tickover.client_quota VALUES (%s, %s, %s)", (name, client.quota, client.room)
                )
        known = {name: client if name else Client(client.queued) for name, client in clients.items()}
        row = connection.execute(CHOOSE, (served, wanted, wanted)).fetchone()
        assert row is not None
        chosen = [name for (name,) in connection.execute(WHOSE, (row[0] or [],)).fetchall()]
    assert chosen == choose(known, served, wanted)
    if chosen:
        assert row[1] == chosen[-1]


async def test_a_big_client_does_not_keep_the_small_ones_waiting(queue: JobQueue, database: Database) -> None:
    """A thousand jobs were there before the ten of each other client: those come in the first ten rounds."""
    await enqueue(queue, ("big", 1000), *((f"small-{n}", 10) for n in range(9)))
    first = [name for _ in range(4) for name in clients_of(await claims(database).claim(25, reap=False))]
    assert Counter(first) == {"big": 10, **{f"small-{n}": 10 for n in range(9)}}


async def test_first_in_first_out_goes_by_priority_and_time(queue: JobQueue, database: Database) -> None:
    """Whosever they are."""
    await enqueue(queue, ("big", 5), ("small", 1))
    await enqueue(queue, ("late", 1), priority=1)
    jobs = await claims(database, Terms(fairly=False)).claim(10, reap=False)
    assert clients_of(jobs) == ["late", *["big"] * 5, "small"]


async def test_a_clients_own_jobs_go_by_priority(queue: JobQueue, database: Database) -> None:
    """A priority moves a job before the others of its client, not before those of others."""
    await enqueue(queue, ("a", 2), ("b", 1))
    await enqueue(queue, ("b", 1), priority=9)
    jobs = await claims(database).claim(10, reap=False)
    assert [(job.client_id, job.payload) for job in jobs] == [("a", "0"), ("b", "0"), ("a", "1"), ("b", "0")]
    assert jobs[1].id > jobs[3].id


async def test_what_is_left_over_goes_to_those_who_have_more(queue: JobQueue, database: Database) -> None:
    """A claim is full as long as there is enough, although most clients have a single job."""
    await enqueue(queue, ("big", 100), *((f"small-{n}", 1) for n in range(9)))
    assert Counter(clients_of(await claims(database).claim(50, reap=False)))["big"] == 41


async def test_a_quota_in_the_database_counts(queue: JobQueue, database: Database, rows: Rows) -> None:
    """Who has paid for three gets three a round, the others what the drain says."""
    rows("INSERT INTO tickover.client_quota (client_id, quota) VALUES ('gold', 3)")
    await enqueue(queue, ("gold", 9), ("b", 9))
    jobs = await claims(database, Terms(quota=2)).claim(10, reap=False)
    assert "".join(str(job.client_id)[0] for job in jobs) == "bbgggbbggg"


async def test_a_cap_holds_across_replicas(queue: JobQueue, database: Database, replica: Database, rows: Rows) -> None:
    """Two replicas, two jobs of a client in flight; when one has ended, another may run. The others go on."""
    rows("INSERT INTO tickover.client_quota (client_id, max_running) VALUES ('capped', 2), ('free', 1000)")
    await enqueue(queue, ("capped", 9), ("free", 5), ("other", 9))
    one, other = claims(database, Terms(max_running=3)), claims(replica, Terms(max_running=3))
    first = await one.claim(4, reap=False)
    assert Counter(clients_of(first) + clients_of(await other.claim(20, reap=False))) == {
        "capped": 2, "free": 5, "other": 3
    }  # fmt: skip
    assert await other.claim(20, reap=False) == []
    ended = next(job for job in first if job.client_id == "capped")
    await one.record([Outcome(ended, Ending.SUCCEEDED, 1, is_plain=True)])
    assert clients_of(await other.claim(20, reap=False)) == ["capped"]


async def test_clients_at_their_cap_do_not_hide_the_others(queue: JobQueue, database: Database, rows: Rows) -> None:
    """A hundred clients that may not run anything stand before one that may, and only one job is wanted."""
    await enqueue(queue, *((f"a-{n:03}", 2) for n in range(100)), ("z", 1))
    for n in range(100):
        rows(CAP, f"a-{n:03}")
    assert len(await claims(database).claim(100, reap=False)) == 100
    assert clients_of(await claims(database).claim(1, reap=False)) == ["z"]


async def test_a_tick_narrowed_to_a_client_claims_its_jobs_only(queue: JobQueue, database: Database) -> None:
    """Up to its cap."""
    await enqueue(queue, ("a", 3), ("b", 9))
    narrowed = claims(database, Terms(max_running=4), "b")
    assert clients_of(await narrowed.claim(20, reap=False)) == ["b"] * 4
    assert await narrowed.claim(20, reap=False) == []


async def test_what_is_scheduled_is_claimed_when_its_time_has_come(
    queue: JobQueue, database: Database, rows: Rows
) -> None:
    """Not before."""
    await queue.enqueue_many([NewJob("any", n, run_at=clock.now() + timedelta(hours=1, minutes=n)) for n in range(60)])
    assert await claims(database).claim(100, reap=False) == []
    rows("UPDATE tickover.job SET run_at = now() - interval '1 second' WHERE mod(id, 2) = 0")
    assert len(await claims(database).claim(100, reap=False)) == 30


@pytest.mark.parametrize("order", [Order.FAIR, Order.FIFO])
async def test_a_kind_runs_no_more_than_it_may_across_replicas(
    queue: JobQueue, database: Database, replica: Database, order: Order
) -> None:
    """Two replicas with eight workers each, and never more than three of the kind at a time; the other kind is free."""
    await enqueue(queue, ("a", 30), kind="limited")
    await enqueue(queue, ("a", 30), kind="free")
    running, most = Counter[str](), Counter[str]()

    async def work(job: Job) -> None:
        running[job.kind] += 1
        most[job.kind] = max(most[job.kind], running[job.kind])
        await asyncio.sleep(0.005)
        running[job.kind] -= 1

    config = DrainSettings(order=order, limits={"limited": Limit(running=3)})
    done = 0
    while done < 60:
        sums = await asyncio.gather(
            *(drain(own, {"limited": work, "free": work}, budget=timedelta(seconds=20), settings=config)
              for own in (database, replica))
        )  # fmt: skip
        done += sum(one.changed for one in sums)
    assert most["limited"] <= 3 < most["free"]


async def test_a_rate_holds_across_replicas(queue: JobQueue, database: Database, replica: Database, rows: Rows) -> None:
    """Five an hour: five start at once, the sixth when a fifth of the hour is over."""
    await declare_limits(database, ["limited"], {"limited": Limit(rate=5, per=timedelta(hours=1))})
    await enqueue(queue, ("a", 20), kind="limited")
    assert len(await claims(database).claim(3, reap=False)) == 3
    assert len(await claims(replica).claim(20, reap=False)) == 2
    assert await claims(database).claim(20, reap=False) == []
    rows("UPDATE tickover.lane SET spent_until = spent_until - interval '13 minutes'")
    assert len(await claims(replica).claim(20, reap=False)) == 1


async def test_a_limited_kind_does_not_keep_the_others_waiting(queue: JobQueue, database: Database) -> None:
    """Hundreds of jobs that may not run stand before one that may; and the limited kind gets its turn as well."""
    await declare_limits(database, ["limited"], {"limited": Limit(running=1)})
    await enqueue(queue, ("a", 300), kind="limited")
    await enqueue(queue, ("a", 300), kind="free")
    kinds = [job.kind for _ in range(4) for job in await claims(database).claim(1, reap=False)]
    assert Counter(kinds) == {"limited": 1, "free": 3}


async def test_lanes_take_turns_to_go_first(queue: JobQueue, database: Database) -> None:
    """Two that could each fill every claim, now that the one has no limits any more: each gets its share."""
    await declare_limits(database, ["once-limited"], {"once-limited": Limit(running=1)})
    await declare_limits(database, ["once-limited"], {})
    await enqueue(queue, ("a", 300), kind="once-limited")
    await enqueue(queue, ("a", 300), kind="free")
    kinds = [job.kind for _ in range(10) for job in await claims(database).claim(5, reap=False)]
    assert Counter(kinds) == {"once-limited": 25, "free": 25}


async def test_jobs_that_were_there_before_the_limit_are_held_to_it(
    queue: JobQueue, database: Database, rows: Rows
) -> None:
    """They move to the lane of their kind when they come to be claimed, which costs no attempt."""
    await enqueue(queue, ("a", 50), kind="limited")
    running, most = Counter[str](), Counter[str]()

    async def work(job: Job) -> None:
        assert job.attempt == 1
        running[job.kind] += 1
        most[job.kind] = max(most[job.kind], running[job.kind])
        await asyncio.sleep(0)
        running[job.kind] -= 1

    config = DrainSettings(limits={"limited": Limit(running=2)})
    await drain(database, {"limited": work}, budget=timedelta(seconds=20), settings=config)
    assert most["limited"] <= 2
    assert rows("SELECT state, attempts, count(*) AS n FROM tickover.job GROUP BY 1, 2") == [
        {"state": "succeeded", "attempts": 1, "n": 50}
    ]


async def test_a_limit_that_is_gone_sets_the_kind_free(queue: JobQueue, database: Database) -> None:
    """A drain with a handler for the kind and no limit lifts what was declared before; of other kinds it does not."""
    await declare_limits(database, ["x", "y"], {"x": Limit(running=1), "y": Limit(running=1)})
    await enqueue(queue, ("a", 9), kind="x")
    await enqueue(queue, ("a", 9), kind="y")
    await declare_limits(database, ["x"], {})
    assert Counter(job.kind for job in await claims(database).claim(100, reap=False)) == {"x": 9, "y": 1}


async def test_limits_declared_at_once_get_lanes_of_their_own(database: Database, replica: Database) -> None:
    """Eight replicas that start together with different kinds."""
    kinds = [f"kind-{n}" for n in range(8)]
    declared = await asyncio.gather(
        *(declare_limits((database, replica)[n % 2], [kind], {kind: Limit(running=1)}) for n, kind in enumerate(kinds))
    )
    assert sorted(lane for lanes in declared for lane in lanes.values()) == list(range(1, 9))


def test_a_limit_that_limits_nothing_is_refused() -> None:
    """Nothing given, nothing above zero, no time; and a limit for a kind without a handler."""
    for bad in ({}, {"running": 0}, {"rate": 0}, {"rate": 1, "per": timedelta()}):
        with pytest.raises(ValueError, match="a limit needs"):
            Limit(**bad)
