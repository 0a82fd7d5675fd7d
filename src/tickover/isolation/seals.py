"""Reads and writes the seals of the database and of Redis."""

import asyncio
from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tickover.database import Database
from tickover.errors import RedisAwayError
from tickover.isolation.environment import Environment
from tickover.isolation.seal import UNKNOWN, Seal, Sealing, Store
from tickover.sql import statement
from tickover.status.keys import SEAL
from tickover.status.link import RedisLink


@dataclass(frozen=True, slots=True)
class Order:
    """That a store is to be sealed.

    Args:
        environment: whose it is to be.
        sealing: what is done, as the audit names it.
        by: who does it.
        reason: why.
    """

    environment: Environment
    sealing: Sealing
    by: str
    reason: str


class Seals:
    """The seals of this process's stores.

    Args:
        database: the ledger's.
        redis: the way to that of the status keys.
    """

    def __init__(self, database: Database, redis: RedisLink) -> None:
        self._database = database
        self._redis = redis

    async def read(self) -> tuple[Store, Store]:
        """What the database and Redis say of themselves, asked at the same time.

        Raises:
            psycopg.Error: the database cannot be reached; nothing may be done to one that could not be asked.
        """
        database, redis = await asyncio.gather(self.read_database(), self.read_redis())
        return database, redis

    async def read_database(self) -> Store:
        """What the database says of itself; unsealed where its schema is not there yet."""
        async with self._database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement("isolation/has_seal"))
            exists = await cursor.fetchone()
            if exists is None or not exists["exists"]:
                return Store(is_ready=False)
            await cursor.execute(statement("isolation/read_seal"))
            row = await cursor.fetchone()
        if row is None or row["kind"] is None:
            return Store(None, "" if row is None else row["identity"])
        return Store(Seal(row["kind"], row["name"], row["sealed_identity"]), row["identity"])

    async def read_redis(self) -> Store:
        """What Redis says of itself; unknown where it is away, for it decides nothing (invariant 6)."""
        try:
            text = await self._redis.ask("read the seal", lambda redis: redis.get(SEAL))
        except RedisAwayError:
            return UNKNOWN
        if text is None:
            return Store()
        kind, _, name = str(text).partition(":")
        return Store(Seal(kind, name))

    async def seal_database(self, order: Order, was: Store) -> bool:
        """Write the database's seal and its audit row. False where somebody else sealed it meanwhile.

        Args:
            order: for whom, and why.
            was: as it was found when that was decided.
        """
        seal = was.seal
        parameters = {
            "kind": order.environment.kind,
            "name": order.environment.name,
            "was_kind": None if seal is None else seal.kind,
            "was_name": None if seal is None else seal.name,
            "was_identity": None if seal is None else seal.identity,
            **_audit(order, was),
        }
        async with self._database.connection() as connection:
            return (await connection.execute(statement("isolation/write_seal"), parameters)).rowcount == 1

    async def seal_redis(self, order: Order, was: Store) -> bool:
        """Write the seal of Redis; a seal that is written over leaves an audit row. False where it is away, or taken.

        Args:
            order: for whom, and why.
            was: as it was found when that was decided.
        """
        value, is_new = order.environment.seal, was.seal is None
        try:
            is_written = await self._redis.ask("seal", lambda redis: redis.set(SEAL, value, nx=is_new))
        except RedisAwayError:
            return False
        if is_written and was.seal is not None:
            async with self._database.connection() as connection:
                await connection.execute(statement("isolation/audit_redis_seal"), _audit(order, was))
        return bool(is_written)


def _audit(order: Order, was: Store) -> dict[str, Any]:
    evidence = {
        "environment": str(order.environment),
        "source": order.environment.source,
        "was": None if was.seal is None else str(was.seal),
    }
    return {
        "action": f"store.{order.sealing}",
        "by": order.by,
        "reason": order.reason,
        "evidence": Jsonb(evidence),
    }
