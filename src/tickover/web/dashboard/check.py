"""What `tickover check` says, of the process that serves."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from tickover.jobs.queue import COUNTED_UP_TO
from tickover.verify.offline import check
from tickover.web.access.sessions import Pass
from tickover.web.dashboard.desk import Desk


def check_router(desk: Desk) -> APIRouter:
    """The router of the check; it answers in the wrong environment too, since it says what is wrong with it."""
    router = APIRouter()

    @router.get("/check")
    async def show(request: Request, _: Annotated[Pass, Depends(desk.admit_to_check)]) -> Response:
        """Every line."""
        lines = await check(lambda: desk.served, COUNTED_UP_TO)
        verdict = await desk.served.guard.verdict()
        return desk.show(request, "check.html", here="/check", lines=lines, verdict=verdict, flags=desk.served.flags)

    return router
