import pytest

from tickover.errors import SettingsError
from tickover.localengine.options import EngineOptions

DSN = "postgresql://"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_served(host: str) -> None:
    """In all its forms."""
    assert EngineOptions(DSN, host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.com", ""])  # noqa: S104 - it is refused
def test_beyond_loopback_is_refused(host: str) -> None:
    """Unless it is asked for by name."""
    with pytest.raises(SettingsError, match="loopback only"):
        EngineOptions(DSN, host)
    assert EngineOptions(DSN, host, allow_remote=True).host == host


def test_keys_come_together_or_not_at_all() -> None:
    """With both it is as `inngest start`, with none as `inngest dev`."""
    assert EngineOptions(DSN).server_kind == "dev"
    assert EngineOptions(DSN, event_keys=("k",), signing_key="s").server_kind == "cloud"
    for half in ({"event_keys": ("k",)}, {"signing_key": "s"}):
        with pytest.raises(SettingsError, match="both"):
            EngineOptions(DSN, **half)


@pytest.mark.parametrize(("event_key", "signing_key"), [("k\n", "s"), ("k", "s\n"), ("", "s"), ("k", ""), (" k", "s")])
def test_f02_a_key_with_white_space_around_it_is_refused(event_key: str, signing_key: str) -> None:
    """Sync would say ok, and every call would be answered 401."""
    with pytest.raises(SettingsError, match="white space"):
        EngineOptions(DSN, event_keys=(event_key,), signing_key=signing_key)


def test_an_application_is_reached_over_http() -> None:
    """Anything else is refused at the start."""
    assert EngineOptions(DSN, app_urls=("http://127.0.0.1:8000/api/inngest",)).app_urls
    with pytest.raises(SettingsError, match="http://"):
        EngineOptions(DSN, app_urls=("127.0.0.1:8000",))
