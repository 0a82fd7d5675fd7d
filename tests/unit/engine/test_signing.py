"""Signatures that the SDK takes for the engine's own."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inngest._internal import net, server_lib, transforms

from tickover.engine.signing import HEADER, is_fresh, sign, sync_body

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
HEX = "0a1b2c5e" * 8
KEYS = [HEX, f"signkey-prod-{HEX}", f"signkey-test-{HEX}", f"signkey-my_own-{HEX}", HEX.upper()]


@pytest.mark.parametrize("key", KEYS)
def test_a_signature_is_the_one_that_the_sdk_makes(key: str) -> None:
    """Of the same body, at the same time, with any form of key."""
    body = sync_body("https://app.example/api/inngest")
    assert sign(key, body, NOW) == net.sign_request(body, key, int(NOW.timestamp()))


@given(st.text(), st.sampled_from(KEYS))
def test_the_sdk_takes_what_is_signed(url: str, key: str) -> None:
    """The body is in canonical form already, whatever stands in it, so the SDK finds the same signature over it."""
    body = sync_body(url)
    assert transforms.canonicalize(body) == body
    found = net.validate_request_sig(
        body=body,
        headers={HEADER: sign(key, body, NOW)},
        mode=server_lib.ServerKind.CLOUD,
        signing_key=key,
        signing_key_fallback=None,
    )
    assert found == key


def test_the_header_is_the_one_that_the_sdk_reads() -> None:
    """In lower case, as a server hands it on."""
    assert server_lib.HeaderKey.SIGNATURE.value.lower() == HEADER


@pytest.mark.parametrize(
    ("seconds", "fresh"),
    [(0, True), (-299, True), (-300, True), (300, True), (-301, False), (301, False), (-360, False)],
)
def test_a_signature_is_fresh_for_five_minutes_either_way(seconds: float, fresh: bool) -> None:
    """Counted from the time that stands in it."""
    header = sign(HEX, b"{}", NOW + timedelta(seconds=seconds))
    assert is_fresh(header, NOW) == fresh


@pytest.mark.parametrize(
    "header", ["", "t=", "s=1", "t=x&s=1", "t=1e9&s=1", "t=+1&s=1", "&&==", "\x00", "t=%zz", "t=\uff11"]
)
def test_a_signature_without_a_time_is_not_fresh(header: str) -> None:
    """Whatever else stands in it."""
    assert not is_fresh(header, NOW)
