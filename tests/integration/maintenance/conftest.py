"""A shop's own tables, named as no rule of ours would name them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from psycopg.rows import dict_row

from tests.runs import MakeRun, run_factory
from tickover.database import Database

Ask = Callable[..., Awaitable[list[dict[str, Any]]]]

_SHOP = """
CREATE SCHEMA shop;
CREATE TYPE shop.parcel_state AS ENUM ('packed', 'leaving', 'gone', 'held');
CREATE TABLE shop."Parcel; x" (
  code text PRIMARY KEY,
  "the state" shop.parcel_state NOT NULL,
  moved timestamptz,
  owner text NOT NULL DEFAULT 'a',
  kind text NOT NULL DEFAULT 'plain'
);
CREATE TABLE shop.receipt (parcel text NOT NULL REFERENCES shop."Parcel; x" ON DELETE CASCADE);
CREATE FUNCTION shop.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF new.code LIKE 'bad%' THEN RAISE EXCEPTION 'parcel % is bad', new.code; END IF;
  IF new.code LIKE 'mute%' THEN RETURN NULL; END IF;
  RETURN new;
END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON shop."Parcel; x" FOR EACH ROW EXECUTE FUNCTION shop.refuse();
"""


@pytest.fixture
def make_run(database: Database) -> MakeRun:
    """Win an obligation of a new tick, and give the run."""
    return run_factory(database)


@pytest.fixture
async def ask(database: Database) -> Ask:
    """Run a statement over the shop's tables and give its rows."""
    async with database.connection() as connection:
        await connection.execute(_SHOP)

    async def execute(query: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        async with database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query.encode(), parameters)
            return await cursor.fetchall() if cursor.description else []

    return execute
