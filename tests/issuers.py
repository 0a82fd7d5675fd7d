"""An OIDC issuer of the loopback interface, with keys that it makes itself."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from starlette.types import Receive, Scope, Send

from tests.integration.localengine.conftest import serving
from tests.ports import free_port
from tickover import clock

AUDIENCE = "https://app.example.com"
BOT = "cron@project.iam.gserviceaccount.com"
DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Answer = Callable[[Receive, Send], Awaitable[None]]


@cache
def private_key(kid: str) -> PrivateKey:
    """The key of this id; those whose id begins with `ec` are of the P-256 curve. RSA's `short` has 1024 bits."""
    if kid.startswith("ec"):
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, 1024 if kid == "short" else 2048)


def public_jwk(name: str, **members: Any) -> dict[str, Any]:
    """The public half of a key, as an issuer publishes it, with these members instead of its own."""
    key = private_key(name).public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return RSAAlgorithm.to_jwk(key, as_dict=True) | {"kid": name, "use": "sig", "alg": "RS256"} | members
    return ECAlgorithm.to_jwk(key, as_dict=True) | {"kid": name, "use": "sig", "alg": "ES256"} | members


def public_pem(kid: str) -> bytes:
    """The public half of a key, as text."""
    return private_key(kid).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def forged(header: dict[str, Any], claims: dict[str, Any], secret: bytes | None = None) -> str:
    """A token that no library would make: signed with a shared secret, or not at all."""
    signed = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"
    signature = b"" if secret is None else hmac.digest(secret, signed.encode(), hashlib.sha256)
    return f"{signed}.{_part(signature)}"


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def answer(body: Any, status: int = 200, **headers: str) -> Answer:
    """An answer that does not change; what is not bytes is sent as JSON."""

    async def send_it(_: Receive, send: Send) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": content})

    return send_it


async def never(receive: Receive, _: Send) -> None:
    """No answer, until whoever asks has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def endless(receive: Receive, send: Send) -> None:
    """An answer without an end, until whoever asks has gone."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    gone = asyncio.ensure_future(never(receive, send))
    while not gone.done():
        await send({"type": "http.response.body", "body": b" " * 4096, "more_body": True})
        await asyncio.sleep(0)


@dataclass
class Issuer:
    """An issuer: what it publishes, and what it was asked for.

    Args:
        url: where it is served, and what it is known by.
        published: the ids of the keys it publishes.
        answers: what it answers instead, by path.
        asked: the paths it was asked for, in order.
    """

    url: str
    published: list[str] = field(default_factory=lambda: ["one"])
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Any request, as an ASGI application."""
        if scope["type"] != "http":
            raise NotImplementedError  # it has no lifespan
        self.asked.append(scope["path"])
        usual = {
            DISCOVERY: answer({"issuer": self.url, "jwks_uri": f"{self.url}{KEYS}"}),
            KEYS: answer({"keys": [public_jwk(kid) for kid in self.published]}),
        }
        await (usual | self.answers).get(scope["path"], answer({}, 404))(receive, send)

    async def was_asked(self) -> bool:
        """Whether anything was asked for."""
        return bool(self.asked)

    def claims(self, **changed: Any) -> dict[str, Any]:
        """What a good token of the bot says now, after these changes."""
        now = int(clock.now().timestamp())
        good = {"iss": self.url, "aud": AUDIENCE, "sub": "1029384756", "email": BOT, "email_verified": True}
        return good | {"iat": now, "exp": now + 3600} | changed

    def token(self, signed_with: str = "one", algorithm: str | None = None, /, **changed: Any) -> str:
        """A token, signed with the key of this id, that says it is; `kid` in the header can be changed too."""
        kid = changed.pop("kid", signed_with)
        usual = "ES256" if signed_with.startswith("ec") else "RS256"
        headers = {} if kid is None else {"kid": kid}
        return jwt.encode(self.claims(**changed), private_key(signed_with), algorithm or usual, headers)

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """Be there."""
        async with serving(self, int(self.url.rpartition(":")[2])):
            yield


def make_issuer() -> Issuer:
    """An issuer that is not up yet."""
    return Issuer(f"http://127.0.0.1:{free_port()}")
