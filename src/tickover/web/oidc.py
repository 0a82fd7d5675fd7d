"""ID tokens of those who fire ticks: read, and verified with the keys that their issuer publishes.

The keys are found by discovery (https://openid.net/specs/openid-connect-discovery-1_0.html).
"""

import asyncio
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx
import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.types import Options

from tickover import clock
from tickover.errors import RequestError
from tickover.variables import secure_url
from tickover.web.claims import Expectation, refusal, wrong_issuer

_log = structlog.stdlib.get_logger("tickover.web")
_ALGORITHMS = ("RS256", "ES256")  # never "none", and none whose key is a shared secret
_KEPT = 3600.0  # seconds that keys are believed ...
_ANEW_AFTER = 60.0  # ... and after which they are fetched anew for a key that is not among them
_AGAIN_AFTER = 5.0  # seconds after which keys that could not be fetched are asked for again
_LARGEST = 128 * 1024  # bytes of a document
_REMEDY = "check CRON_OIDC_ISSUER, and that this host reaches it"
# The claims are judged in `claims.py`, by the clock of this package.
_SIGNATURE_ONLY: Options = {
    "verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False, "verify_iss": False,
    "verify_sub": False, "verify_jti": False, "enforce_minimum_key_length": True,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class IdToken:
    """A JSON Web Token as it was shown; nothing of it is believed yet.

    Args:
        raw: all of it; a secret.
        algorithm: how it says it is signed.
        kid: the key that it says it is signed with.
        claims: what it says.
    """

    raw: bytes = field(repr=False)
    algorithm: Any
    kid: str | None
    claims: Mapping[str, Any]


def read(shown: bytes) -> IdToken | None:
    """What was shown, as a token; None where it is none at all."""
    try:
        parts = jwt.decode_complete(shown, options={"verify_signature": False})
    except jwt.PyJWTError:
        return None
    return IdToken(shown, parts["header"].get("alg"), parts["header"].get("kid"), parts["payload"])


class Keys:
    """The keys that an issuer publishes, fetched when a token needs them, by one for all who wait for them.

    Args:
        expected: whose.
        monotonic: a clock in seconds.
        timeout: seconds that finding and fetching them may take together.
    """

    def __init__(
        self, expected: Expectation, monotonic: Callable[[], float] = clock.monotonic, timeout: float = 2.0
    ) -> None:
        self._expected = expected
        self._monotonic = monotonic
        self._timeout = timeout
        self._keys: tuple[jwt.PyJWK, ...] = ()
        self._fetched_at = self._asked_at = -math.inf
        self._failure: str | None = None
        self._asking = asyncio.Lock()

    async def find(self, kid: str | None) -> jwt.PyJWK | None:
        """A key by its id, or the only one there is for a token that names none; None where it is not published.

        Raises:
            RequestError: the keys cannot be fetched.
        """
        if self._is_due(kid):
            async with self._asking:
                if self._is_due(kid):
                    await self._ask()
        key = self._held(kid)
        if key is None and self._failure is not None:
            detail = (
                f"the keys of {self._expected.issuer} cannot be fetched ({self._failure}): {_REMEDY}, then call again"
            )
            raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "identity-unavailable", detail)
        return key

    def _is_fresh(self) -> bool:
        return self._monotonic() - self._fetched_at < _KEPT

    def _held(self, kid: str | None) -> jwt.PyJWK | None:
        keys = self._keys if self._is_fresh() else ()
        if kid is None:
            return keys[0] if len(keys) == 1 else None
        return next((key for key in keys if key.key_id == kid), None)

    def _is_due(self, kid: str | None) -> bool:
        if self._held(kid) is not None:
            return False
        return self._monotonic() - self._asked_at >= (_ANEW_AFTER if self._is_fresh() else _AGAIN_AFTER)

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                self._keys = await _fetch(self._expected)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RecursionError) as error:
            self._failure = self._reason(error)
            _log.error("identity.unavailable", issuer=self._expected.issuer, reason=self._failure, remedy=_REMEDY)
        else:
            self._fetched_at, self._failure = self._monotonic(), None
        self._asked_at = self._monotonic()

    def _reason(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"no answer within {self._timeout:g} s"
        return str(error) if isinstance(error, ValueError) else type(error).__name__


class Identities:
    """Knows whose ID tokens count.

    Args:
        keys: those of the issuer.
        expected: what a token must say.
    """

    def __init__(self, keys: Keys, expected: Expectation) -> None:
        self._keys = keys
        self._expected = expected

    async def refusal(self, token: IdToken) -> str | None:
        """Why the bearer of a token may not fire a tick, and what to do; None where it may.

        Raises:
            RequestError: that cannot be said, since the issuer's keys cannot be fetched.
        """
        if token.algorithm not in _ALGORITHMS:
            return "the token is not signed by RS256 or ES256: send one whose signature anybody can check"
        reason = wrong_issuer(token.claims, self._expected)
        if reason is not None:
            return reason
        key = await self._keys.find(token.kid)
        if key is None:
            return (
                "the token is signed with a key that its issuer does not publish: send a fresh one; "
                "a key that is published only now counts within a minute"
            )
        try:
            claims = jwt.decode(token.raw, key, _ALGORITHMS, _SIGNATURE_ONLY)
        except jwt.PyJWTError:
            return "the token's signature is not its issuer's: send the token as the issuer gave it, all of it"
        return refusal(claims, self._expected, clock.now())


async def _fetch(expected: Expectation) -> tuple[jwt.PyJWK, ...]:
    """The keys that an issuer publishes for signatures of ID tokens; not bounded in time."""
    plain = {"accept-encoding": "identity"}  # what is small on its way is small here
    async with httpx.AsyncClient(timeout=None, headers=plain) as client:  # noqa: S113 - bounded as a whole, by _ask
        found = await _document(client, f"{expected.issuer}/.well-known/openid-configuration")
        if found.get("issuer") not in expected.issuers:
            raise ValueError("what it publishes about itself is about another issuer")
        try:
            url = secure_url(str(found.get("jwks_uri")))
        except ValueError as error:
            raise ValueError(f"its jwks_uri {error}") from None
        published = await _document(client, url)
    keys = tuple(_usable(published.get("keys")))
    if not keys:
        raise ValueError(f"{url} has no key for RS256 or ES256")
    return keys


async def _document(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    body = bytearray()
    async with client.stream("GET", url) as response:  # redirects are not followed
        if response.status_code != HTTPStatus.OK:
            raise ValueError(f"{url} answers {response.status_code}")
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > _LARGEST:
                raise ValueError(f"{url} is larger than {_LARGEST} bytes")
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError(f"{url} is no JSON object")  # noqa: TRY004 - of somebody else's making
    return document


def _usable(entries: Any) -> Iterator[jwt.PyJWK]:
    for entry in entries if isinstance(entries, list) else ():
        try:
            key = jwt.PyJWK(entry)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
            continue  # of a kind that is not for us
        is_public = isinstance(key.key, RSAPublicKey | EllipticCurvePublicKey)
        if is_public and key.algorithm_name in _ALGORITHMS and key.public_key_use in {None, "sig"}:
            yield key
