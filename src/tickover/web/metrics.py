"""The metrics as Prometheus reads them: `GET /metrics`, there only where a token or the operator's word opens it."""

import hmac
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from pydantic import SecretStr

from tickover.telemetry.metrics import CONTENT_TYPE, exposition
from tickover.web.gauges import Gauges
from tickover.web.problems import ProblemRoute, problem
from tickover.web.series import begin_all
from tickover.web.served import Served


def is_exposed(served: Served) -> bool:
    """Whether metrics are to be served at all."""
    return served.settings.metrics_token is not None or served.settings.metrics_open


def metrics_router(served: Served, gauges: Gauges) -> APIRouter:
    """The router of the metrics.

    Args:
        served: whose.
        gauges: what reads how things stand.
    """
    router = APIRouter(tags=["metrics"], route_class=ProblemRoute)
    begin_all(served.contract)
    token = served.settings.metrics_token

    @router.get(served.settings.metrics_path, include_in_schema=False)
    async def metrics(request: Request) -> Response:
        """What this process has counted, and how things stand, in Prometheus's text format."""
        if token is not None and not _shows(request, token):
            detail = "send the value of TICKOVER_METRICS_TOKEN as 'Authorization: Bearer …'"
            refusal = problem(HTTPStatus.UNAUTHORIZED, "wrong-token", detail)
            refusal.headers["www-authenticate"] = "Bearer"
            return refusal
        await served.open()
        return Response(exposition(await gauges.read()), media_type=CONTENT_TYPE)

    return router


def _shows(request: Request, token: SecretStr) -> bool:
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    is_same = hmac.compare_digest(shown.strip().encode("latin-1", "replace"), token.get_secret_value().encode())
    return is_same and scheme.lower() == "bearer"
