"""Sending events through the Inngest SDK, within a deadline of our own, with every failure named."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus

import httpx
import inngest
from inngest._internal.net import ThreadAwareAsyncHTTPClient
from pydantic import SecretStr

from tickover.engine import CLOUD, CLOUD_EVENTS
from tickover.errors import SendError
from tickover.isolation.guard import Gate
from tickover.isolation.redaction import redact
from tickover.settings import Settings
from tickover.ticks.dispatch import Event

_BAD_KEY = "tickover-verify-no-such-event-key"  # for a send that is to fail on purpose


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


def make_sdk(app_id: str, settings: Settings, environment: str, event_key: str | None = None) -> inngest.Inngest:
    """The SDK's client, with every setting handed over trimmed, so that it need not read the environment.

    Args:
        app_id: what the engine knows the application by.
        settings: keys and URLs.
        environment: what this environment is called at the engine (field note R5: the SDK would take a branch).
        event_key: another one than the settings'.
    """
    sdk = inngest.Inngest(
        app_id=app_id,
        is_production=not settings.dev_mode,
        api_base_url=settings.engine_url or CLOUD,
        event_api_base_url=settings.engine_url or CLOUD_EVENTS,
        event_key=event_key or _plain(settings.inngest_event_key),
        signing_key=_plain(settings.inngest_signing_key),
        env=environment,
        request_timeout=int(settings.send_timeout * 1000),
    )
    fallback = _plain(settings.inngest_signing_key_fallback)
    # It takes this one key from the environment only, as it stands there, with a newline if there is one.
    sdk._signing_key_fallback = sdk._http_client._signing_key_fallback = fallback  # noqa: SLF001
    sdk._http_client._http_client = _ObservedHTTPClient().initialize()  # noqa: SLF001 - it shows no status otherwise
    return sdk


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


class EngineSender:
    """Takes events to the engine, where the environment lets it.

    Args:
        make: makes the SDK's client, with another event key where one is named.
        settings: how long a send may take, all the SDK's tries included (field note R1: minutes by default), and keys.
        gate: what knows whether anything may be sent.
        secrets: what no error may show, with the names of the variables.
    """

    def __init__(
        self,
        make: Callable[[str | None], inngest.Inngest],
        settings: Settings,
        gate: Gate,
        secrets: Mapping[str, str],
    ) -> None:
        self._sdk, self._failing = make(None), make(_BAD_KEY)
        self._timeout = settings.send_timeout
        self._has_key = settings.dev_mode or settings.inngest_event_key is not None
        self._gate = gate
        self._secrets = secrets

    @property
    def sdk(self) -> inngest.Inngest:
        """The SDK's client that events are sent with."""
        return self._sdk

    async def send(self, events: Sequence[Event], *, bad_key: bool = False) -> list[str]:
        """Send all events in one call; the engine's ids for them.

        Args:
            events: what to send.
            bad_key: send them with a key that no engine knows, to see that this fails as it should.

        Raises:
            SendError: they could not be handed over, in whatever way, or nobody knows whether they were.
            WrongEnvironmentError: nothing may be done here at all.
        """
        against = (await self._gate.require()).withheld
        if against is not None:
            raise SendError("withheld", f"{against.text}; {against.remedy}")
        if not self._has_key:
            raise SendError("unconfigured", "INNGEST_EVENT_KEY is not set")
        seen = _Seen()
        token = _seen.set(seen)
        batch = [inngest.Event(name=event.name, id=event.id, data=dict(event.data)) for event in events]
        try:
            async with asyncio.timeout(self._timeout):
                ids = await (self._failing if bad_key else self._sdk).send(batch)
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises, the tick's work must be done
            kind, detail = _kind(error, seen, self._timeout)
            # The SDK's errors name the URL that was asked, and the event API's URL is made with the key.
            raise SendError(kind, redact(detail, self._secrets), seen.status) from None
        finally:
            _seen.reset(token)
        if len(ids) != len(batch):
            raise SendError("malformed", f"the engine answered {len(ids)} ids for {len(batch)} events", seen.status)
        return ids

    async def close(self) -> None:
        """Give the connections back."""
        for sdk in (self._sdk, self._failing):
            await sdk._http_client._http_client.aclose()  # noqa: SLF001 - the SDK has no way to close it
            sdk._http_client._http_client_sync.close()  # noqa: SLF001


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
