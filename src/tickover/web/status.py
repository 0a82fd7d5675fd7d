"""Each function's newest status: `GET /api/jobs/status`."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from tickover.status.keys import GLOBAL
from tickover.ticks.identity import parse_client_id
from tickover.web.problems import ProblemRoute
from tickover.web.served import Served


def status_router(served: Served) -> APIRouter:
    """The router of the status."""
    router = APIRouter(prefix="/api/jobs", tags=["status"], route_class=ProblemRoute)

    @router.get("/status")
    async def status(request: Request) -> JSONResponse:
        """The newest status of every function, from Redis, or from the ledger where Redis is away."""
        await served.door.admit(request)
        await served.open()
        client_id = parse_client_id(request.query_params.get("clientId"))
        source, statuses = await served.status.read(client_id, [f.id for f in served.contract.functions])
        body: dict[str, Any] = {"clientId": client_id or GLOBAL, "source": source, "jobs": statuses}
        return JSONResponse(body)

    return router
