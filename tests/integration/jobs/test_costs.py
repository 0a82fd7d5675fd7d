"""What a job costs the database, by what it counts itself: commits, WAL, rows read; whatever else the table holds."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.conftest import database_uri
from tests.waiting import eventually
from tickover import DrainSettings, Job, NewJob, Order, clock, drain
from tickover.database import Database
from tickover.jobs.queue import JobQueue
from tickover.jobs.states import JobState
from tickover.sql import statement

JOBS = 10_000
CLAIM = "SELECT * FROM tickover.claim_jobs(1000, %s, null, 60, 1, null, '{}', true, null, null)"
FILL = """
  INSERT INTO tickover.job (kind, client_id, payload, state, run_at, finished_at, created_at)
  SELECT 'any', 'c' || mod(n, 500), '{}', %(state)s::text, now() + %(due)s, %(finished)s, now() - interval '1 day'
  FROM generate_series(1, %(count)s) n
"""
STATES = {state.name.lower(): str(state) for state in JobState}
READ = "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_xact_user_tables WHERE relid = 'tickover.job'::regclass"
LIMITS = {"wal": 900, "commits": 0.02}


async def no_op(_: Job) -> None:
    """Nothing."""


@pytest.mark.parametrize("order", list(Order))
async def test_a_job_costs_few_commits(queue: JobQueue, database_dsn: str, order: Order) -> None:
    """Ten thousand jobs of a hundred clients: at most two commits in a hundred jobs, claims and outcomes in all."""
    await queue.enqueue_many([NewJob("any", {}, client_id=f"c{n % 100}") for n in range(JOBS)])
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        commits = _commits(connection)
        own = Database(database_dsn)
        await own.open()
        config = DrainSettings(order=order)
        summary = await drain(own, {"any": no_op}, budget=timedelta(seconds=60), settings=config)
        await own.close()
        assert summary.changed == JOBS

        async def counted() -> bool:
            return _commits(connection) > commits

        await eventually(counted)
        assert 0 < (_commits(connection) - commits) / JOBS < LIMITS["commits"]


@pytest.mark.parametrize("fairly", [True, False])
def test_a_job_costs_little_wal(database_dsn: str, fairly: bool) -> None:
    """A claim of a thousand jobs and the record of their success: at most 900 bytes a job, full pages left out."""
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        _fill(connection, "queued", 1000)
        claim = _explained(connection, CLAIM, (fairly,))
        held = connection.execute("SELECT array_agg(id)::text, array_agg(fence)::text FROM tickover.job").fetchone()
        assert held is not None
        parameters = {"id": held[0], "fence": held[1], **STATES}
        record = _explained(connection, statement("jobs/record_successes").decode(), parameters)
        states = connection.execute("SELECT state, count(*) FROM tickover.job GROUP BY 1").fetchall()
    assert states == [("succeeded", 1000)]
    assert 0 < (_wal(claim) + _wal(record)) / 1000 < LIMITS["wal"]


@pytest.fixture(scope="module")
def deep(postgres: str, template: str) -> Iterator[psycopg.Connection[Any]]:
    """A queue with as many future, finished and due jobs as can be made in seconds, never vacuumed."""
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(f"CREATE DATABASE deep_queue TEMPLATE {template}".encode())
        with psycopg.connect(database_uri(postgres, "deep_queue"), autocommit=True) as connection:
            connection.execute("ALTER TABLE tickover.job SET (autovacuum_enabled = false)")
            _fill(connection, "scheduled", 40_000, due=timedelta(days=30))
            _fill(connection, "succeeded", 40_000, finished=clock.now())
            _fill(connection, "queued", 40_000)
            yield connection
        server.execute("DROP DATABASE deep_queue WITH (FORCE)")


@pytest.mark.parametrize("fairly", [True, False])
def test_what_a_claim_reads_does_not_grow_with_the_table(deep: psycopg.Connection[Any], fairly: bool) -> None:
    """A thousand of 40,000 due jobs, beside 40,000 future and 40,000 finished: a few rows read for each."""
    with deep.transaction(force_rollback=True):
        before = _read(deep)
        assert len(deep.execute(CLAIM.encode(), (fairly,)).fetchall()) == 1000
        assert _read(deep) - before <= 4 * 1000 + 500


def test_what_a_look_reads_does_not_grow_with_the_table(deep: psycopg.Connection[Any]) -> None:
    """The queue's health: no more rows than it counts, and the oldest job is exact."""
    (oldest,) = deep.execute("SELECT min(run_at) FROM tickover.job WHERE state = 'queued'").fetchall()
    parameters = {"now": clock.now(), "client_id": "c7", "bound": 1001}
    with deep.transaction(force_rollback=True):
        before = _read(deep)
        row = deep.execute(statement("jobs/read_health"), parameters).fetchone()
        assert _read(deep) - before <= 1001 + 20
    assert row is not None
    assert (row[2], row[3]) == (oldest[0], 1001)
    with deep.transaction(force_rollback=True):
        before = _read(deep)
        row = deep.execute(statement("jobs/read_client_health"), parameters).fetchone()
        assert row is not None
        assert row[3] == 80
        assert _read(deep) - before <= 80 + 20


def test_by_plan_claiming_walks_its_own_index(deep: psycopg.Connection[Any]) -> None:
    """The very statements that claiming is made of: an index of due jobs, in its order, and nothing filtered out."""
    with deep.transaction(force_rollback=True):
        _set_as_the_function_does(deep)
        for text, index in (
            (_choice_by_clients(deep), "job_queued_by_client"),
            (_choice_by_time(deep), "job_queued"),
        ):
            plan = deep.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}".encode()).fetchone()
            assert plan is not None
            nodes = list(_nodes(plan[0][0]["Plan"]))
            shown = json.dumps(plan[0], indent=1)
            scans = [node for node in nodes if node.get("Relation Name") == "job"]
            assert {node["Node Type"] for node in scans} <= {"Index Scan", "Index Only Scan", "Tid Scan"}, shown
            assert {node["Index Name"] for node in scans if "Index Name" in node} == {index}, shown
            assert not [node for node in scans if node.get("Rows Removed by Filter", 0) > 0], shown


def test_no_plan_is_compiled_for_what_it_forbids(deep: psycopg.Connection[Any]) -> None:
    """Older servers count what is forbidden as endlessly dear, and would compile such a plan at every claim."""
    settings = deep.execute("SELECT proconfig FROM pg_proc WHERE 'enable_seqscan=off' = ANY (proconfig)").fetchall()
    assert len(settings) == 5
    assert all("jit=off" in setting for (setting,) in settings)


def _fill(
    connection: psycopg.Connection[Any], state: str, count: int, *, due: timedelta = timedelta(), finished: Any = None
) -> None:
    connection.execute(FILL, {"state": state, "due": due, "finished": finished, "count": count})


def _commits(connection: psycopg.Connection[Any]) -> int:
    connection.execute("SELECT pg_stat_clear_snapshot()")
    row = connection.execute("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()").fetchone()
    assert row is not None
    return int(row[0])


def _read(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(READ).fetchone()
    assert row is not None
    return int(row[0])


def _explained(connection: psycopg.Connection[Any], text: str, parameters: Any) -> dict[str, Any]:
    row = connection.execute(f"EXPLAIN (ANALYZE, WAL, FORMAT JSON) {text}".encode(), parameters).fetchone()
    assert row is not None
    return dict(row[0][0]["Plan"])


def _wal(plan: dict[str, Any]) -> int:
    """Bytes, without the images of whole pages that follow a checkpoint, whenever that is."""
    return int(plan["WAL Bytes"]) - 8192 * int(plan["WAL FPI"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _source(connection: psycopg.Connection[Any], function: str) -> str:
    row = connection.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", (function,)).fetchone()
    assert row is not None
    return str(row[0])


def _set_as_the_function_does(connection: psycopg.Connection[Any]) -> None:
    row = connection.execute("SELECT proconfig FROM pg_proc WHERE proname = 'claim_jobs'").fetchone()
    assert row is not None
    for setting in row[0]:
        name, _, value = setting.partition("=")
        connection.execute("SELECT set_config(%s, %s, true)", (name, value))


def _choice_by_clients(connection: psycopg.Connection[Any]) -> str:
    given = {"in_lane": "0", "served": "'c2'", "room": "1000", "ring": "1000", "default_quota": "1"}
    text = _source(connection, "choose_fairly").replace("default_max", "NULL::integer")
    for name, value in given.items():
        text = re.sub(rf"\b{name}\b", value, text)
    return text


def _choice_by_time(connection: psycopg.Connection[Any]) -> str:
    start = r"SELECT j\.ctid FROM tickover\.job j WHERE j\.lane = place\.lane AND j\.state = 'queued'\s+ORDER BY -"
    found = re.search(rf"(?s)({start}.*?)\);", _source(connection, "claim_jobs"))
    assert found is not None
    text: str = found[1]
    return text.replace("place.lane", "0").replace("want", "1000")
