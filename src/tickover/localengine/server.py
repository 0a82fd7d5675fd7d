"""The local engine as an HTTP server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import structlog
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from tickover.database import Database
from tickover.errors import WireError
from tickover.localengine.caller import Caller
from tickover.localengine.event_api import event_router
from tickover.localengine.options import EngineOptions
from tickover.localengine.poller import Poller
from tickover.localengine.registration import registration_router
from tickover.localengine.registry import Registry
from tickover.localengine.rest import rest_router
from tickover.localengine.scheduler import Scheduler
from tickover.localengine.store import EngineStore
from tickover.migrations import History, migrate

HISTORY = History("tickover_engine", "tickover.localengine")
FIRST_LINE = "tickover engine: a stand-in for Inngest on one machine and in tests; it is no replacement for it"
_LEASE = 10.0
_log = structlog.stdlib.get_logger("tickover.engine")


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts of a running engine that its routes use."""

    options: EngineOptions
    store: EngineStore
    registry: Registry
    scheduler: Scheduler


def create_engine_app(options: EngineOptions) -> FastAPI:
    """The engine as an application; its lifespan migrates, and starts and stops calls and syncs."""
    database = Database(options.dsn, size=20)
    store = EngineStore(database, _LEASE)
    registry = Registry(store)
    client = httpx.AsyncClient(
        timeout=options.call_timeout,
        limits=httpx.Limits(max_connections=options.concurrency + 10),
        follow_redirects=False,
    )
    caller = Caller(client, options.signing_key, options.call_timeout, options.server_kind)
    scheduler = Scheduler(store, registry, caller, options.concurrency, options.retry_interval)
    poller = Poller(caller, options.app_urls, options.poll_interval)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(migrate, options.dsn, HISTORY)
        await database.open()
        tasks = [asyncio.create_task(scheduler.run()), asyncio.create_task(poller.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await client.aclose()
            await database.close()

    app = FastAPI(title="Tickover's local engine", lifespan=lifespan, openapi_url=None)
    engine = Engine(options, store, registry, scheduler)
    for router in (event_router(engine), registration_router(engine), rest_router(engine)):
        app.include_router(router)
    app.add_exception_handler(WireError, _refused)
    return app


async def _refused(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, WireError):
        raise error
    return JSONResponse({"error": error.detail, "status": error.status}, error.status)


async def serve(options: EngineOptions) -> None:
    """Run the engine until it is told to stop."""
    config = uvicorn.Config(
        create_engine_app(options), host=options.host, port=options.port, log_level="warning", access_log=False
    )
    _log.warning(FIRST_LINE)
    _log.info("engine.listening", host=options.host, port=options.port, kind=options.server_kind)
    await uvicorn.Server(config).serve()
