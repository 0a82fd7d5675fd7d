"""Pinging the services. Whatever becomes of a ping, nothing but a log line follows from it.

Pings come from inside successful work only. For a failed tick none is sent, not even the services' own ping for
failures: a process that was killed could not send it either, and the missing end raises the same alarm for both.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from http import HTTPStatus
from typing import Protocol, TypeVar

import httpx
import structlog

from tickover import clock
from tickover.heartbeats.formats import Heartbeat, Moment, Ping

_log = structlog.stdlib.get_logger("tickover.heartbeats")
_REST = 3600.0  # seconds in which one route's cause is logged once
_REMEDIES = {
    "ping": "compare the route's …_HEARTBEAT_URL with what the service shows, and see that it can be reached from here",
    "ledger": "check DATABASE_URL",
}

Outcome = TypeVar("Outcome")


class Completion(Protocol):
    """The part of the ledger that heartbeats need."""

    async def complete(self, dispatch_key: str) -> bool:
        """Whether everything a tick owed is done now; true to one caller only."""
        ...


class Heartbeats:
    """Reports the runs of routes to the services that watch them.

    Args:
        heartbeats: where to report to, by route; other routes cost nothing.
        ledger: who knows when a tick is done.
        timeout: seconds a ping may take, connecting included; and so many for asking the ledger.
    """

    def __init__(self, heartbeats: Mapping[str, Heartbeat], ledger: Completion, timeout: float = 2.0) -> None:
        self._heartbeats = heartbeats
        self._ledger = ledger
        self._timeout = timeout
        self._client: httpx.AsyncClient | None = None
        self._told: dict[tuple[str, str], float] = {}

    async def started(self, route: str, dispatch_key: str) -> None:
        """The first of a tick's obligations has been claimed. Never raises.

        Args:
            route: the tick's.
            dispatch_key: the tick.
        """
        heartbeat = self._heartbeats.get(route)
        if heartbeat is not None:
            await self._ping(route, heartbeat, Moment.START, dispatch_key)

    async def succeeded(self, route: str, dispatch_key: str) -> None:
        """One of a tick's obligations has ended well, and that is committed; the last one is reported. Never raises.

        Args:
            route: the tick's.
            dispatch_key: the tick.
        """
        heartbeat = self._heartbeats.get(route)
        if heartbeat is None:
            return
        if await self._bounded(route, heartbeat, "ledger", self._ledger.complete(dispatch_key)):
            await self._ping(route, heartbeat, Moment.END, dispatch_key)

    async def close(self) -> None:
        """Give the connections back."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _ping(self, route: str, heartbeat: Heartbeat, moment: Moment, dispatch_key: str) -> None:
        ping = heartbeat.ping(moment, dispatch_key)
        status = await self._bounded(route, heartbeat, "ping", self._send(ping))
        if status is not None and not HTTPStatus(200) <= status < HTTPStatus(300):
            self._tell(route, heartbeat, "ping", f"the service answers {status}")

    async def _send(self, ping: Ping) -> int:
        """The status of the answer; redirects aren't followed, and the body isn't read.

        The path goes beside the URL (https://www.python-httpx.org/advanced/extensions/#target), since httpx logs URLs.
        """
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=None, limits=httpx.Limits(max_keepalive_connections=0))  # noqa: S113 - bounded as a whole, by _bounded
        target = {"target": ping.target.encode()}
        async with self._client.stream("GET", ping.origin, extensions=target) as response:
            return response.status_code

    async def _bounded(self, route: str, heartbeat: Heartbeat, step: str, doing: Awaitable[Outcome]) -> Outcome | None:
        """The outcome, or None where it failed or took too long; then that is told."""
        try:
            async with asyncio.timeout(self._timeout):
                return await doing
        except TimeoutError:
            self._tell(route, heartbeat, step, f"no answer within {self._timeout:g} s")
        except Exception as error:  # noqa: BLE001 - the end of a ping: it must not touch the work it reports
            # By its class only: the text of an error may hold the URL.
            self._tell(route, heartbeat, step, type(error).__name__)
        return None

    def _tell(self, route: str, heartbeat: Heartbeat, step: str, what: str) -> None:
        """Log a cause, unless it was logged for the route within the last hour: not a line for every tick."""
        now = clock.monotonic()
        cause = f"{step}: {what}"
        told = self._told.get((route, cause))
        if told is not None and now - told < _REST:
            return
        self._told[route, cause] = now
        service = str(heartbeat.service)
        _log.warning("heartbeat.failed", route=route, service=service, cause=cause, remedy=_REMEDIES[step])
