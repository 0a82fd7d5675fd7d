"""Asks applications to register, again and again, so that a new deployment's functions are known soon."""

import asyncio
from collections.abc import Sequence

import structlog

from tickover.localengine.caller import Caller
from tickover.waiting import pause

_log = structlog.stdlib.get_logger("tickover.engine")
_UNTIL_UP = 0.25  # seconds between tries while nothing listens there


class Poller:
    """Syncs applications.

    Args:
        caller: what makes the requests.
        urls: the applications' endpoints.
        interval: seconds between syncs of one.
    """

    def __init__(self, caller: Caller, urls: Sequence[str], interval: float) -> None:
        self._caller = caller
        self._urls = urls
        self._interval = interval

    async def run(self) -> None:
        """Sync all applications until cancelled."""
        async with asyncio.TaskGroup() as group:
            for url in self._urls:
                group.create_task(self._poll(url))

    async def _poll(self, url: str) -> None:
        said: str | None = None
        while True:
            trouble, answered = await self._sync(url)
            if trouble != said:
                if trouble:
                    _log.warning("app.not_synced", url=url, reason=trouble)
                else:
                    _log.info("app.synced", url=url)
            said = trouble
            await pause(self._interval if answered else min(_UNTIL_UP, self._interval))

    async def _sync(self, url: str) -> tuple[str, bool]:
        """Why a sync failed, empty where it did not; and whether the application answered."""
        try:
            return await self._caller.sync(url), True
        except ConnectionError as error:
            return str(error), False
