"""Whether anything is due is asked at every tick: by index, whatever the statistics say of a queue just drained."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.plans import nodes, read
from tickover.sql import statement

JOBS = 50_000
READ_AT_MOST = 50  # rows, those that a filter drops included
FILL = """
  ALTER TABLE tickover.job SET (autovacuum_enabled = false);
  INSERT INTO tickover.job (kind, client_id, payload, state, run_at)
  SELECT 'email', 'client-' || n % 50, '{}', 'STATE', now() - interval '1 day' FROM generate_series(1, JOBS) AS n;
  ANALYZE tickover.job;
  UPDATE tickover.job SET state = 'succeeded', finished_at = now();
"""


@pytest.fixture(params=["queued", "scheduled", "running"])
def drained(request: pytest.FixtureRequest, database_dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """A long queue that was drained a moment ago, with statistics that know nothing of that."""
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        connection.execute(FILL.replace("STATE", request.param).replace("JOBS", str(JOBS)).encode())
        connection.execute("VACUUM tickover.job")
        yield connection


@pytest.mark.parametrize("client_id", [None, "client-7"])
def test_an_idle_queue_is_told_by_index(drained: psycopg.Connection[Any], client_id: str | None) -> None:
    """No table is read from end to end, and no index is walked for long."""
    explain = b"EXPLAIN (ANALYZE, FORMAT JSON) " + statement("jobs/is_idle")
    row = drained.execute(explain, {"client_id": client_id}).fetchone()
    assert row is not None
    found, text = list(nodes(row[0][0]["Plan"])), json.dumps(row[0], indent=1)
    assert not [n for n in found if n["Node Type"] == "Seq Scan" and n["Relation Name"] == "job"], text
    assert sum(map(read, found)) < READ_AT_MOST, text
