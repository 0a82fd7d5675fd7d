"""What can be asked of the engine: events, runs, and whether it is alive. In the shape of Inngest's REST API."""

import json
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Response
from psycopg.rows import dict_row

from tickover.errors import WireError
from tickover.localengine.guards import key_guard
from tickover.localengine.parts import Engine
from tickover.localengine.wire import Registered, Registration, function_uuid
from tickover.sql import statement

_ENVIRONMENT = "00000000-0000-4000-b000-000000000000"  # there is one
_MOST_LISTED = 51  # as the real server
_STATUS = {"queued": "Queued", "running": "Running", "completed": "Completed", "failed": "Failed"}


def rest_router(engine: Engine) -> APIRouter:
    """The router of questions."""
    router = APIRouter()

    @router.get("/health")
    async def health() -> dict[str, Any]:
        """Alive, with its database; how many functions it knows, and how many calls are still to be answered."""
        functions, queued = await engine.store.counts()
        functions = 0 if engine.registry.forgotten else functions
        return {"status": "ok", "functions": functions, "queued": queued}

    keyed = [Depends(key_guard(engine.options.signing_key))]
    router.include_router(_event_router(engine), dependencies=keyed)
    router.include_router(_run_router(engine), dependencies=keyed)
    return router


def _event_router(engine: Engine) -> APIRouter:
    router = APIRouter(prefix="/v1/events")

    @router.get("")
    async def events(name: str | None = None, limit: int = 20, received_before: datetime | None = None) -> Response:
        """Events, the newest first; `name` and `received_before` narrow them down."""
        parameters = {"name": name, "before": received_before, "most": max(1, min(limit, _MOST_LISTED))}
        async with engine.store.database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement("list_events", "tickover.localengine.sql"), parameters)
            return _answer(engine, [_event(row) for row in await cursor.fetchall()])

    @router.get("/{event_id}")
    async def event(event_id: str) -> Response:
        """An event, by either of its ids."""
        found = await engine.store.event(event_id)
        if found is None:
            raise WireError(404, "event not found")
        return _answer(engine, _event(found))

    @router.get("/{event_id}/runs")
    async def runs(event_id: str) -> Response:
        """The runs that an event started."""
        return _answer(engine, [_run(row) for row in await engine.store.runs(event_id)])

    return router


def _run_router(engine: Engine) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/apps/{app}/functions")
    async def functions(app: str) -> Response:
        """An application's functions. As the real API's, this answer is a bare list."""
        known = await engine.registry.newer_than(await engine.registry.functions())
        mine = [_function(function) for function in known.all if function.app == app]
        return Response(json.dumps(mine), media_type="application/json")

    @router.get("/runs/{run_id}")
    async def run(run_id: str) -> Response:
        """A run."""
        found = [row for row in await engine.store.runs(run_id) if row["id"] == run_id]
        if not found:
            raise WireError(404, "run not found")
        return _answer(engine, _run(found[0]))

    return router


def _answer(engine: Engine, data: Any) -> Response:
    """As the real API answers; nothing here is cached. Plain JSON, since an output may be deep."""
    now = engine.stamp()
    body = {"data": data, "metadata": {"fetched_at": now, "cached_until": now}}
    return Response(json.dumps(body, default=datetime.isoformat), media_type="application/json")


def _event(row: dict[str, Any]) -> dict[str, Any]:
    return {**row["body"], "internal_id": row["internal_id"], "received_at": row["received_at"]}


def _function(function: Registered) -> dict[str, Any]:
    config = function.config
    return {
        "internal_id": function_uuid(function.id),
        "env_id": _ENVIRONMENT,
        "app_id": Registration(function.app, [], {}).app_uuid,
        "id": function.id,
        "name": config.get("name") or function.id,
        "config": {
            "id": function_uuid(function.id),
            "slug": function.id,
            "triggers": config.get("triggers") or [],
            "steps": [{"id": "step", "name": "step", "uri": function.url}],
        },
        "archived_at": "0001-01-01T00:00:00Z",
    }


def _run(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "run_id": row["id"],
        "run_started_at": row["started_at"] or row["created_at"],
        "function_id": function_uuid(row["function_id"]),
        "function_slug": row["function_id"],
        "function_version": 1,
        "environment_id": _ENVIRONMENT,
        "event_id": row["internal_id"],
        "status": _STATUS[row["state"]],
        "ended_at": row["ended_at"],
        "output": row["output"],
    }
