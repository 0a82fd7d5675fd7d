"""The endpoint the engine calls: the SDK's own, and what the door in front of it needs to know of it."""

import inngest
import inngest.fast_api
from fastapi import FastAPI
from inngest._internal import net, server_lib

from tickover.engine import PATH
from tickover.engine.functions import DurableFunctions
from tickover.settings import Settings

_SCHEMA = "2024-05-24"  # of an inspection (inngest-wire, Inspection)


class Endpoint:
    """The SDK's endpoint, with everything about it that can be said without it.

    Args:
        sdk: the SDK's client.
        functions: what it serves.
        settings: the keys among them.
        serve_origin: where the engine is to call it; None takes the request's.
    """

    def __init__(
        self, sdk: inngest.Inngest, functions: DurableFunctions, settings: Settings, serve_origin: str | None
    ) -> None:
        self._sdk = sdk
        self._is_dev = settings.dev_mode
        served = functions.make(sdk)
        self._count = len(served)
        self.app = FastAPI(openapi_url=None)
        inngest.fast_api.serve(
            self.app,
            sdk,
            served,
            enable_unauthed_sync=settings.dev_mode,
            serve_origin=serve_origin,
            serve_path=PATH,
        )

    @property
    def is_signed(self) -> bool:
        """Whether calls have to be signed."""
        return not self._is_dev

    def is_genuine(self, body: bytes, signature: str) -> bool:
        """Whether a body was signed with this deployment's signing key, or with the one before it."""
        found = net.validate_request_sig(
            body=body,
            headers={server_lib.HeaderKey.SIGNATURE.value.lower(): signature},
            mode=server_lib.ServerKind.CLOUD,
            signing_key=self._sdk.signing_key,
            signing_key_fallback=self._sdk.signing_key_fallback,
        )
        return isinstance(found, str)

    def inspection(self) -> dict[str, object]:
        """What anybody may know (inngest-wire, Inspection); the SDK itself tells it to nobody any more."""
        return {
            "schema_version": _SCHEMA,
            "function_count": self._count,
            "has_event_key": self._sdk.event_key is not None,
            "has_signing_key": self._sdk.signing_key is not None,
            "has_signing_key_fallback": self._sdk.signing_key_fallback is not None,
            "mode": "dev" if self._is_dev else "cloud",
        }


def make_endpoint(
    sdk: inngest.Inngest, functions: DurableFunctions, settings: Settings, serve_origin: str | None
) -> Endpoint | None:
    """What serves the durable functions at `PATH`; None where the keys for it are missing."""
    if not settings.dev_mode and settings.inngest_signing_key is None:
        return None
    return Endpoint(sdk, functions, settings, serve_origin)
