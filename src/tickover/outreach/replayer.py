"""Messages that keep arriving while a local run lasts."""

import asyncio
from datetime import timedelta

import structlog
from psycopg import Error
from psycopg_pool import PoolTimeout

from tickover import clock
from tickover.database import Database
from tickover.jobs.states import JobState
from tickover.outreach.samples.messages import sample_lead, sample_message
from tickover.outreach.samples.phrases import CLIENTS
from tickover.outreach.samples.store import add_leads, count_waiting, receive_messages, remove_old
from tickover.waiting import within

KEPT_LEADS = 250
"""Made-up leads that are kept; the oldest beyond them go, with all that hangs on them."""

MOST_WAITING = 500
"""While so many messages wait to be processed, none arrives."""

_MESSAGES_PER_LEAD = 8
_JOBS_KEPT = timedelta(hours=6)
_REMOVED_AT_ONCE = 20

_log = structlog.stdlib.get_logger("tickover.outreach")


async def replay(database: Database, every: float, stop: asyncio.Event) -> None:
    """Let a message arrive at each interval, until `stop` is set; then return within the statement under way.

    A message's row and its job are stored in one transaction. Tables stay bounded: the oldest made-up leads and the
    jobs done hours ago are removed, and nothing arrives while nobody processes.

    Args:
        database: with the sample data in it.
        every: seconds between two messages, above zero.
        stop: set it to end.

    Raises:
        ValueError: `every` is not above zero.
    """
    if every <= 0:
        raise ValueError("messages arrive at intervals above zero")
    number = int(clock.now().timestamp())  # messages of an earlier run have smaller numbers
    while not stop.is_set():
        try:
            await receive(database, number)
        except (Error, PoolTimeout) as error:  # the database may be back at the next interval
            _log.warning("message.not_replayed", number=number, error=f"{type(error).__name__}: {error}")
        number += 1
        await within(every, stop)


async def receive(database: Database, number: int) -> bool:
    """Let the message of that number arrive, and remove what has become too old. False where too many wait.

    Args:
        database: with the sample data in it.
        number: which message; the same number does not arrive twice.
    """
    now = clock.now()
    lead = sample_lead(number // _MESSAGES_PER_LEAD)
    async with database.transaction() as connection:
        await remove_old(
            connection,
            keep=KEPT_LEADS,
            before=now - _JOBS_KEPT,
            clients=CLIENTS,
            succeeded=JobState.SUCCEEDED,
            limit=_REMOVED_AT_ONCE,
        )
        if await count_waiting(connection, MOST_WAITING) >= MOST_WAITING:
            return False
        await add_leads(connection, [lead], replayed=True)
        await receive_messages(connection, [sample_message(number, lead, now)])
    return True
