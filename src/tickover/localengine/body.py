"""The bodies of requests, of a bounded size."""

from fastapi import Request
from starlette.requests import ClientDisconnect

from tickover.errors import WireError

LARGEST_BODY = 32 * 1024 * 1024
"""Bytes of a request."""


async def read_body(request: Request) -> bytes:
    """The body of a request.

    Raises:
        WireError: 413: it is too large; 400: its sender gave up, and hears nothing of this.
    """
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_BODY:
                raise WireError(413, f"a request takes at most {LARGEST_BODY} bytes")
    except ClientDisconnect:
        raise WireError(400, "the request ended in the middle") from None
    return bytes(body)
