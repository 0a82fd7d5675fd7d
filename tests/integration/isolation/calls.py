"""Requests as the engine makes them, and an engine's event API that keeps what it gets."""

import json
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from tests.integration.isolation.conftest import SIGNING_KEY
from tickover import clock
from tickover.engine.signing import HEADER, sign

CALL = "/api/inngest?fnId=probe-process&stepId=step"
ACCEPTED = """
  WITH t AS (
    INSERT INTO tickover.tick (dispatch_key, route, identity_source, mode, reason, correlation_id, event_ids)
    VALUES ('k', 'background-jobs', 'execution-id', 'dispatch', '', 'c', '{e}') RETURNING id
  )
  INSERT INTO tickover.obligation (tick_id, function, state, start_by, accepted_at)
  SELECT id, 'process', 'accepted', now() + interval '1 hour', now() FROM t
"""


def call_body(dispatch_key: str = "k") -> bytes:
    """What the engine sends when it calls a function, in canonical form."""
    event = {"data": {"dispatchKey": dispatch_key}, "id": "1", "name": "background/process.requested", "ts": 1}
    stack = {"current": 0, "stack": []}
    context = {"attempt": 0, "disable_immediate_execution": False, "run_id": "r", "stack": stack, "use_api": False}
    body = {"ctx": context, "event": event, "events": [event], "steps": {}, "use_api": False}
    return json.dumps(body, separators=(",", ":"), sort_keys=True).encode()


def signed(body: bytes, key: str = SIGNING_KEY) -> dict[str, Any]:
    """A request's body, with its signature of now."""
    return {"content": body, "headers": {HEADER: sign(key, body, clock.now())}}


@dataclass
class EventApi:
    """Takes events, and keeps them with the headers they came with."""

    requests: list[dict[str, str]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        request = Request(scope, receive)
        sent = await request.json()
        self.requests.append(dict(request.headers))
        self.events += sent
        ids = [f"01{number}" for number in range(len(sent))]
        await JSONResponse({"ids": ids, "status": 200})(scope, receive, send)
