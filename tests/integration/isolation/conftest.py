"""Stores that are sealed, processes of several environments, and all that they may have changed."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql
from redis.asyncio import Redis

from tests.integration.conftest import Rows

EVENT_KEY, SIGNING_KEY, FALLBACK_KEY = "event-key-of-the-tests", "0a1b2c5e" * 8, "7d8e9fa1" * 8
ORIGIN = "https://app.example"
PRODUCTION = {
    "TICKOVER_ENV": "production", "INNGEST_DEV": "", "INNGEST_BASE_URL": "http://127.0.0.1:9",
    "INNGEST_EVENT_KEY": EVENT_KEY, "INNGEST_SIGNING_KEY": SIGNING_KEY, "INNGEST_SERVE_ORIGIN": ORIGIN,
}  # fmt: skip
PREVIEW = PRODUCTION | {"TICKOVER_ENV": "preview:fix", "INNGEST_SERVE_ORIGIN": ""}

_SEAL = """
  INSERT INTO tickover.seal (kind, name, identity, by) VALUES (%s, %s, tickover.store_identity(), 'a test')
  ON CONFLICT (the_one) DO UPDATE SET kind = excluded.kind, name = excluded.name
"""
_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'tickover' ORDER BY 1"
Snapshot = Callable[[], dict[str, Any]]


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator["Redis"]:
    """A client of an empty Valkey, which is empty afterwards too: a seal outlives its test otherwise."""
    client = Redis.from_url(valkey_url, decode_responses=True)
    await client.flushall()
    yield client
    await client.flushall()
    await client.aclose()


@pytest.fixture
def seal(rows: Rows) -> Callable[..., None]:
    """Seal the test's database for somebody."""

    def write(kind: str = "production", name: str = "production") -> None:
        rows(_SEAL, kind, name)

    return write


def contents(dsn: str) -> dict[str, Any]:
    """Every row of every table of Tickover."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        tables = [row[0] for row in connection.execute(_TABLES).fetchall()]
        every = {
            table: sql.SQL("SELECT t::text FROM tickover.{} t ORDER BY 1").format(sql.Identifier(table))
            for table in tables
        }
        return {table: connection.execute(query).fetchall() for table, query in every.items()}


@pytest.fixture
def snapshot(database_dsn: str) -> Snapshot:
    """Every row of every table of Tickover, now."""
    return lambda: contents(database_dsn)
