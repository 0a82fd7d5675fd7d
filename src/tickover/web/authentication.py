"""Who may fire a tick: whoever shows the cron secret."""

import hmac
from http import HTTPStatus

import structlog
from fastapi import Request
from pydantic import SecretStr

from tickover.errors import RequestError

_log = structlog.stdlib.get_logger("tickover.web")


def require_secret(request: Request, secret: SecretStr | None) -> None:
    """Let a request pass that shows the secret, as `Authorization: Bearer …` or `x-cron-secret`.

    Raises:
        RequestError: it shows none or another one, or no secret is configured.
    """
    if secret is None:
        _log.error("cron.unauthenticated", reason="CRON_SECRET is not set", path=request.url.path)
        raise RequestError(HTTPStatus.UNAUTHORIZED, "no-secret-configured", "set CRON_SECRET in this deployment")
    expected = secret.get_secret_value().encode()
    if not any(hmac.compare_digest(shown, expected) for shown in _shown(request)):
        _log.warning("cron.unauthenticated", reason="no secret, or a wrong one", path=request.url.path)
        detail = "send the value of CRON_SECRET as 'Authorization: Bearer …' or 'x-cron-secret'"
        raise RequestError(HTTPStatus.UNAUTHORIZED, "wrong-secret", detail)


def _shown(request: Request) -> list[bytes]:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bearer = [token.strip().encode("latin-1")] if scheme.lower() == "bearer" else []
    plain = request.headers.get("x-cron-secret")
    return bearer if plain is None else [*bearer, plain.strip().encode("latin-1")]
