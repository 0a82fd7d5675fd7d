"""What can be asked of the engine: events, runs, and whether it is alive. In the shape of Inngest's REST API."""

from typing import Any

from fastapi import APIRouter

from tickover.errors import WireError
from tickover.localengine.parts import Engine

_STATUS = {"queued": "Queued", "running": "Running", "completed": "Completed", "failed": "Failed"}


def rest_router(engine: Engine) -> APIRouter:
    """The router of questions."""
    router = APIRouter()

    @router.get("/health")
    async def health() -> dict[str, Any]:
        """Alive, with its database; how many functions it knows, and how many calls are still to be answered."""
        functions, queued = await engine.store.counts()
        return {"status": "ok", "functions": functions, "queued": queued}

    @router.get("/v1/events/{event_id}")
    async def event(event_id: str) -> dict[str, Any]:
        """An event."""
        found = await engine.store.event(event_id)
        if found is None:
            raise WireError(404, "event not found")
        data = found["body"] | {"internal_id": found["internal_id"], "received_at": found["received_at"]}
        return {"data": data}

    @router.get("/v1/events/{event_id}/runs")
    async def runs(event_id: str) -> dict[str, Any]:
        """The runs that an event started."""
        return {"data": [_run(row) for row in await engine.store.runs(event_id)]}

    @router.get("/v1/runs/{run_id}")
    async def run(run_id: str) -> dict[str, Any]:
        """A run."""
        found = [row for row in await engine.store.runs(run_id) if row["id"] == run_id]
        if not found:
            raise WireError(404, "run not found")
        return {"data": _run(found[0])}

    return router


def _run(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "run_id": row["id"],
        "function_id": row["function_id"],
        "event_id": row["event_id"],
        "status": _STATUS[row["state"]],
        "run_started_at": row["started_at"],
        "ended_at": row["ended_at"],
        "output": row["output"],
    }
