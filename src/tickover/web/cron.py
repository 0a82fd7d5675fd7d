"""The cron endpoints: `GET` and `POST /api/cron/{route}`."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from tickover import clock, telemetry
from tickover.errors import RequestError, SettingsError
from tickover.isolation.environment import Environment
from tickover.status.store import iso
from tickover.telemetry import tracing
from tickover.ticks.answer import FunctionReport, TickAnswer, TickRequest
from tickover.ticks.circuit import Circuit
from tickover.ticks.decision import Mode
from tickover.ticks.identity import correlation_id, identify, parse_client_id
from tickover.ticks.watchdog import Recovery
from tickover.variables import parse_flag
from tickover.web.problems import EXPECTED, ProblemRoute, problem, undone_by
from tickover.web.served import Served

_FORCE_FAILURE = "x-tickover-force-enqueue-failure"
_LARGEST_BODY = 64 * 1024


def cron_router(served: Served) -> APIRouter:
    """The router of all cron endpoints of a contract."""
    router = APIRouter(prefix="/api/cron", tags=["cron"], route_class=ProblemRoute)

    async def tick(route: str, request: Request) -> JSONResponse:
        """Fire one tick of a route."""
        await served.open()
        try:
            await served.door.admit(request)
        except RequestError as error:
            cause = "cron-secret" if error.status is HTTPStatus.UNAUTHORIZED else error.code
            await served.doorkeeper.refused("cron", cause, f"{error.code}: {error.detail}")
            raise
        await served.doorkeeper.accepted("cron")
        parsed = await _parse(served, route, request)
        attributes = {
            "faas.trigger": "timer",
            "tickover.route": parsed.route.id,
            "tickover.dispatch_key": parsed.identity.dispatch_key,
            "tickover.correlation_id": parsed.correlation_id,
        }
        name = f"tick {parsed.route.id}"
        with tracing.request_span(name, request.headers, attributes) as span, _counted_if_undone(parsed.route.id):
            answer = await served.handler.handle(parsed)
            tracing.describe(span, {"tickover.mode": str(answer.mode), "tickover.reason": answer.reason})
        return _answer(parsed, answer)

    for method in ("GET", "POST"):  # some schedulers can only GET
        router.add_api_route("/{route}", tick, methods=[method], operation_id=f"tick_by_{method.lower()}")
    return router


@contextmanager
def _counted_if_undone(route: str) -> Iterator[None]:
    """Count a tick for which nothing can be done, by what keeps it."""
    try:
        yield
    except EXPECTED as error:
        if (code := undone_by(error)) is not None:
            telemetry.record_tick(route, code)
        raise


async def _parse(served: Served, route_id: str, request: Request) -> TickRequest:
    route = served.contract.route(route_id)
    if route is None:
        known = ", ".join(r.id for r in served.contract.routes)
        raise RequestError(HTTPStatus.NOT_FOUND, "unknown-route", f"there is no route {route_id!r}; known: {known}")
    body = _parse_body(await _read_body(request))
    client_id = parse_client_id(request.query_params.get("clientId", body.get("clientId")))
    now = clock.now()
    identity = identify(route.id, route.window, request.headers, client_id, now)
    bad_key = _wants_bad_key(request, served.guard.environment)
    return TickRequest(route, identity, client_id, correlation_id(request.headers, uuid.uuid4().hex), now, bad_key)


def _wants_bad_key(request: Request, environment: Environment) -> bool:
    """Whether the tick is to be sent with a key that no engine knows, as `tickover verify` asks of a preview.

    Raises:
        RequestError: nobody does that to production, or the header says neither yes nor no.
    """
    try:
        wanted = parse_flag(_FORCE_FAILURE, request.headers.get(_FORCE_FAILURE))
    except SettingsError as error:
        raise RequestError(HTTPStatus.BAD_REQUEST, "bad-header", str(error)) from None
    if wanted and environment.is_production:
        detail = f"{_FORCE_FAILURE} is for previews and development; production's ticks are sent as they are"
        raise RequestError(HTTPStatus.FORBIDDEN, "not-in-production", detail)
    return wanted


async def _read_body(request: Request) -> bytes:
    """The body, refused as soon as it is larger than any tick's can be."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            detail = f"a tick's body has at most {_LARGEST_BODY} bytes"
            raise RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", detail)
    return bytes(body)


def _parse_body(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise RequestError(HTTPStatus.BAD_REQUEST, "bad-body", 'send no body, or a JSON object such as {"clientId": …}')
    return parsed


def _answer(request: TickRequest, answer: TickAnswer) -> JSONResponse:
    members = {
        "route": request.route.id,
        "mode": str(answer.mode),
        "reason": answer.reason,
        "dispatchKey": request.identity.dispatch_key,
        "identitySource": request.identity.source,
        "correlationId": answer.correlation_id,
        "clientId": request.client_id,
        "eventIds": list(answer.event_ids),
        "sendError": answer.send_error,
        "functions": [_function(report) for report in answer.functions],
        "idle": list(answer.idle),
        "recovered": [_recovery(recovery) for recovery in answer.recovered],
        "circuit": None if answer.circuit is None else _circuit(answer.circuit),
        "findings": [finding.as_json() for finding in answer.findings],
        "durationMs": answer.duration_ms,
    }
    if answer.failed:
        detail = "work of this tick failed here; call again with the same identity to take up what has not succeeded"
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "work-failed", detail, **members)
    status = HTTPStatus.ACCEPTED if answer.mode is Mode.DISPATCH else HTTPStatus.OK
    return JSONResponse(members, status)


def _function(report: FunctionReport) -> dict[str, Any]:
    return {
        "function": report.function,
        "path": None if report.path is None else str(report.path),
        "state": str(report.state),
        "reason": report.reason,
        "attempt": report.attempt,
        "durationMs": report.duration_ms,
        "responsibilities": report.summaries,
        "covered": report.covered,
        "error": report.error,
    }


def _recovery(recovery: Recovery) -> dict[str, Any]:
    outcome = recovery.outcome
    return {
        "function": recovery.overdue.function,
        "dispatchKey": recovery.overdue.dispatch_key,
        "was": str(recovery.overdue.state),
        "cause": recovery.cause,
        "late": recovery.overdue.late,
        "state": None if outcome is None else str(outcome.state),
        "covered": 0 if outcome is None else outcome.covered,
        "durationMs": None if outcome is None else outcome.duration_ms,
        "responsibilities": {} if outcome is None else outcome.summaries,
        "error": None if outcome is None else outcome.error,
    }


def _circuit(circuit: Circuit) -> dict[str, Any]:
    return {
        "state": str(circuit.state),
        "reason": circuit.reason,
        "since": None if circuit.since is None else iso(circuit.since),
        "evidence": list(circuit.evidence),
    }
