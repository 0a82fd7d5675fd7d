"""What is asked on every tick reads a handful of rows, however long the ledger has grown: by plan, not by the clock."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import database_uri
from tests.integration.conftest import Rows
from tests.plans import nodes, read
from tickover.insight.samples import COUNTED_UP_TO
from tickover.ledger.states import ENDED, State
from tickover.sql import statement

TICKS = 20_000
READ_AT_MOST = 400  # rows, those that a filter drops included
FUNCTIONS = ["process-background-jobs", "background-maintenance"]
SINCE = datetime.now(UTC) - timedelta(minutes=30)
STATES = {state.name.lower(): str(state) for state in State}
QUESTIONS: dict[str, dict[str, Any]] = {
    "notices/look_around": {
        "route": "background-jobs",
        "functions": FUNCTIONS,
        "responsibilities": ["queue-drain", "queue-health", "prune-lead-memory"],
        "since": datetime.now(UTC) - timedelta(hours=2),
        "most": 60,
        "died_since": datetime.now(UTC) - timedelta(hours=1),
        "most_dead": 100,
        "recent": timedelta(minutes=15),
        "now": datetime.now(UTC),
    },
    "notices/read_live": {
        "destinations": ["json#1"],
        "now": datetime.now(UTC),
        "ended_since": datetime.now(UTC) - timedelta(days=1),
    },
    "ledger/overdue_obligations": {
        "functions": FUNCTIONS,
        "unended": [str(state) for state in State if state not in ENDED],
    },
    "ledger/read_circuit": {"route": "background-jobs", "most": 3, "recent": timedelta(minutes=15)},
    "ledger/list_cron_ticks": {"route": "background-jobs", "most": 12},
    "ledger/list_recent_runs": {"responsibilities": ["queue-drain", "queue-health", "prune-lead-memory"], "most": 5},
    "ledger/read_status": {"functions": FUNCTIONS, "client_id": None},
    "insight/list_carried": {"function": FUNCTIONS[0], "since": SINCE, "most": 20},
    "ledger/list_fenced_off": {"functions": FUNCTIONS, "within": timedelta(hours=1)},
    "rollout/read_controls": {"functions": FUNCTIONS},
    "rollout/read_switch": {"route": "background-jobs"},
    "rollout/list_tick_times": {"route": "background-jobs", "since": SINCE, "most": 2000},
    "rollout/list_handed_over": {"function": FUNCTIONS[0], "since": SINCE, "most": 2000},
    "rollout/list_shadowed": {"function": FUNCTIONS[0], "since": SINCE, "most": 500},
    "rollout/list_queue_looks": {"responsibilities": ["queue-health"], "since": SINCE, "most": 2000},
    "rollout/list_in_flight": {"functions": FUNCTIONS, "durable": "durable", **STATES},
    "rollout/count_inline_successes": {"functions": FUNCTIONS, "since": SINCE, "here": ["inline"], **STATES},
    "rollout/list_last_successes": {"responsibilities": ["prune-lead-memory"], "client_id": None, "since": SINCE},
}
PASTS = {
    "healthy": "SELECT 1",
    # The newest are late, as an engine leaves them that has just stopped running what it accepts.
    "late": """
      UPDATE tickover.obligation SET state = 'accepted', path = NULL, started_at = NULL, finished_at = NULL
      WHERE id > (SELECT max(id) FROM tickover.obligation) - 20
    """,
    # The route's newest attempts lie far back: since then it has been inline.
    "inline for long": """
      UPDATE tickover.tick SET event_ids = '{}' WHERE id > (SELECT min(id) FROM tickover.tick) + 10
    """,
    # Another route has nearly all the ticks.
    "another route": """
      UPDATE tickover.tick SET route = 'other' WHERE id > (SELECT min(id) FROM tickover.tick) + 10
    """,
}


@pytest.fixture(scope="module", params=PASTS)
def long_ledger(request: pytest.FixtureRequest, postgres: str, template: str) -> Iterator[psycopg.Connection[Any]]:
    """A ledger with 40,000 obligations of one past or another."""
    name = "long_ledger"
    fill = (Path(__file__).parents[2] / "bench/fill_ledger.sql").read_bytes()
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        with psycopg.connect(database_uri(postgres, name), autocommit=True) as connection:
            connection.execute(fill, {"ticks": TICKS})
            connection.execute(PASTS[request.param].encode())
            connection.execute("VACUUM ANALYZE")
            yield connection
        server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_a_tick_asks_reads_a_handful_of_rows(long_ledger: psycopg.Connection[Any], question: str) -> None:
    """No table is read from end to end, and no index is walked for long."""
    explain = b"EXPLAIN (ANALYZE, FORMAT JSON) " + statement(question)
    row = long_ledger.execute(explain, QUESTIONS[question]).fetchone()
    assert row is not None
    found = list(nodes(row[0][0]["Plan"]))
    text = json.dumps(row[0], indent=1)
    large = {"tick", "obligation", "responsibility_run"}
    assert not [node for node in found if node["Node Type"] == "Seq Scan" and node["Relation Name"] in large], text
    assert sum(map(read, found)) < READ_AT_MOST, text


@pytest.mark.parametrize("age", ["0", "1 minute"])
def test_a_sample_of_the_queue_reads_what_it_counts_and_only_once_a_minute(
    database_dsn: str, rows: Rows, age: str
) -> None:
    """Of a queue with twice as many due jobs as are counted; where the minute has its row, no job is read at all."""
    fill = (Path(__file__).parents[2] / "bench/fill_queue.sql").read_bytes()
    now = datetime.now(UTC)
    with psycopg.connect(database_dsn, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(fill, {"jobs": 110_000, "clients": 100})
        connection.execute("VACUUM ANALYZE")
        rows(
            "INSERT INTO tickover.queue_sample VALUES (date_trunc('minute', %s::timestamptz) - %s::interval, 1, 1)",
            now,
            age,
        )
        explain = b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement("insight/sample_queue")
        row = connection.execute(explain, {"now": now, "bound": COUNTED_UP_TO}).fetchone()
    assert row is not None
    blocks = row[0][0]["Plan"]["Shared Hit Blocks"] + row[0][0]["Plan"]["Shared Read Blocks"]
    assert blocks < (10 if age == "0" else COUNTED_UP_TO), row
    assert len(rows("SELECT 1 FROM tickover.queue_sample WHERE at > %s - interval '1 hour'", now)) == (
        1 if age == "0" else 2
    )
