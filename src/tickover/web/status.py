"""Each function's newest status: `GET /api/jobs/status`."""

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from tickover.status.keys import GLOBAL
from tickover.ticks.identity import parse_client_id
from tickover.web.authentication import require_secret

if TYPE_CHECKING:
    from tickover.app import Tickover


def status_router(tickover: "Tickover") -> APIRouter:
    """The router of the status."""
    router = APIRouter(prefix="/api/jobs", tags=["status"])

    @router.get("/status")
    async def status(request: Request) -> JSONResponse:
        """The newest status of every function, from Redis, or from the ledger where Redis is away."""
        require_secret(request, tickover.settings.cron_secret)
        await tickover.open()
        client_id = parse_client_id(request.query_params.get("clientId"))
        source, statuses = await tickover.status.read(client_id, [f.id for f in tickover.contract.functions])
        body: dict[str, Any] = {"clientId": client_id or GLOBAL, "source": source, "jobs": statuses}
        return JSONResponse(body)

    return router
