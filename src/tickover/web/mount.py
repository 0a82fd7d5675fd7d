"""Mounting Tickover on a FastAPI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tickover.engine.endpoint import PATH
from tickover.web.cron import cron_router
from tickover.web.problems import HANDLERS, problem
from tickover.web.status import status_router

if TYPE_CHECKING:
    from tickover.app import Tickover


def mount(app: FastAPI, tickover: "Tickover") -> None:
    """Add all routes, the error answers, and opening and closing to an application."""
    for error, handler in HANDLERS.items():
        app.add_exception_handler(error, handler)
    app.include_router(cron_router(tickover))
    app.include_router(status_router(tickover))
    app.router.routes.append(Route(PATH, _EngineDoor(tickover), include_in_schema=False))
    around = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[Any]:
        await tickover.open()
        try:
            async with around(application) as state:
                yield state
        finally:
            await tickover.close()

    app.router.lifespan_context = lifespan


class _EngineDoor:
    """What stands at the engine's URL: the SDK's endpoint, or the reason why there is none."""

    def __init__(self, tickover: "Tickover") -> None:
        self._tickover = tickover

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._tickover.endpoint is not None:
            await self._tickover.open()
            await self._tickover.endpoint(scope, receive, send)
            return
        detail = "INNGEST_SIGNING_KEY is not set: calls of the engine cannot be told from anybody else's"
        answer = problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-signing-key", detail)
        await answer(scope, receive, send)
