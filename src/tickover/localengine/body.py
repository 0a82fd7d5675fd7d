"""The bodies of requests, of a bounded size."""

from fastapi import Request

from tickover.errors import WireError

LARGEST_BODY = 32 * 1024 * 1024
"""Bytes of a request."""


async def read_body(request: Request) -> bytes:
    """The body of a request.

    Raises:
        WireError: 413: it is too large.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise WireError(413, f"a request takes at most {LARGEST_BODY} bytes")
    return bytes(body)
