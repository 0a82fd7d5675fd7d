import pytest

from tickover.errors import SettingsError
from tickover.outreach.settings import OutreachSettings

RETENTION, ALERT = "DRAFT_PIPELINE_RUN_RETENTION_DAYS", "BACKGROUND_JOB_STALE_QUEUE_ALERT_MINUTES"


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without either variable."""
    monkeypatch.delenv(RETENTION, raising=False)
    monkeypatch.delenv(ALERT, raising=False)


def test_both_are_thirty_when_unset() -> None:
    """30 days, 30 minutes."""
    settings = OutreachSettings.read()
    assert (settings.draft_pipeline_run_retention_days, settings.background_job_stale_queue_alert_minutes) == (30, 30)


def test_f03_values_are_trimmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trailing newline does no harm; a value of blanks counts as unset."""
    monkeypatch.setenv(RETENTION, " 7\n")
    monkeypatch.setenv(ALERT, " \n")
    settings = OutreachSettings.read()
    assert (settings.draft_pipeline_run_retention_days, settings.background_job_stale_queue_alert_minutes) == (7, 30)


def test_the_least_values_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One day, five minutes."""
    monkeypatch.setenv(RETENTION, "1")
    monkeypatch.setenv(ALERT, "5")
    settings = OutreachSettings.read()
    assert (settings.draft_pipeline_run_retention_days, settings.background_job_stale_queue_alert_minutes) == (1, 5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (RETENTION, "0"),
        (RETENTION, "-1"),
        (RETENTION, "thirty"),
        (RETENTION, "99999999999"),
        (ALERT, "4"),
        (ALERT, "1.5"),
        (ALERT, "soon"),
    ],
)
def test_a_bad_value_is_an_error_that_names_it(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text shows the variable and what it holds."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"{name}='{value}'"):
        OutreachSettings.read()
