import pytest
from pydantic import SecretStr, ValidationError

from tickover.errors import SettingsError
from tickover.isolation.redaction import redact, secrets_in
from tickover.notices.destinations import make_destinations
from tickover.notices.urls import secrets_of, split_urls
from tickover.settings import Settings

SECRET = "tok3n-of-the-receiver"
SEVERAL = "slack://TokenAAAA/TokenBBBB/TokenCCCC/#ops, mailto://me:p%40ssw0rd@mail.example.com?to=a@b.de,c@d.de\n json://hooks.example.com/in?token=s3cr3t-token"


def test_urls_stand_between_blanks_or_commas() -> None:
    """A comma inside a URL parts nothing, since no scheme begins after it."""
    first, second, third = split_urls(SEVERAL)
    assert first == "slack://TokenAAAA/TokenBBBB/TokenCCCC/#ops"
    assert second == "mailto://me:p%40ssw0rd@mail.example.com?to=a@b.de,c@d.de"
    assert third == "json://hooks.example.com/in?token=s3cr3t-token"
    assert split_urls(" , \n") == []


def test_every_part_that_may_be_secret_is_taken_out_of_texts() -> None:
    """Tokens, passwords in both forms, parameters, the whole; a host name stays, so that an error can be read."""
    secrets = secrets_in({"TICKOVER_NOTICES": SEVERAL})
    text = "POST /TokenAAAA/TokenBBBB/TokenCCCC p@ssw0rd p%40ssw0rd s3cr3t-token to hooks.example.com"
    shown = redact(text, secrets)
    assert "hooks.example.com" in shown
    for secret in ("TokenAAAA", "TokenBBBB", "TokenCCCC", "p@ssw0rd", "p%40ssw0rd", "s3cr3t-token"):
        assert secret not in shown
    assert "https" not in secrets_of("json://hooks.example.com/services/abc")


@pytest.mark.parametrize("value", ["no-url-s3cr3t", "slack:TokenAAAA", "json://ok.example.com/ ://s3cr3t"])
def test_what_is_no_url_is_refused_and_not_shown(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable only."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/x")
    monkeypatch.setenv("TICKOVER_NOTICES", value)
    if value.startswith("json://"):  # a comma or blank parts nothing before what is no scheme: Apprise judges the whole
        assert Settings.faults() == {}
        return
    (fault,) = Settings.faults().items()
    assert fault[0] == "TICKOVER_NOTICES"
    assert "Apprise" in fault[1]
    assert value not in fault[1]


def test_settings_do_not_show_them() -> None:
    """Neither as text nor when they are shown whole."""
    settings = Settings(DATABASE_URL="postgresql://db/x", TICKOVER_NOTICES=SecretStr(SEVERAL))  # type: ignore[call-arg]
    assert "TokenAAAA" not in repr(settings)
    with pytest.raises(ValidationError, match="write the hours"):
        Settings(DATABASE_URL="postgresql://db/x", TICKOVER_QUIET_HOURS="at night")  # type: ignore[call-arg]


def test_a_url_that_apprise_does_not_know_is_refused_at_start() -> None:
    """By its place, and not shown."""
    with pytest.raises(SettingsError, match="URL 2 of 2 is none that Apprise can use") as refused:
        make_destinations(f"json://127.0.0.1/ nosuchthing://{SECRET}", {SECRET: "TICKOVER_NOTICES"})
    assert SECRET not in str(refused.value)
