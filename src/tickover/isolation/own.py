"""Whoever changes a database as a whole asks first whether it is this environment's."""

from tickover.database import Database
from tickover.isolation.guard import make_guard
from tickover.status.link import RedisLink


async def require_own(dsn: str) -> None:
    """Go on where this environment may change a database.

    Args:
        dsn: of the database.

    Raises:
        WrongEnvironmentError: it may not; the text lists every contradiction with its remedy.
        psycopg.Error: the database cannot be reached.
    """
    database = Database(dsn, size=1)
    await database.open()
    try:
        await make_guard(database, RedisLink(None, 1.0)).require()
    finally:
        await database.close()
