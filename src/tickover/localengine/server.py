"""The local engine as an HTTP server."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from psycopg import AsyncConnection, DataError, OperationalError
from psycopg.errors import ProgramLimitExceeded
from psycopg_pool import PoolTimeout

from tickover.database import Database
from tickover.errors import EnvironmentStateError, WireError
from tickover.localengine.caller import Caller
from tickover.localengine.clock import EngineClock
from tickover.localengine.event_api import event_router
from tickover.localengine.faults.faults import Faults
from tickover.localengine.faults.router import faults_router
from tickover.localengine.guards import require_loopback
from tickover.localengine.janitor import Janitor
from tickover.localengine.options import EngineOptions
from tickover.localengine.pages.router import pages_router
from tickover.localengine.parts import Engine
from tickover.localengine.poller import Poller
from tickover.localengine.reception import Reception
from tickover.localengine.registration import registration_router
from tickover.localengine.registry import Registry
from tickover.localengine.rest import rest_router
from tickover.localengine.scheduler import Scheduler
from tickover.localengine.settlement import Settlement
from tickover.localengine.store import EngineStore
from tickover.localengine.timer import Timer
from tickover.migrations import History, migrate

Loop = Callable[[], Coroutine[None, None, None]]
HISTORY = History("tickover_engine", "tickover.localengine")
FIRST_LINE = "tickover engine: a stand-in for Inngest on one machine and in tests; it is no replacement for it"
_UNTIL_CLOSED = 5  # seconds that requests under way get when the engine stops
_REACHED_WITHIN = 5  # seconds to connect to PostgreSQL at the start
_log = structlog.stdlib.get_logger("tickover.engine")


def create_engine_app(options: EngineOptions, clock: EngineClock | None = None) -> FastAPI:
    """The engine as an application; its lifespan migrates, and starts and stops calls and syncs.

    Args:
        options: how it is to run.
        clock: its time, for whoever wants to move it.
    """
    database = Database(options.dsn, size=20)
    engine, caller, loops = _assembled(options, database, clock or EngineClock())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(migrate, options.dsn, HISTORY)
        await database.open()
        await caller.open()
        tasks = [asyncio.create_task(loop()) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await caller.close()
            await database.close()

    app = FastAPI(title="Tickover's local engine", lifespan=lifespan, openapi_url=None)
    for router in (
        event_router(engine),
        registration_router(engine),
        rest_router(engine),
        faults_router(engine.faults, require_loopback, signs=options.signing_key is not None),
        pages_router(database, engine.clock, options.server_kind, require_loopback),
    ):
        app.include_router(router)
    for error in (WireError, DataError, OperationalError, PoolTimeout):
        app.add_exception_handler(error, _refused)
    return app


def _assembled(options: EngineOptions, database: Database, clock: EngineClock) -> tuple[Engine, Caller, Sequence[Loop]]:
    """The parts of an engine, what makes its calls, and what it does all the time."""
    store, faults = EngineStore(database, options.lease), Faults(database)
    registry = Registry(store, clock, faults)
    caller = Caller(options.signing_key, options.call_timeout, options.concurrency, options.server_kind, faults)
    settlement = Settlement(store, registry, clock, options.retry_interval)
    scheduler = Scheduler(store, caller, settlement, clock, faults, options.concurrency)
    reception = Reception(store, registry, clock, faults, scheduler.wake)
    loops = (
        scheduler.run,
        Poller(caller, options.app_urls, options.poll_interval).run,
        Janitor(store, clock, timedelta(hours=options.keep_hours), options.keep_runs).run,
        Timer(database, clock, reception.fire).run,
        faults.watch,
    )
    return Engine(options, clock, store, registry, reception, faults), caller, loops


async def _refused(_: Request, error: Exception) -> JSONResponse:
    status, text = 503, "the engine's database is away; try again"
    if isinstance(error, WireError):
        status, text = error.status, error.detail
    elif isinstance(error, DataError | ProgramLimitExceeded):
        status, text = 400, f"PostgreSQL keeps no such value: {str(error).partition(chr(10))[0]}"
    return JSONResponse({"error": text, "status": status}, status)


def run(options: EngineOptions) -> None:
    """Run the engine until it is told to stop, in an event loop of its own.

    Raises:
        EnvironmentStateError: the port is taken.
        psycopg.OperationalError: PostgreSQL cannot be reached.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(options))


async def serve(options: EngineOptions) -> None:
    """Run the engine until it is told to stop.

    Raises:
        EnvironmentStateError: the port is taken.
        psycopg.OperationalError: PostgreSQL cannot be reached.
    """
    listening = _listen(options.host, options.port)
    await (await AsyncConnection.connect(options.dsn, connect_timeout=_REACHED_WITHIN)).close()
    config = uvicorn.Config(
        create_engine_app(options),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_UNTIL_CLOSED,
    )
    _log.warning(FIRST_LINE)
    _log.info("engine.listening", host=options.host, port=options.port, kind=options.server_kind)
    server = uvicorn.Server(config)
    await server.serve(sockets=[listening])
    if not server.started:
        raise EnvironmentStateError("the engine did not start; the lines above say why")


def _listen(host: str, port: int) -> socket.socket:
    # TCP is named, for asyncio turns off Nagle's delay (40 ms an answer) only where it is.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise EnvironmentStateError(
            f"the engine cannot listen on {host}:{port}: {error.strerror}; stop what does, or give another port"
        ) from error
    return listening
