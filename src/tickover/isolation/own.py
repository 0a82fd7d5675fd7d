"""Whoever changes a database as a whole asks first whether it is this environment's."""

from psycopg import AsyncConnection

from tickover.database import Database, require_uri
from tickover.isolation.guard import make_guard, make_seal_guard
from tickover.status.link import RedisLink

_REACHED_WITHIN = 5  # seconds


async def require_own(dsn: str, *, by_seal_alone: bool = False) -> None:
    """Go on where this environment may change a database.

    Args:
        dsn: of the database.
        by_seal_alone: keys and secrets of this process, however broken, do not matter to what is to be done.

    Raises:
        WrongEnvironmentError: it may not; the text lists every contradiction with its remedy.
        EnvironmentStateError: the URI cannot be read.
        psycopg.Error: the database cannot be reached.
    """
    require_uri(dsn)
    await (await AsyncConnection.connect(dsn, connect_timeout=_REACHED_WITHIN)).close()  # says at once why it cannot
    database = Database(dsn, size=1)
    await database.open()
    try:
        redis = RedisLink(None, 1.0)
        guard = make_seal_guard(database, redis) if by_seal_alone else make_guard(database, redis)
        await guard.require()
    finally:
        await database.close()
