"""Faults over HTTP: asked for, listed, ended. From this machine only."""

import json
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Depends, Request

from tickover.errors import WireError
from tickover.localengine.body import read_body
from tickover.localengine.faults.faults import Fault, Faults
from tickover.localengine.faults.kinds import parse_fault
from tickover.localengine.guards import Guard


def faults_router(faults: Faults, guard: Guard, *, signs: bool) -> APIRouter:
    """The router of faults.

    Args:
        faults: what goes wrong.
        guard: who may ask for it.
        signs: whether the engine has keys.
    """
    router = APIRouter(dependencies=[Depends(guard)])

    @router.get("/faults")
    async def list_faults() -> dict[str, Any]:
        """Every fault that has not ended."""
        return {"data": [_shown(fault) for fault in await faults.all()]}

    @router.post("/faults", status_code=HTTPStatus.CREATED)
    async def add_fault(request: Request) -> dict[str, Any]:
        """Let something go wrong."""
        # A page of somebody else's could post a form here unasked; for JSON its browser asks first, and gets no leave.
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise WireError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a fault is asked for with content-type application/json"
            )
        try:
            body = json.loads(await read_body(request))
        except (ValueError, RecursionError):
            raise WireError(HTTPStatus.BAD_REQUEST, "the body is no JSON") from None
        return {"data": _shown(await faults.add(parse_fault(body, signs=signs)))}

    @router.delete("/faults/{fault_id}")
    async def remove_fault(fault_id: int) -> dict[str, Any]:
        """End a fault."""
        if not await faults.remove(fault_id):
            raise WireError(HTTPStatus.NOT_FOUND, f"there is no fault {fault_id}, or it has ended")
        return {"removed": 1}

    @router.delete("/faults")
    async def remove_faults() -> dict[str, Any]:
        """End all faults."""
        return {"removed": await faults.remove()}

    return router


def _shown(fault: Fault) -> dict[str, Any]:
    return asdict(fault)
