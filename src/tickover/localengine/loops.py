"""What an engine does all the time, and goes on doing whatever it meets."""

from collections.abc import Awaitable, Callable

import structlog
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from tickover.waiting import pause

_log = structlog.stdlib.get_logger("tickover.engine")


async def forever(do: Callable[[], Awaitable[object]], every: float, trouble: str) -> None:
    """Do something again and again until cancelled.

    Args:
        do: what.
        every: seconds between.
        trouble: the event that is logged where it cannot be done; of a database that is away once, not at each try: the
            scheduler tells when it is back.
    """
    away = False
    while True:
        try:
            await do()
            away = False
        except (OperationalError, PoolTimeout) as error:
            if not away:
                _log.warning(trouble, reason=str(error).partition("\n")[0])
            away = True
        except Exception:  # noqa: BLE001 - the loop goes on
            _log.exception(trouble)
        await pause(every)
