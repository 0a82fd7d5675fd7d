"""Whoever changes a database as a whole asks first whether it is this environment's."""

from psycopg import AsyncConnection

from tickover.database import Database, require_uri
from tickover.isolation.guard import make_guard
from tickover.status.link import RedisLink

_REACHED_WITHIN = 5  # seconds


async def require_own(dsn: str) -> None:
    """Go on where this environment may change a database.

    Args:
        dsn: of the database.

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
        await make_guard(database, RedisLink(None, 1.0)).require()
    finally:
        await database.close()
