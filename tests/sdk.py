"""A client of the SDK that leaves no connection to the test after its own."""

import httpx
import inngest
from inngest._internal.net import ThreadAwareAsyncHTTPClient

_KEPT = httpx.Limits(max_keepalive_connections=0)


def make_client(app_id: str, engine: str, event_key: str, signing_key: str | None = None) -> inngest.Inngest:
    """A client for an engine; each of its connections ends with the answer.

    The SDK has no way to close a client. A connection that it kept for later would be left to the collector, which
    warns of it in whatever test comes next.

    Args:
        app_id: what the engine knows the application by.
        engine: the engine's URL.
        event_key: what events are sent with.
        signing_key: what requests are signed with; None for a dev server, where nothing is.
    """
    client = inngest.Inngest(
        app_id=app_id,
        api_base_url=engine,
        event_api_base_url=engine,
        event_key=event_key,
        signing_key=signing_key,
        is_production=signing_key is not None,
    )
    http = client._http_client
    http._http_client = ThreadAwareAsyncHTTPClient(limits=_KEPT).initialize()
    http._http_client_sync = httpx.Client(limits=_KEPT)
    return client
