"""`verify` over real TLS: a certificate that is believed, one that ends soon, and one that nobody vouches for."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from tests.ports import free_port
from tests.waiting import eventually
from tickover import clock
from tickover.verify.proof.answers import Wanted
from tickover.verify.proof.prove import Plan, prove
from tickover.verify.proof.target import Access

Serve = Callable[[int], AbstractAsyncContextManager[str]]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Whatever it is asked, it is Tickover's."""
    answer = JSONResponse({"path": Request(scope).url.path}, 200, {"x-inngest-env": "preview"})
    await answer(scope, receive, send)


def certificate(folder: Path, days: int) -> tuple[Path, Path]:
    """A certificate for this machine that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = clock.now()
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    return certificate, secret


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Serve the application under a certificate that is valid for so many days more."""

    @asynccontextmanager
    async def serving(days: int) -> AsyncIterator[str]:
        certificate_file, key_file = certificate(tmp_path, days)
        port = free_port()
        server = uvicorn.Server(
            uvicorn.Config(
                application, port=port, log_level="error", ssl_certfile=certificate_file, ssl_keyfile=str(key_file)
            )
        )
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined] # the test runner keeps its own
        task = asyncio.create_task(server._serve())

        async def started() -> bool:
            return server.started or task.done()

        await eventually(started)
        yield f"https://127.0.0.1:{port}"
        server.should_exit = True
        await task

    return serving


async def seen(url: str) -> dict[str, tuple[str, str]]:
    """Verdict and text of each line."""
    lines = await prove(Plan(Wanted(url, has_secret=False), Access()), lambda _: None)
    return {line.name: (str(line.verdict), line.seen) for line in lines}


@pytest.mark.parametrize(("days", "verdict"), [(30, "pass"), (6, "fail")])
async def test_the_end_of_a_certificate_is_seen(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, verdict: str
) -> None:
    """A month is enough, six days are not; an authority of one's own is believed where SSL_CERT_FILE names it."""
    async with serve(days) as url:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        lines = await seen(url)
    assert lines["alive"][0] == "pass"
    assert lines["certificate"][0] == verdict


async def test_a_certificate_that_nobody_vouches_for_is_not_passed(serve: Serve) -> None:
    """The deployment is not reached, and the line says why."""
    async with serve(30) as url:
        lines = await seen(url)
    assert lines["alive"][0] == "fail"
    assert "certificate verify failed" in lines["alive"][1]
