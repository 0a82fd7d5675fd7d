"""Cron, played over HTTP as a scheduler would, each tick followed until every function has ended."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from tickover import clock
from tickover.ledger.states import DONE, ENDED
from tickover.ledger.store import Ledger, Progress
from tickover.status.store import iso

_PAUSE = 0.1
_TICK_TIMEOUT = 300.0  # an inline tick may take its whole budget


@dataclass(frozen=True, slots=True)
class TickResult:
    """One tick that was played, and what became of it.

    Args:
        at: the time it was scheduled for.
        status: the HTTP status of its answer; 0 where there was none.
        answer: the answer's JSON.
        obligations: where each function stood when it had ended, or when the wait for it was over.
        error: why there was no usable answer, or None.
    """

    at: datetime
    status: int
    answer: dict[str, Any]
    obligations: Sequence[Progress]
    error: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether everything it owed was carried out; an idle one owed nothing."""
        return bool(self.obligations or self.answer.get("idle")) and all(o.state in DONE for o in self.obligations)


class Cron:
    """Fires ticks and follows them.

    Args:
        url: the cron endpoint.
        secret: what it wants to be shown.
        ledger: where the ticks' obligations stand.
        patience: seconds a tick is followed.
    """

    def __init__(self, url: str, secret: str, ledger: Ledger, patience: float) -> None:
        self._url = url
        self._secret = secret
        self._ledger = ledger
        self._patience = patience

    async def tick(self, at: datetime) -> TickResult:
        """Fire the tick scheduled for a time, and follow it to its end."""
        headers = {"authorization": f"Bearer {self._secret}", "x-tickover-scheduled-at": iso(at)}
        try:
            async with httpx.AsyncClient(timeout=_TICK_TIMEOUT) as client:
                response = await client.post(self._url, headers=headers)
            answer = response.json()
        except (httpx.HTTPError, ValueError) as error:
            return TickResult(at, 0, {}, [], f"{type(error).__name__}: {error}".rstrip(": "))
        key = answer.get("dispatchKey")
        if key is None:
            return TickResult(at, response.status_code, answer, [], str(answer.get("detail", "no dispatch key")))
        return TickResult(at, response.status_code, answer, await self._follow(key))

    async def _follow(self, dispatch_key: str) -> list[Progress]:
        ends = clock.monotonic() + self._patience
        while True:
            obligations = await self._ledger.progress(dispatch_key)
            if all(o.state in ENDED for o in obligations) or clock.monotonic() > ends:
                return obligations
            await asyncio.sleep(_PAUSE)
