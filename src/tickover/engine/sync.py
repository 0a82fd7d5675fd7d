"""Asks a deployment to register at its engine, as the engine itself would: signed, naming the URL."""

from dataclasses import dataclass
from datetime import datetime

import httpx

from tickover.engine.signing import HEADER, sign, sync_body

_TIMEOUT = 30.0  # seconds; a deployment may have to start first
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Synced:
    """What a deployment answered.

    Args:
        status: the HTTP status; 0 where there was no answer.
        said: what it said, or why there was none.
    """

    status: int
    said: str

    @property
    def is_registered(self) -> bool:
        """Whether it registered."""
        return httpx.codes.is_success(self.status)


async def sync(url: str, signing_key: str | None, now: datetime) -> Synced:
    """Ask a deployment to register its functions; nothing is followed that redirects elsewhere.

    Args:
        url: its endpoint, `https://…/api/inngest`.
        signing_key: what it knows its engine by; None for a dev server.
        now: the time, for the signature.
    """
    body = sync_body(url)
    headers = {"content-type": "application/json"}
    if signing_key is not None:
        headers[HEADER] = sign(signing_key, body, now)
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT) as client:
            answer = await client.put(url, content=body, headers=headers)
    except httpx.HTTPError as error:
        return Synced(0, f"{type(error).__name__}: {error}".rstrip(": "))
    return Synced(answer.status_code, answer.text[:_LONGEST])
