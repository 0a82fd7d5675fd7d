"""What `tickover check` says, of the process that serves."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from tickover import clock
from tickover.verify.offline import check
from tickover.verify.proof.lines import Line
from tickover.web.access.sessions import Pass
from tickover.web.dashboard.desk import Desk
from tickover.web.served import Served

_KEPT_FOR = 15.0  # seconds: it opens connections of its own, and reads all that waits


@dataclass(frozen=True, slots=True)
class Checked:
    """What was seen.

    Args:
        at: when.
        lines: of the check.
    """

    at: datetime
    lines: Sequence[Line]


class Checks:
    """Looks, at most every fifteen seconds, however many ask.

    Args:
        served: what is looked at.
    """

    def __init__(self, served: Served) -> None:
        self._served = served
        self._looking = asyncio.Lock()
        self._seen: Checked | None = None
        self._looks_at = 0.0

    async def newest(self) -> Checked:
        """What was seen last, or is seen now."""
        async with self._looking:
            if self._seen is None or clock.monotonic() >= self._looks_at:
                self._seen = Checked(clock.now(), await check(lambda: self._served))
                self._looks_at = clock.monotonic() + _KEPT_FOR
            return self._seen


def check_router(desk: Desk) -> APIRouter:
    """The router of the check; it answers in the wrong environment too, since it says what is wrong with it."""
    router, checks = APIRouter(), Checks(desk.served)

    @router.get("/check")
    async def show(request: Request, _: Annotated[Pass, Depends(desk.admit_to_check)]) -> Response:
        """Every line."""
        checked, verdict = await checks.newest(), await desk.served.guard.verdict()
        values = {"checked": checked, "verdict": verdict, "flags": desk.served.flags}
        return desk.show(request, "check.html", here="/check", **values)

    return router
