import pytest
from pydantic import SecretStr

from tickover.errors import SettingsError
from tickover.settings import Settings, load_settings, read_flags, require_told, untrimmed
from tickover.variables import parse_flag
from tickover.web.claims import GOOGLE

FLAG = "BACKGROUND_JOBS_USE_INNGEST"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field, info in Settings.model_fields.items():
        monkeypatch.delenv(str(info.validation_alias or field).upper(), raising=False)
    monkeypatch.setenv("DATABASE_URL", "postgres://u:pw@db/x")


@pytest.mark.parametrize("value", ["1", "true", "TRUE", "yes", "on", "true\n", " On \r\n"])
def test_f03_words_for_on_are_trimmed_before_they_are_read(value: str) -> None:
    """A trailing newline does not turn a flag off."""
    assert parse_flag(FLAG, value)


@pytest.mark.parametrize("value", [None, "", " \n", "0", "false", "no", "off", "Off\n"])
def test_f03_words_for_off_and_nothing_at_all_are_off(value: str | None) -> None:
    """Unset is off."""
    assert not parse_flag(FLAG, value)


@pytest.mark.parametrize("value", ["ture", "2", "enabled", "tr ue", "none"])
def test_f03_anything_else_is_an_error_that_names_the_variable(value: str) -> None:
    """Tried: a slip, a number, another word, a blank inside."""
    with pytest.raises(SettingsError, match=f"{FLAG}='{value}' is no boolean"):
        parse_flag(FLAG, value)


def test_all_bad_flags_are_named_at_once() -> None:
    """One start shows all faults."""
    with pytest.raises(SettingsError, match=r"A_FLAG.*B_FLAG"):
        read_flags(["A_FLAG", "B_FLAG", "C_FLAG"], {"A_FLAG": "x", "B_FLAG": "y", "C_FLAG": "on"})


def test_f02_a_newline_in_a_key_is_trimmed_and_reported_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key works, and the variable is named; its value is not."""
    monkeypatch.setenv("INNGEST_SIGNING_KEY", "signkey-test-abc\n")
    key = load_settings().inngest_signing_key
    assert key is not None
    assert key.get_secret_value() == "signkey-test-abc"
    assert untrimmed() == ("INNGEST_SIGNING_KEY",)


@pytest.mark.parametrize("url", ["http://e:8288/", "http://e:8288//", " http://e:8288/\n", "http://e:8288"])
def test_f04_a_base_url_is_normalised_once(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """No trailing slash remains, so no `//e/…` and no redirect can come of it."""
    monkeypatch.setenv("INNGEST_BASE_URL", url)
    assert load_settings().engine_url == "http://e:8288"


def test_every_fault_is_named_and_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tried: a number that is none, a bound that is passed, a URL that is none with a password in it, a bad flag."""
    monkeypatch.setenv("TICKOVER_SEND_TIMEOUT", "soon")
    monkeypatch.setenv("TICKOVER_INLINE_BUDGET", "0")
    monkeypatch.setenv("DATABASE_URL", "mysql://u:hunter2@db")
    monkeypatch.setenv("INNGEST_DEV", "ture")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    text = str(caught.value)
    for name in ("TICKOVER_SEND_TIMEOUT='soon'", "TICKOVER_INLINE_BUDGET='0'", "DATABASE_URL", "INNGEST_DEV='ture'"):
        assert name in text
    assert "hunter2" not in text


def test_settings_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither keys nor passwords appear when the object is printed."""
    for name in ("CRON_SECRET", "CRON_SECRET_PREVIOUS", "INNGEST_EVENT_KEY", "INNGEST_SIGNING_KEY"):
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@r/0")
    monkeypatch.setenv("DATABASE_URL", "postgres://u:hunter2@db/x")
    assert "hunter2" not in repr(load_settings())


@pytest.mark.parametrize(
    ("value", "dev", "url"),
    [
        (None, False, None),
        ("0", False, None),
        ("1\n", True, "http://127.0.0.1:8288"),
        ("http://d:8288/", True, "http://d:8288"),
    ],
)
def test_the_dev_server_is_a_flag_or_a_url(
    monkeypatch: pytest.MonkeyPatch, value: str | None, dev: bool, url: str | None
) -> None:
    """As the SDK reads INNGEST_DEV."""
    if value is not None:
        monkeypatch.setenv("INNGEST_DEV", value)
    assert (load_settings().dev_mode, load_settings().engine_url) == (dev, url)


def test_a_missing_database_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blank counts as missing."""
    monkeypatch.setenv("DATABASE_URL", " ")
    with pytest.raises(SettingsError, match="DATABASE_URL is not set"):
        load_settings()


def test_a_previous_secret_needs_a_current_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise what was to be forgotten would be the only secret; the text names both variables and no value."""
    monkeypatch.setenv("CRON_SECRET_PREVIOUS", "hunter2")
    with pytest.raises(SettingsError, match=r"^CRON_SECRET_PREVIOUS is set, and CRON_SECRET is not: [^2]*$"):
        load_settings()
    monkeypatch.setenv("CRON_SECRET", "hunter3")
    assert load_settings().cron_secret_previous is not None


@pytest.mark.parametrize("subjects", [None, " ", ",", " , "])
def test_an_audience_without_subjects_is_an_error_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, subjects: str | None
) -> None:
    """Any account of the issuer could fire ticks otherwise; that holds for nothing but commas, too."""
    monkeypatch.setenv("CRON_OIDC_AUDIENCE", "https://app.example.com")
    if subjects is not None:
        monkeypatch.setenv("CRON_OIDC_SUBJECT", subjects)
    with pytest.raises(SettingsError, match=r"^CRON_OIDC_SUBJECT is not set, and CRON_OIDC_AUDIENCE is: "):
        load_settings()


def test_subjects_stand_between_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is trimmed, and empty ones are left out."""
    monkeypatch.setenv("CRON_OIDC_AUDIENCE", " https://app.example.com\n")
    monkeypatch.setenv("CRON_OIDC_SUBJECT", "cron@p.iam.example.com, system:serviceaccount:jobs:cron ,\n")
    settings = load_settings()
    assert settings.cron_oidc_audience == "https://app.example.com"
    assert settings.cron_oidc_subject == ("cron@p.iam.example.com", "system:serviceaccount:jobs:cron")


@pytest.mark.parametrize(
    ("url", "issuer"),
    [
        (None, GOOGLE),
        ("https://issuer.example.com/tenant/", "https://issuer.example.com/tenant"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost/\n", "http://localhost"),
    ],
)
def test_the_issuer_is_google_or_the_one_that_is_named(
    monkeypatch: pytest.MonkeyPatch, url: str | None, issuer: str
) -> None:
    """Over https, or over http where nobody stands in between; without a slash at the end."""
    if url is not None:
        monkeypatch.setenv("CRON_OIDC_ISSUER", url)
    assert load_settings().cron_oidc_issuer == issuer


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "ftp://issuer.example.com",
        "accounts.google.com",
        "https://",
        "https://u:hunter2@issuer.example.com",
        "https://issuer.example.com/#x",
        "https://issuer.example.com:port",
    ],
)
def test_an_issuer_that_cannot_be_believed_is_an_error(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Whoever stands between here and there could publish keys of their own; the text names the variable only."""
    monkeypatch.setenv("CRON_OIDC_ISSUER", url)
    with pytest.raises(SettingsError, match=r"^CRON_OIDC_ISSUER: ") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_i5_what_is_used_is_what_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and stores that are given in code, past the variables that the verdict is made from, are refused by name."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/x")
    told = Settings.read()
    require_told(told)
    require_told(told.model_copy(update={"lease": 5.0}))
    key = SecretStr("signkey-prod-" + "ab" * 32)
    for given in ({"inngest_signing_key": key}, {"database_url": "postgresql://production/x"}):
        with pytest.raises(SettingsError) as caught:
            require_told(told.model_copy(update=given))
        assert next(iter(given)).upper() in str(caught.value)
        assert "ab" * 32 not in str(caught.value)
