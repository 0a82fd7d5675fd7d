import pytest
from fastapi import Request

from tickover.errors import WireError
from tickover.localengine import signature
from tickover.localengine.guards import key_guard, require_loopback

KEY = "signkey-test-c0ffee"


def request(host: str = "127.0.0.1:8288", peer: str | None = "127.0.0.1", authorization: str = "") -> Request:
    """A request as the server sees it."""
    headers = [(b"host", host.encode()), (b"authorization", authorization.encode())]
    client = None if peer is None else (peer, 1)
    scope = {"type": "http", "method": "GET", "scheme": "http", "path": "/", "query_string": b""}
    return Request(scope | {"headers": headers, "client": client, "server": ("127.0.0.1", 8288)})


@pytest.mark.parametrize("token", [f"Bearer {KEY}", f"bearer {signature.bearer(KEY)}"])
def test_the_key_or_its_hash_opens(token: str) -> None:
    """As with the real API."""
    key_guard(KEY)(request(authorization=token))


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer ", f"Basic {KEY}", "Bearer signkey-test-c0ffe", "Bearer é"])
def test_anything_else_does_not(token: str) -> None:
    """401."""
    with pytest.raises(WireError) as caught:
        key_guard(KEY)(request(authorization=token))
    assert caught.value.status == 401


def test_without_a_key_nothing_is_asked_for() -> None:
    """As by a dev server."""
    key_guard(None)(request())


@pytest.mark.parametrize(
    ("host", "peer"), [("localhost:8288", "127.0.0.1"), ("[::1]:8288", "::1"), ("127.0.0.1", "127.0.0.1")]
)
def test_this_machine_may_look(host: str, peer: str) -> None:
    """By any of its own names."""
    require_loopback(request(host, peer))


@pytest.mark.parametrize(
    ("host", "peer"),
    [
        ("evil.example", "127.0.0.1"),
        ("127.0.0.1", "192.0.2.7"),
        ("127.0.0.1", None),
        ("127.0.0.1.evil.example", "::1"),
    ],
)
def test_nobody_else_may_nor_a_page_of_somebody_elses(host: str, peer: str | None) -> None:
    """Another machine, or a browser on this one that was made to ask under a foreign name."""
    with pytest.raises(WireError) as caught:
        require_loopback(request(host, peer))
    assert caught.value.status == 403
