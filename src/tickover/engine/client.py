"""Sending events through the Inngest SDK, within a deadline of our own, with every failure named."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus
from typing import NoReturn

import httpx
import inngest
from inngest._internal.net import ThreadAwareAsyncHTTPClient
from pydantic import SecretStr

from tickover.errors import SendError
from tickover.settings import Settings
from tickover.ticks.dispatch import Event


@dataclass(slots=True)
class _Seen:
    """What the SDK's own tries of one send met; it keeps that to itself."""

    status: int | None = None
    error: str | None = None
    connected: bool = False


_seen: ContextVar[_Seen | None] = ContextVar("seen", default=None)


class _ObservedHTTPClient(ThreadAwareAsyncHTTPClient):
    """The SDK's HTTP client, noting what each try of a send met. It serves one event loop, whatever the thread."""

    def is_same_thread(self) -> bool:
        """The SDK falls back to a blocking client otherwise, which no deadline of ours can cut off."""
        return True

    async def send(self, request: httpx.Request, **options: object) -> httpx.Response:
        """Send as httpx does, and note the answer or the failure."""
        seen = _seen.get() or _Seen()
        try:
            response = await super().send(request, **options)  # type: ignore[arg-type] # handed through as they came
        except httpx.RequestError as error:
            seen.error = f"{type(error).__name__}: {error}".rstrip(": ")
            seen.connected = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            raise
        seen.status, seen.error, seen.connected = response.status_code, None, True
        return response


def make_sdk(app_id: str, settings: Settings) -> inngest.Inngest:
    """The SDK's client, with every setting handed over trimmed, so that it need not read the environment."""
    sdk = inngest.Inngest(
        app_id=app_id,
        is_production=not settings.dev_mode,
        api_base_url=settings.engine_url,
        event_api_base_url=settings.engine_url,
        event_key=_plain(settings.inngest_event_key),
        signing_key=_plain(settings.inngest_signing_key),
        env=settings.inngest_env,
        request_timeout=int(settings.send_timeout * 1000),
    )
    sdk._http_client._http_client = _ObservedHTTPClient().initialize()  # noqa: SLF001 - it shows no status otherwise
    return sdk


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


class EngineSender:
    """Takes events to the engine.

    Args:
        sdk: the SDK's client.
        timeout: seconds a send may take, all the SDK's tries included (field note R1: minutes by default).
        has_key: whether there is a key to send with, or none is needed.
    """

    def __init__(self, sdk: inngest.Inngest, timeout: float, *, has_key: bool) -> None:
        self._sdk = sdk
        self._timeout = timeout
        self._has_key = has_key

    async def send(self, events: Sequence[Event]) -> list[str]:
        """Send all events in one call; the engine's ids for them.

        Raises:
            SendError: they could not be handed over, in whatever way, or nobody knows whether they were.
        """
        if not self._has_key:
            raise SendError("unconfigured", "INNGEST_EVENT_KEY is not set")
        seen = _Seen()
        token = _seen.set(seen)
        batch = [inngest.Event(name=event.name, id=event.id, data=dict(event.data)) for event in events]
        try:
            async with asyncio.timeout(self._timeout):
                ids = await self._sdk.send(batch)
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises, the tick's work must be done
            _fail(error, seen, self._timeout)
        finally:
            _seen.reset(token)
        if len(ids) != len(batch):
            raise SendError("malformed", f"the engine answered {len(ids)} ids for {len(batch)} events", seen.status)
        return ids

    async def close(self) -> None:
        """Give the connections back."""
        await self._sdk._http_client._http_client.aclose()  # noqa: SLF001 - the SDK has no way to close it
        self._sdk._http_client._http_client_sync.close()  # noqa: SLF001


def _fail(error: Exception, seen: _Seen, timeout: float) -> NoReturn:
    """Name what went wrong with a send.

    Raises:
        SendError: always.
    """
    kind, detail = _kind(error, seen, timeout)
    raise SendError(kind, detail, seen.status) from error


def _kind(error: Exception, seen: _Seen, timeout: float) -> tuple[str, str]:
    said = str(error) or type(error).__name__
    if seen.status is not None:
        return _kind_of_answer(seen.status, said)
    if seen.error is not None and not seen.connected:
        return "refused", f"the engine cannot be reached: {seen.error}"
    if isinstance(error, TimeoutError):
        return "timeout", f"no answer within {timeout:g} s; it may have been accepted"
    return "timeout", f"the answer was lost: {seen.error or said}; it may have been accepted"


def _kind_of_answer(status: int, said: str) -> tuple[str, str]:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "unavailable", f"the engine answers {status}"
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return "rejected", f"the engine answers {status}: {said}; check INNGEST_EVENT_KEY"
    if status >= HTTPStatus.BAD_REQUEST:
        return "rejected", f"the engine answers {status}: {said}"
    return "malformed", f"the engine answers {status}, but not as the event API does: {said}"
