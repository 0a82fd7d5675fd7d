"""What a fault does to a send."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from typing import NoReturn

from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from tickover import clock
from tickover.errors import WireError
from tickover.localengine.faults.faults import Faults
from tickover.localengine.faults.kinds import FaultKind

_BROKEN = "the engine is broken, as a fault wanted it"


class LostAnswer(Response):
    """An answer that breaks off: its head says that there is more, and then the connection is closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send the head, and nothing after it; the server closes the connection."""
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": [(b"content-length", b"1000")]})


async def refuse(faults: Faults, names: Sequence[str], request: Request) -> None:
    """Let a send fail before anything is stored, where a fault strikes.

    Args:
        faults: what goes wrong.
        names: of its events.
        request: the send, its body read; a hang ends when its sender gives up.

    Raises:
        WireError: 401 or 500.
    """
    if await faults.strike(FaultKind.SEND_401, *names):
        raise WireError(HTTPStatus.UNAUTHORIZED, "Event key not found")
    if await faults.strike(FaultKind.SEND_500, *names):
        _break()
    hang = await faults.strike(FaultKind.SEND_HANG, *names)
    if hang is not None:
        seconds = min(timedelta(seconds=hang.seconds or 0.0), hang.until - clock.now()).total_seconds()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while (await request.receive())["type"] != "http.disconnect":
                    pass
        _break()


def _break() -> NoReturn:
    raise WireError(HTTPStatus.INTERNAL_SERVER_ERROR, _BROKEN)
