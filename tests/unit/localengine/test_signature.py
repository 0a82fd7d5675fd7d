import time

import pytest
from inngest._internal import net, server_lib, transforms

from tickover.localengine import signature

KEY = "signkey-prod-" + "0a1b2c3d" * 8
BODY = b'{"b":[1,2.50,"\xc3\xa4"],"a":null}'
CANONICAL = signature.canonical({"b": [1, 2.5, "ä"], "a": None})


def test_the_sdk_takes_what_the_engine_signs() -> None:
    """The same key, the same bytes."""
    headers = {signature.HEADER: signature.sign(CANONICAL, KEY, int(time.time()))}
    error = net.validate_request_sig(
        body=BODY, headers=headers, mode=server_lib.ServerKind.CLOUD, signing_key=KEY, signing_key_fallback=None
    )
    assert not isinstance(error, Exception)


def test_the_sdk_refuses_what_another_key_signs() -> None:
    """So the test above can fail."""
    headers = {signature.HEADER: signature.sign(CANONICAL, "signkey-prod-ff", int(time.time()))}
    error = net.validate_request_sig(
        body=BODY, headers=headers, mode=server_lib.ServerKind.CLOUD, signing_key=KEY, signing_key_fallback=None
    )
    assert isinstance(error, Exception)


def test_the_engine_takes_what_the_sdk_signs() -> None:
    """Also with another prefix of the same key."""
    header = net.sign_request(BODY, KEY, 1000)
    assert isinstance(header, str)
    assert signature.holds(CANONICAL, KEY, header, 1000)
    assert signature.holds(CANONICAL, KEY.replace("prod", "test"), header, 1000)
    assert not signature.holds(CANONICAL + b" ", KEY, header, 1000)
    assert not signature.holds(CANONICAL, KEY + "0", header, 1000)


@pytest.mark.parametrize(("age", "holds"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)])
def test_a_signature_is_good_for_five_minutes(age: int, *, holds: bool) -> None:
    """Both ways, since clocks differ."""
    assert signature.holds(b"x", KEY, signature.sign(b"x", KEY, 1000), 1000 + age) is holds


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "t=1000",
        "s=00",
        "t=&s=",
        "t=x&s=00",
        "t=1000&s=ä",
        "t=1000&s=%C3%A4",
        "t=²&s=0",
        "t=-1000&s=0",
        "t=" + "1" * 5000 + "&s=0",
        "&&&",
        "t=1000;s=0",
        "\x00",
    ],
)
def test_a_header_that_is_none_holds_nothing(header: str | None) -> None:
    """And raises nothing: the attempt failed, the call must not."""
    assert not signature.holds(b"x", KEY, header, 1000)


def test_the_bearer_is_the_one_the_sdk_shows() -> None:
    """Also where the key ends in a line feed, which the SDK's reading of hex digits passes over (field note F2)."""
    assert signature.bearer(KEY) == transforms.hash_signing_key(KEY)
    assert signature.bearer(KEY + "\n") == transforms.hash_signing_key(KEY + "\n") == signature.bearer(KEY)


def test_a_key_that_is_no_hex_has_a_bearer_too() -> None:
    """That of its characters."""
    assert len(signature.bearer("signkey-test-words")) == 64
