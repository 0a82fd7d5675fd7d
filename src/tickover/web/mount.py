"""Mounting Tickover on a FastAPI application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI
from starlette.routing import Route

from tickover.engine import PATH
from tickover.web.cron import cron_router
from tickover.web.dashboard.site import make_dashboard
from tickover.web.deployment import deployment_router
from tickover.web.engine_door import EngineDoor
from tickover.web.metrics import is_exposed, metrics_router
from tickover.web.rollout import rollout_router
from tickover.web.served import Served
from tickover.web.status import status_router


def mount(app: FastAPI, served: Served) -> None:
    """Add all routes, and opening and closing, to an application."""
    app.include_router(cron_router(served))
    app.include_router(status_router(served))
    app.include_router(deployment_router(served))
    app.include_router(rollout_router(served))
    if is_exposed(served):
        app.include_router(metrics_router(served))
    door = EngineDoor(served)
    for path in (PATH, f"{PATH}/"):  # a redirect from one to the other would not name the environment
        app.router.routes.append(Route(path, door, include_in_schema=False))
    app.mount(served.settings.dashboard_path, make_dashboard(served))
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
