"""Where each function stands, and moving it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from tickover.web.access.sessions import Pass
from tickover.web.dashboard.desk import Desk
from tickover.web.problems import require_functions


def rollout_pages(desk: Desk) -> APIRouter:
    """The router of the rollout."""
    router = APIRouter()
    rollout = desk.served.rollout
    signed_in = Depends(desk.admit)

    @router.get("/rollout")
    async def show(request: Request, _: Annotated[Pass, signed_in]) -> Response:
        """Stage, evidence and gates of each function."""
        return desk.show(request, "rollout.html", here="/rollout", standings=await rollout.standings())

    @router.post("/rollout/{function}/begin")
    async def begin(request: Request, function: str) -> Response:
        """Take a function under control."""
        form = await desk.act(request)
        await rollout.begin(function, form.by, form.reason)
        return desk.to("/rollout", "begun")

    @router.post("/rollout/{function}/advance")
    async def advance(request: Request, function: str) -> Response:
        """One step forward."""
        form = await desk.act(request)
        await rollout.advance(function, form.by, form.reason, override=form.fields.get("override") == "yes")
        return desk.to("/rollout", "advanced")

    @router.post("/rollout/{function}/release")
    async def release(request: Request, function: str) -> Response:
        """Let a function go on that was rolled back."""
        form = await desk.act(request)
        await rollout.release(function, form.by, form.reason)
        return desk.to("/rollout", "released")

    @router.post("/rollout/{function}/back")
    async def back(request: Request, function: str) -> Response:
        """Back to inline at the next tick: of one function, or of all."""
        form = await desk.act(request)
        meant = require_functions(desk.served.contract, function)
        await desk.served.rollback.roll_back([each.id for each in meant], form.by, form.reason)
        return desk.to("/rollout", "rolled-back")

    return router
