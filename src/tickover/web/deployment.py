"""What this deployment says of itself to whoever may fire its ticks: `/api/jobs/deployment` and `/api/jobs/ticks/…`.

`tickover verify` asks both; a dashboard shows the first.
"""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from tickover import clock
from tickover.contract import Contract, Function
from tickover.errors import RedisAwayError, RequestError
from tickover.isolation.engine import Engine
from tickover.ledger.refusals import Refusals
from tickover.ledger.store import Ledger
from tickover.settings import Settings
from tickover.status.link import RedisLink
from tickover.status.store import iso
from tickover.ticks.answer import progress_as_json
from tickover.ticks.findings import refused
from tickover.web.problems import ProblemRoute
from tickover.web.served import Served


def deployment_router(served: Served) -> APIRouter:
    """The router of what a deployment says of itself."""
    router = APIRouter(prefix="/api/jobs", tags=["deployment"], route_class=ProblemRoute)

    @router.get("/deployment")
    async def deployment(request: Request) -> JSONResponse:
        """The verdict on this process's environment, what it serves, and what is wrong with it; no secret is told."""
        await served.door.admit(request)
        await served.open()
        return JSONResponse(await _deployment(served))

    @router.get("/ticks/{dispatch_key:path}")
    async def tick(request: Request, dispatch_key: str) -> JSONResponse:
        """How far each function of a tick is."""
        await served.door.admit(request)
        await served.open()
        ledger = Ledger(served.database, served.settings.lease)
        functions = [progress_as_json(progress) for progress in await ledger.progress(dispatch_key)]
        if not functions:
            raise RequestError(HTTPStatus.NOT_FOUND, "unknown-tick", f"no tick {dispatch_key!r} is recorded here")
        return JSONResponse({"dispatchKey": dispatch_key, "functions": functions})

    return router


async def _deployment(served: Served) -> dict[str, Any]:
    verdict = await served.guard.verdict()
    refusals = await Refusals(served.database).going_on()
    settings = served.settings
    return {
        "appId": served.app_id,
        "now": iso(clock.now()),
        **verdict.as_json(),
        "flags": served.flags,
        "contract": contract_as_json(served.contract),
        "engine": _engine(settings),
        "keys": _keys(settings),
        "budgets": {
            "inlineS": settings.inline_budget,
            "durableS": settings.durable_budget,
            "sendTimeoutS": settings.send_timeout,
            "hostLimitS": settings.host_limit or verdict.environment.limit_s,
        },
        "redis": await _redis(served.redis),
        "circuits": await _circuits(served),
        "findings": [finding.as_json() for finding in refused(refusals)],
    }


def contract_as_json(contract: Contract) -> list[dict[str, Any]]:
    """The routes of a contract, with what each owes and which functions carry it."""
    return [
        {
            "route": route.id,
            "flag": route.flag,
            "owes": list(route.owes),
            "functions": [_function(function) for function in route.functions],
        }
        for route in contract.routes
    ]


def _function(function: Function) -> dict[str, Any]:
    return {
        "id": function.id,
        "event": function.event,
        "responsibilities": [responsibility.id for responsibility in function.responsibilities],
        "retries": function.retries,
    }


def _engine(settings: Settings) -> dict[str, Any]:
    engine = Engine(settings.engine_url, settings.dev_mode)
    return {"url": engine.url, "isCloud": engine.is_cloud, "isDev": engine.is_dev}


def _keys(settings: Settings) -> dict[str, bool]:
    return {
        "eventKey": settings.inngest_event_key is not None,
        "signingKey": settings.inngest_signing_key is not None,
        "signingKeyFallback": settings.inngest_signing_key_fallback is not None,
    }


async def _redis(redis: RedisLink) -> dict[str, bool]:
    try:
        await redis.ask("ping", lambda client: client.ping())
    except RedisAwayError:
        return {"isConfigured": redis.is_there, "answers": False}
    return {"isConfigured": True, "answers": True}


async def _circuits(served: Served) -> dict[str, dict[str, str]]:
    circuits = {route.id: (await served.breaker.look(route.id)).circuit for route in served.contract.routes}
    return {route: {"state": str(circuit.state), "reason": circuit.reason} for route, circuit in circuits.items()}
