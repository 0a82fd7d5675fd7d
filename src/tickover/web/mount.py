"""Mounting Tickover on a FastAPI application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.routing import Route

from tickover.engine import PATH
from tickover.web.cron import cron_router
from tickover.web.dashboard.site import make_dashboard
from tickover.web.deployment import deployment_router
from tickover.web.engine_door import EngineDoor
from tickover.web.gauges import Gauges
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
    gauges = Gauges(served)
    if is_exposed(served):
        app.include_router(metrics_router(served, gauges))
    door = EngineDoor(served)
    for path in (PATH, f"{PATH}/"):  # a redirect from one to the other would not name the environment
        app.router.routes.append(Route(path, door, include_in_schema=False))
    app.mount(served.settings.dashboard_path, make_dashboard(served))
    around = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[Any]:
        await served.open()
        every = served.settings.watch
        beside = [] if every is None else [asyncio.create_task(one.run(every)) for one in (served.watch, gauges)]
        try:
            async with around(application) as state:
                yield state
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await served.close()

    app.router.lifespan_context = lifespan
