"""Who may fire a tick: whoever shows a cron secret, or an ID token of somebody whom the settings name."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

import structlog
from fastapi import Request
from pydantic import SecretStr

from tickover import clock
from tickover.errors import RequestError
from tickover.settings import Settings
from tickover.web.claims import Expectation
from tickover.web.oidc import Identities, Keys, read

_log = structlog.stdlib.get_logger("tickover.web")
_PREVIOUS = "CRON_SECRET_PREVIOUS"
_SAID_EVERY = 60.0  # seconds between warnings that the previous secret is in use


class CronDoor:
    """Lets those requests pass that may fire a tick.

    Args:
        secrets: what lets pass whoever shows it, by the name of its variable.
        identities: whose ID tokens do; None where none does.
        monotonic: a clock in seconds.
    """

    def __init__(
        self,
        secrets: Mapping[str, SecretStr],
        identities: Identities | None,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._secrets = {name: secret.get_secret_value().encode() for name, secret in secrets.items()}
        self._identities = identities
        self._monotonic = monotonic
        self._says_at = 0.0

    async def admit(self, request: Request) -> None:
        """Let a request pass that shows a secret, as `Authorization: Bearer …` or `x-cron-secret`, or an ID token as
        the former.

        Raises:
            RequestError: it shows none that counts, none is configured, or an issuer's keys cannot be fetched.
        """
        path = request.url.path
        if not self._secrets and self._identities is None:
            _log.error("cron.unauthenticated", reason="neither CRON_SECRET nor CRON_OIDC_AUDIENCE is set", path=path)
            detail = "set CRON_SECRET in this deployment, or CRON_OIDC_AUDIENCE and CRON_OIDC_SUBJECT for ID tokens"
            raise RequestError(HTTPStatus.UNAUTHORIZED, "no-secret-configured", detail)
        bearer, plain = _bearer(request), _plain(request)
        if self._is_secret([shown for shown in (bearer, plain) if shown is not None]):
            return
        token = None if bearer is None else read(bearer)
        if self._identities is None or token is None:
            _log.warning("cron.unauthenticated", reason="no secret, or a wrong one", path=path)
            raise RequestError(HTTPStatus.UNAUTHORIZED, "wrong-secret", f"send {self._ways()}")
        reason = await self._identities.refusal(token)
        if reason is not None:
            _log.warning("cron.unauthenticated", reason=reason, path=path)
            raise RequestError(HTTPStatus.UNAUTHORIZED, "wrong-identity", reason)

    def _is_secret(self, shown: Sequence[bytes]) -> bool:
        """Whether a secret was shown. All are compared, in any case, so that the time this takes tells nothing."""
        known = {name for name, secret in self._secrets.items() for one in shown if hmac.compare_digest(one, secret)}
        if known == {_PREVIOUS} and self._monotonic() >= self._says_at:
            self._says_at = self._monotonic() + _SAID_EVERY
            remedy = f"give the scheduler the value of CRON_SECRET, then unset {_PREVIOUS}"
            _log.warning("cron.previous_secret", variable=_PREVIOUS, remedy=remedy)
        return bool(known)

    def _ways(self) -> str:
        ways = []
        if self._secrets:
            ways.append("the value of CRON_SECRET as 'Authorization: Bearer …' or 'x-cron-secret'")
        if self._identities is not None:
            ways.append("an ID token for CRON_OIDC_AUDIENCE as 'Authorization: Bearer …'")
        return ", or ".join(ways)


def make_door(settings: Settings) -> CronDoor:
    """The door of the cron endpoints, as it was configured."""
    named = {"CRON_SECRET": settings.cron_secret, _PREVIOUS: settings.cron_secret_previous}
    secrets = {name: secret for name, secret in named.items() if secret is not None}
    if settings.cron_oidc_audience is None:
        return CronDoor(secrets, None)
    expected = Expectation(settings.cron_oidc_issuer, settings.cron_oidc_audience, settings.cron_oidc_subject)
    return CronDoor(secrets, Identities(Keys(expected), expected))


def _bearer(request: Request) -> bytes | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip().encode("latin-1") if scheme.lower() == "bearer" else None


def _plain(request: Request) -> bytes | None:
    plain = request.headers.get("x-cron-secret")
    return None if plain is None else plain.strip().encode("latin-1")
