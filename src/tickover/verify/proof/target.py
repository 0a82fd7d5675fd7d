"""Asks a deployment, as an operator, a scheduler and the engine would. Every question has an end."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ssl import SSLError, SSLObject, cert_time_to_seconds
from typing import Any, Self

import httpx

from tickover import clock
from tickover.engine.signing import HEADER, sign
from tickover.isolation.engine import leads_here
from tickover.ticks.identity import CANARY_HEADER
from tickover.verify.proof.answers import Answer

_TIMEOUT = 15.0  # seconds a question may take; a serverless deployment may have to start first
_LARGEST = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Access:
    """What an operator has.

    Args:
        cron_secret: of the deployment.
        signing_key: of the deployment's engine.
        headers: sent with every question: the bypass of a login in front, for instance.
    """

    cron_secret: str | None = field(default=None, repr=False)
    signing_key: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Target:
    """A deployment that is asked. Use it as a context manager.

    Args:
        url: its origin.
        access: what may be shown to it.
        timeout: seconds a tick may take to be answered; other questions have fifteen.
    """

    def __init__(self, url: str, access: Access, timeout: float) -> None:
        self._access = access
        self._tick_timeout = timeout
        # No redirect is followed, and no proxy stands before this machine: what is asked for is what is judged.
        self._client = httpx.AsyncClient(
            base_url=url,
            headers=dict(access.headers),
            timeout=None,  # noqa: S113 - bounded as a whole
            trust_env=not leads_here(url),
            verify=httpx.create_ssl_context(),
        )
        self.certificate_until: datetime | None = None

    async def __aenter__(self) -> Self:
        """Nothing is opened before the first question."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """An answer, or why there is none; a redirect is an answer."""
        return await self._ask(method, path, headers or {}, _TIMEOUT)

    async def ask_signed(self, path: str) -> Answer | None:
        """The answer to a signed GET; None where there is no key to sign with."""
        key = self._access.signing_key
        return None if key is None else await self.ask("GET", path, {HEADER: sign(key, b"", clock.now())})

    async def ask_with_secret(self, path: str) -> Answer | None:
        """The answer to a GET that shows the cron secret; None where there is none."""
        secret = self._access.cron_secret
        return None if secret is None else await self.ask("GET", path, _bearer(secret))

    async def tick(self, route: str, key: str, secret: str | None, headers: Mapping[str, str] | None = None) -> Answer:
        """Fire a tick under an identity of its own.

        Args:
            route: whose.
            key: what it is to be known by.
            secret: what is shown; None shows nothing.
            headers: more of them.
        """
        shown = {} if secret is None else _bearer(secret)
        own = {CANARY_HEADER: key, **shown, **(headers or {})}
        return await self._ask("POST", f"/api/cron/{route}", own, self._tick_timeout)

    async def _ask(self, method: str, path: str, headers: Mapping[str, str], seconds: float) -> Answer:
        sent_at = clock.now()
        try:
            async with asyncio.timeout(seconds), self._client.stream(method, path, headers=dict(headers)) as response:
                self._note_certificate(response.extensions)
                body = await _read(response)
        except TimeoutError:
            return Answer(0, error=f"no answer within {seconds:g} s", sent_at=sent_at)
        except (httpx.HTTPError, httpx.InvalidURL, SSLError, OSError) as error:
            return Answer(0, error=f"{type(error).__name__}: {error}".rstrip(": "), sent_at=sent_at)
        found = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, found, body, sent_at=sent_at, received_at=clock.now())

    def _note_certificate(self, extensions: Mapping[str, Any]) -> None:
        stream = extensions.get("network_stream")
        tls = None if stream is None else stream.get_extra_info("ssl_object")
        if isinstance(tls, SSLObject) and (certificate := tls.getpeercert()):
            ends = cert_time_to_seconds(str(certificate["notAfter"]))
            self.certificate_until = datetime.fromtimestamp(ends, UTC)


def _bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _LARGEST:
            break
    return bytes(body[:_LARGEST])
