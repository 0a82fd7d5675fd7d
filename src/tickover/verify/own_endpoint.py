"""What the application answers at the URL it serves, asked as the engine would: a signed GET.

Rule: inngest-wire, Inspection and Signatures. The diagnosis does without it; it tells of a shell whose settings are not
those of the deployment.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

import httpx

from tickover.engine.signing import HEADER, sign

_TIMEOUT = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class Answer:
    """What the application said.

    Args:
        text: in words; empty where it was not asked.
        has_signing_key: whether it has one; None where that was not learned.
    """

    text: str = ""
    has_signing_key: bool | None = None


async def ask(url: str | None, signing_key: str | None, now: datetime) -> Answer:
    """Ask the application's own endpoint.

    Args:
        url: where it is served; None asks nobody.
        signing_key: that of this process, if it has one.
        now: the time, for the signature.
    """
    if url is None:
        return Answer()
    headers = {} if signing_key is None else {HEADER: sign(signing_key, b"", now)}
    try:
        async with asyncio.timeout(_TIMEOUT), httpx.AsyncClient(timeout=None) as client:  # noqa: S113 - bounded as a whole
            answer = await client.get(url, headers=headers)
    except (httpx.HTTPError, TimeoutError) as error:
        return Answer(f"{url} does not answer here ({type(error).__name__})")
    return _read(url, answer)


def _read(url: str, answer: httpx.Response) -> Answer:
    if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        return Answer(f"{url} answers 503", has_signing_key=False)
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        return Answer(f"{url} answers 401: INNGEST_SIGNING_KEY is another one there than in this shell")
    try:
        said: Any = answer.json()
    except ValueError:
        said = None
    if not isinstance(said, dict) or "function_count" not in said:
        return Answer(f"{url} answers {answer.status_code}, and not as an application of the engine does")
    mode, has_key = said.get("mode"), said.get("has_signing_key")
    known = has_key if isinstance(has_key, bool) and mode != "dev" else None
    return Answer(f"{url} serves {said['function_count']} functions in mode {mode}", known)
