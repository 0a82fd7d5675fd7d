"""The engine as a test sees it from outside: what registered, and what of it was refused."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OK = 200


@dataclass(frozen=True, slots=True)
class Registration:
    """What the engine answered to an application that registered.

    Args:
        status: of the answer.
        refused: the functions that were refused, each with the reason.
        error: what was wrong with all of it; empty where nothing was.
    """

    status: int
    refused: Mapping[str, str]
    error: str


class Observed:
    """An engine that notes registrations, and keeps no connection open.

    A client that a test forgets to close would hold one beyond the test, and Python warns of it.

    Args:
        app: the engine.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.registrations: list[Registration] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and what is answered back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer()

        async def pass_back(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            if scope["path"] == "/fn/register" and answer.complete(message):
                self.registrations.append(answer.registration())
            await send(message)

        await self._app(scope, receive, pass_back)


@dataclass(slots=True)
class _Answer:
    """An answer as it comes."""

    status: int = 0
    body: bytes = b""

    def complete(self, message: Message) -> bool:
        """Whether a message was the last one."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return False
        self.body += message.get("body", b"")
        return not message.get("more_body", False)

    def registration(self) -> Registration:
        """What it says to an application that registered."""
        if self.status != _OK:
            return Registration(self.status, {}, self.body.decode(errors="replace"))
        return Registration(self.status, json.loads(self.body).get("refused", {}), "")
