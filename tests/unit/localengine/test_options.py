"""What a local engine refuses to be started with."""

from typing import Any

import pytest

from tickover.errors import SettingsError
from tickover.localengine.options import EngineOptions

DSN = "postgresql://nobody@127.0.0.1/none"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_is_listened_on(host: str) -> None:
    """Every address of loopback will do."""
    assert EngineOptions(DSN, host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.com", "", "127.0.0.1.example.com"])  # noqa: S104
def test_nothing_else_is_listened_on(host: str) -> None:
    """The error says why; who means it says so."""
    with pytest.raises(SettingsError, match="loopback"):
        EngineOptions(DSN, host)
    assert EngineOptions(DSN, host, allow_remote=True).host == host


@pytest.mark.parametrize(
    ("keys", "kind"), [({}, "dev"), ({"event_keys": ("e",), "signing_key": "signkey-test-00"}, "cloud")]
)
def test_keys_make_it_a_cloud_server(keys: dict[str, Any], kind: str) -> None:
    """As `inngest start` with keys and `inngest dev` without."""
    assert EngineOptions(DSN, **keys).server_kind == kind


@pytest.mark.parametrize("keys", [{"event_keys": ("e",)}, {"signing_key": "signkey-test-00"}])
def test_half_of_the_keys_is_refused(keys: dict[str, Any]) -> None:
    """An event key without a signing key, or the other way round, would check only one of the two ways."""
    with pytest.raises(SettingsError):
        EngineOptions(DSN, **keys)
