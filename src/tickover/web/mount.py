"""Mounting Tickover on a FastAPI application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from tickover.engine.endpoint import PATH
from tickover.engine.refused import refusal
from tickover.web.cron import cron_router
from tickover.web.problems import problem
from tickover.web.served import Served
from tickover.web.status import status_router

_LONGEST_ERROR = 64 * 1024


def mount(app: FastAPI, served: Served) -> None:
    """Add all routes, and opening and closing, to an application."""
    app.include_router(cron_router(served))
    app.include_router(status_router(served))
    app.router.routes.append(Route(PATH, _EngineDoor(served), include_in_schema=False))
    around = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[Any]:
        await served.open()
        watching = asyncio.create_task(served.watch.run(served.settings.watch)) if served.settings.watch else None
        try:
            async with around(application) as state:
                yield state
        finally:
            if watching is not None:
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching
            await served.close()

    app.router.lifespan_context = lifespan


class _EngineDoor:
    """What stands at the engine's URL: the SDK's endpoint, watched, or the reason why there is none."""

    def __init__(self, served: Served) -> None:
        self._served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._served.open()
        if self._served.endpoint is None:
            detail = "INNGEST_SIGNING_KEY is not set: calls of the engine cannot be told from anybody else's"
            await problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-signing-key", detail)(scope, receive, send)
            if scope["method"] in {"POST", "PUT"}:
                await self._served.doorkeeper.refused("engine", "no-signing-key", "requests are answered 503")
            return
        answer = _Overheard(send)
        await self._served.endpoint(scope, receive, answer)
        request = Request(scope)
        cause = refusal(request.method, request.query_params, request.headers, answer.status, bytes(answer.error))
        if cause is not None:
            await self._served.doorkeeper.refused("engine", *cause)
        elif request.method == "POST":
            await self._served.doorkeeper.accepted("engine")


class _Overheard:
    """Passes an answer on, and keeps its status, and its body where it is an error."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.error = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif self.status >= HTTPStatus.BAD_REQUEST and len(self.error) < _LONGEST_ERROR:
            self.error += message.get("body", b"")
        await self._send(message)
