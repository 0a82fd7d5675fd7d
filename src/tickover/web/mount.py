"""Mounting Tickover on a FastAPI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tickover.engine.endpoint import PATH
from tickover.web.cron import cron_router
from tickover.web.problems import problem
from tickover.web.served import Served
from tickover.web.status import status_router


def mount(app: FastAPI, served: Served) -> None:
    """Add all routes, and opening and closing, to an application."""
    app.include_router(cron_router(served))
    app.include_router(status_router(served))
    app.router.routes.append(Route(PATH, _EngineDoor(served), include_in_schema=False))
    around = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[Any]:
        await served.open()
        try:
            async with around(application) as state:
                yield state
        finally:
            await served.close()

    app.router.lifespan_context = lifespan


class _EngineDoor:
    """What stands at the engine's URL: the SDK's endpoint, or the reason why there is none."""

    def __init__(self, served: Served) -> None:
        self._served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._served.endpoint is not None:
            await self._served.open()
            await self._served.endpoint(scope, receive, send)
            return
        detail = "INNGEST_SIGNING_KEY is not set: calls of the engine cannot be told from anybody else's"
        answer = problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-signing-key", detail)
        await answer(scope, receive, send)
