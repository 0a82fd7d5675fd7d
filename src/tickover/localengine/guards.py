"""Who may ask the engine what: its API's key as the real one wants it, and its own pages from this machine only."""

import hmac
from collections.abc import Callable

from fastapi import Request

from tickover.errors import WireError
from tickover.localengine import signature
from tickover.variables import is_loopback

Guard = Callable[[Request], None]


def key_guard(signing_key: str | None, *, hashed_only: bool = False) -> Guard:
    """A guard that wants the signing key as a bearer token; it wants nothing where there is none.

    Args:
        signing_key: the engine's.
        hashed_only: only its hash will do, as the SDK shows it when it registers.
    """
    known = () if signing_key is None else (signature.bearer(signing_key), *(() if hashed_only else (signing_key,)))

    def require_key(request: Request) -> None:
        """Let a request through that shows the key.

        Raises:
            WireError: 401: it does not.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        shown = token.encode() if scheme.lower() == "bearer" else b""
        if known and not any(hmac.compare_digest(shown, key.encode()) for key in known):
            raise WireError(401, "this is not the engine's signing key: show Authorization: Bearer <signing key>")

    return require_key


def require_loopback(request: Request) -> None:
    """Let a request through that came from this machine, and was meant for it.

    A name that somebody else's DNS points to this machine is not this machine's: what a browser was made to ask there
    is refused by the Host header.

    Raises:
        WireError: 403: it did not, or was not.
    """
    peer = request.client.host if request.client is not None else ""
    if not is_loopback(peer) or not is_loopback(request.url.hostname or ""):
        raise WireError(403, "the engine's pages and faults are for this machine only: ask http://127.0.0.1")
