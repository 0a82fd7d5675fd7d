"""A batch is read from an index, in its order, from the place on: by plan, not by the clock."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg import sql

from tests.integration.maintenance.conftest import Ask
from tickover.database import Database
from tickover.maintenance.progress import Place
from tickover.maintenance.statements import Child, Rows
from tickover.maintenance.tables import limits
from tickover.sql import statement

BEFORE = datetime(2026, 6, 1, tzinfo=UTC)
ROWS = 20_000
MAKE = """
CREATE TABLE shop.memory (
  id bigint PRIMARY KEY, source text NOT NULL, expires_at timestamptz, note text NOT NULL DEFAULT repeat('x', 40)
);
CREATE TABLE shop.trace (id bigint PRIMARY KEY, memory_id bigint NOT NULL);
CREATE INDEX ON shop.trace (memory_id);
INSERT INTO shop.memory SELECT n, CASE WHEN n % 10 = 0 THEN 'guess' ELSE 'manual' END,
  '2026-01-01Z'::timestamptz + n * interval '10 minutes' FROM generate_series(1, 20000) n;
INSERT INTO shop.trace SELECT id, id FROM shop.memory;
"""
INDEXES = {
    "time and key": ("(source, expires_at, id)", True),
    "time": ("(source, expires_at)", False),
    "partial": ("(expires_at, id) WHERE source = 'guess'", True),
}
FILLED = {"analyzed": "ANALYZE", "just filled": "SELECT 1"}
MEMORIES = Rows("shop.memory", "expires_at", "id", {"source": "guess"}, children=[Child("shop.trace", "memory_id")])
PLACE = Place("shop.memory", "2026-03-01 00:00:00+00", "8500")


async def explain(database: Database, query: sql.Composed, **more: Any) -> dict[str, Any]:
    """The plan, and what it has read, under the limits of a batch; nothing stays changed."""
    values = {"before": BEFORE, "only_0": "guess", "limit": 50, "after_since": PLACE.since, "after_key": PLACE.key}
    async with database.connection() as connection, connection.transaction(force_rollback=True):
        await connection.execute(statement("maintenance/set_limits"), limits(None))
        cursor = await connection.execute(
            sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ") + query, {**values, **more}
        )
        row = await cursor.fetchone()
    assert row is not None
    return row[0][0]["Plan"]  # type: ignore[no-any-return]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's nodes."""
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def sorts_tables(plan: dict[str, Any]) -> bool:
    """Whether rows of a table are sorted; those of the batch itself may be, to find its last."""
    return any(
        "Sort" in node["Node Type"] and any("Relation Name" in below for below in nodes(node)) for node in nodes(plan)
    )


@pytest.mark.parametrize("filled", FILLED)
@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("after", [None, PLACE], ids=["from the beginning", "from a place"])
async def test_a_batch_reads_what_it_deletes_and_little_more(
    database: Database, ask: Ask, index: str, filled: str, after: Place | None
) -> None:
    """No table is read from end to end, nothing is sorted, and the children are found by their index."""
    columns, apart = INDEXES[index]
    await ask(f"{MAKE} CREATE INDEX by_expiry ON shop.memory {columns}; {FILLED[filled]}")
    plan = await explain(database, MEMORIES.delete(["shop", "memory"], after, apart=apart))
    every, text = list(nodes(plan)), json.dumps(plan, indent=1)
    scans = [node for node in every if "Relation Name" in node and node["Node Type"] != "ModifyTable"]
    assert {node["Node Type"] for node in scans} <= {"Index Scan", "Tid Scan"}, text
    (walk,) = [node for node in scans if node["Node Type"] == "Index Scan" and node["Relation Name"] == "memory"]
    assert walk["Index Name"] == "by_expiry", text
    assert walk["Actual Rows"] == 50, text
    assert walk.get("Rows Removed by Filter", 0) <= 1, text
    assert not sorts_tables(plan), text


@pytest.mark.parametrize("filled", FILLED)
@pytest.mark.parametrize("index", [name for name, (_, apart) in INDEXES.items() if apart])
@pytest.mark.parametrize("after", [None, PLACE], ids=["from the beginning", "from a place"])
async def test_a_range_reads_twice_what_it_deletes(
    database: Database, ask: Ask, index: str, filled: str, after: Place | None
) -> None:
    """Once to find its end, and once to delete; both from the index."""
    await ask(f"{MAKE} CREATE INDEX by_expiry ON shop.memory {INDEXES[index][0]}; {FILLED[filled]}")
    plan = await explain(database, MEMORIES.delete_range(["shop", "memory"], after))
    text = json.dumps(plan, indent=1)
    scans = [node for node in nodes(plan) if "Relation Name" in node and node["Node Type"] != "ModifyTable"]
    assert [(node["Node Type"].replace(" Only", ""), node["Index Name"]) for node in scans] == 2 * [
        ("Index Scan", "by_expiry")
    ], text
    assert [node["Actual Rows"] for node in scans] == [50, 50], text
    assert not sorts_tables(plan), text


async def test_a_walk_does_not_read_again_what_it_has_deleted(database: Database, ask: Ask) -> None:
    """From a place on, the dead entries before it cost nothing, however many they are."""
    await ask(MAKE + "CREATE INDEX by_expiry ON shop.memory (source, expires_at, id); ANALYZE")
    async with database.transaction() as other:  # a reader of before, for whom they are alive
        await other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        await other.execute("SELECT FROM shop.memory LIMIT 1")
        await ask("DELETE FROM shop.memory WHERE source = 'guess' AND (expires_at, id) <= ('2026-03-01Z', 8500)")
        read = {}
        for after in (None, PLACE):
            plan = await explain(database, MEMORIES.delete(["shop", "memory"], after, apart=True))
            (walk,) = [node for node in nodes(plan) if node.get("Index Name") == "by_expiry"]
            read[after] = walk["Shared Hit Blocks"] + walk["Shared Read Blocks"]
    assert read[PLACE] * 1.5 < read[None], read


async def test_counting_reads_the_index_too(database: Database, ask: Ask) -> None:
    """At most as many rows as are counted."""
    await ask(MAKE + "CREATE INDEX by_expiry ON shop.memory (source, expires_at, id); ANALYZE")
    plan = await explain(database, MEMORIES.count(["shop", "memory"], PLACE, apart=True))
    (scan,) = [node for node in nodes(plan) if "Relation Name" in node]
    assert scan["Node Type"] in {"Index Scan", "Index Only Scan"}
    assert scan["Actual Rows"] == 50


@pytest.mark.parametrize("apart", [True, False])
async def test_without_an_index_it_is_done_all_the_same(database: Database, ask: Ask, apart: bool) -> None:
    """Slowly, which is why the missing index is reported."""
    await ask(MAKE)
    plan = await explain(database, MEMORIES.delete(["shop", "memory"], None, apart=apart))
    assert any(node["Node Type"] == "Seq Scan" for node in nodes(plan))
