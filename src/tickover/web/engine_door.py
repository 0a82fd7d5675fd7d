"""The guarded door at the engine's URL: who may call, and who may make this deployment register."""

import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import psycopg
from fastapi import Request
from fastapi.responses import JSONResponse, Response
from psycopg_pool import PoolTimeout
from starlette.types import Message, Receive, Scope, Send

from tickover import clock
from tickover.engine.admission import LARGEST_BODY, Refused, SyncRequest, admit_sync, admit_unread, too_large
from tickover.engine.endpoint import Endpoint
from tickover.engine.refused import refusal
from tickover.engine.signing import HEADER
from tickover.isolation.guard import wrong_environment
from tickover.web.problems import answer_to, problem
from tickover.web.served import Served

_METHODS = ("GET", "HEAD", "POST", "PUT")
_ENVIRONMENT = b"x-inngest-env"
_LONGEST_ERROR = 64 * 1024
_CAUSES = {
    "stale-signature": ("stale", "signed more than five minutes from now"),
    "foreign-signature": ("signature", "signed with another key"),
}
_UNFORESEEN = "something failed here that should not: look into the log of this deployment, and call again"
_NO_KEY = "INNGEST_SIGNING_KEY is not set: calls of the engine cannot be told from anybody else's"


class EngineDoor:
    """What stands at the engine's URL. Every answer names the environment; HEAD is GET without a body."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._environment = served.guard.offline.engine_environment.encode("ascii", "replace")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. What nobody has foreseen is answered here, and goes on to the server that logs it."""
        answer = _Answer(send, self._environment, without_body=scope["method"] == "HEAD")
        request = Request({**scope, "path": scope["path"].removesuffix("/")}, receive)
        try:
            await self._served.open()
            await self._answer(request, answer)
        except Exception:
            if answer.status == 0:
                await _say(request, problem(HTTPStatus.INTERNAL_SERVER_ERROR, "unforeseen", _UNFORESEEN), answer)
            raise

    async def _answer(self, request: Request, answer: "_Answer") -> None:
        if request.method not in _METHODS:
            await _say(request, JSONResponse({}, 405, {"allow": ", ".join(_METHODS)}), answer)
            return
        endpoint = self._served.endpoint
        if endpoint is None:
            await _say(request, problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-signing-key", _NO_KEY), answer)
            if request.method in {"POST", "PUT"}:
                await self._served.doorkeeper.refused("engine", "no-signing-key", "requests are answered 503")
            return
        signature = request.headers.get(HEADER) if endpoint.is_signed else None
        unread = admit_unread(request.method, signature, request.headers.get("content-length"), clock.now())
        if unread is not None:
            await self._refuse(request, unread, answer)
        elif request.method in {"GET", "HEAD"}:
            await self._inspect(request, endpoint, signature, answer)
        else:
            await self._let_in(request, endpoint, signature, answer)

    async def _inspect(self, request: Request, endpoint: Endpoint, signature: str | None, answer: "_Answer") -> None:
        if endpoint.is_signed and signature is None:
            await _say(request, JSONResponse(endpoint.inspection()), answer)
        else:
            scope = {**request.scope, "method": "GET"}
            await endpoint.app(scope, request.receive, answer)

    async def _let_in(self, request: Request, endpoint: Endpoint, signature: str | None, answer: "_Answer") -> None:
        try:
            body = await _read(request.stream())
        except _TooLargeError:
            await self._refuse(request, too_large(), answer)
            return
        try:
            verdict = await self._served.guard.verdict()
        except (psycopg.Error, PoolTimeout):
            detail = "PostgreSQL cannot be reached, so nothing was done: call again"
            await _say(request, problem(HTTPStatus.SERVICE_UNAVAILABLE, "database-unavailable", detail), answer)
            return
        matters = request.method == "PUT" or verdict.is_refused  # calls that are let in are checked by the SDK itself
        is_genuine = matters and signature is not None and endpoint.is_genuine(body, signature)
        if request.method == "POST" and verdict.is_refused and (is_genuine or not endpoint.is_signed):
            # Whoever is not the engine is told 401 by the SDK, and nothing of what is wrong here.
            await _say(request, answer_to(wrong_environment(verdict)), answer)
            return
        if request.method == "PUT":
            host, forwarded = (request.headers.get(name, "") for name in ("host", "x-forwarded-host"))
            asked = SyncRequest(host, forwarded, signature, is_genuine, _url(body))
            refused = admit_sync(verdict, asked, is_signed_mode=endpoint.is_signed)
            if refused is not None:
                await self._refuse(request, refused, answer)
                return
        await endpoint.app(request.scope, _replay(body, request.receive), answer)
        cause = refusal(request.method, request.query_params, request.headers, answer.status, bytes(answer.error))
        if cause is not None:
            await self._served.doorkeeper.refused("engine", *cause)
        elif request.method == "POST":
            await self._served.doorkeeper.accepted("engine")

    async def _refuse(self, request: Request, refused: Refused, answer: "_Answer") -> None:
        await _say(request, problem(refused.status, refused.code, refused.detail), answer)
        what = {"POST": "calls", "PUT": "syncs"}.get(request.method)
        if what is not None and refused.code in _CAUSES:
            cause, how = _CAUSES[refused.code]
            detail = f"{what} {how} are answered {refused.status.value}"
            await self._served.doorkeeper.refused("engine", cause, detail)


class _TooLargeError(Exception):
    """A body that goes on beyond what any request needs."""


class _Answer:
    """Passes an answer on, with the environment in its head; keeps its status, and its body where it is an error."""

    def __init__(self, send: Send, environment: bytes, *, without_body: bool) -> None:
        self._send = send
        self._environment = environment
        self._without_body = without_body
        self.status = 0
        self.error = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [(name, value) for name, value in message["headers"] if name.lower() != _ENVIRONMENT]
            message = {**message, "headers": [*headers, (_ENVIRONMENT, self._environment)]}
        elif self.status >= HTTPStatus.BAD_REQUEST and len(self.error) < _LONGEST_ERROR:
            self.error += message.get("body", b"")
        if self._without_body and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)


async def _say(request: Request, response: Response, answer: _Answer) -> None:
    await response(request.scope, request.receive, answer)


async def _read(chunks: AsyncIterator[bytes]) -> bytes:
    """A body.

    Raises:
        _TooLargeError: it has more bytes than any request needs; the rest is not read.
    """
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > LARGEST_BODY:
            raise _TooLargeError
    return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """What an application receives whose request's body was read already."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again


def _url(body: bytes) -> str | None:
    """The URL that a request to register names."""
    try:
        said: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    url = said.get("url") if isinstance(said, dict) else None
    return url if isinstance(url, str) else None
