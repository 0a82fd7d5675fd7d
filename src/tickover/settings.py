"""Settings: one frozen object, made once at start, and the only reader of the environment.

Every value is trimmed first (field notes F2, F3: trailing newlines), a blank one counts as unset, and all faults
are reported together, by the name of the variable. No secret is ever shown.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, Self

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from tickover.errors import SettingsError
from tickover.variables import (
    BaseUrl,
    FlagOrUrl,
    IssuerUrl,
    NoticeUrls,
    PagePath,
    PostgresUrl,
    QuietHours,
    Words,
    dev_server,
    is_dev_mode,
    parse_flag,
)

_NEEDED = "needed"
_MAY_BE_SHOWN_NEVER = ("SECRET", "KEY", "TOKEN", "_URL", "_ISSUER", "_NOTICES")


def read_flags(names: Iterable[str], environ: Mapping[str, str] | None = None) -> dict[str, bool]:
    """Several boolean environment variables at once.

    Raises:
        SettingsError: at least one is no boolean; the text names every one.
    """
    environment = os.environ if environ is None else environ
    flags, faults = {}, []
    for name in names:
        try:
            flags[name] = parse_flag(name, environment.get(name))
        except SettingsError as error:
            faults.append(str(error))
    if faults:
        raise SettingsError("; ".join(faults))
    return flags


class TrimmedSettings(BaseSettings):
    """Settings that are trimmed before they are parsed; applications may derive their own from it."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _trim(cls, values: dict[str, Any]) -> dict[str, Any]:
        trimmed = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
        return {name: value for name, value in trimmed.items() if value != ""}

    @classmethod
    def read(cls) -> Self:
        """Read the environment of the process.

        Raises:
            SettingsError: at least one variable is missing or malformed; the text names every one.
        """
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError("; ".join(fault for _, fault in _faults(error))) from None

    @classmethod
    def faults(cls) -> dict[str, str]:
        """What is missing or malformed in the environment of the process, by the name of the variable."""
        try:
            cls()
        except ValidationError as error:
            return dict(_faults(error))
        return {}


def _faults(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Each variable that is missing or malformed, with what is wrong with it."""
    for fault in error.errors():
        name = str(fault["loc"][0]).upper() if fault["loc"] else "settings"
        if fault["type"] == "missing":
            yield name, f"{name} is not set"
        elif fault["type"] == _NEEDED:
            yield name, f"{name} {fault['msg']}"
        elif any(part in name for part in _MAY_BE_SHOWN_NEVER):
            yield name, f"{name}: {fault['msg']}"
        else:
            yield name, f"{name}={fault['input']!r}: {fault['msg']}"


class Settings(TrimmedSettings):
    """What Tickover itself reads. Names in capitals are the environment's; all times are in seconds."""

    database_url: PostgresUrl = Field(repr=False, description="PostgreSQL, for the ledger and the jobs")
    database_pool_size: int = Field(10, ge=2, le=100, validation_alias="TICKOVER_DATABASE_POOL_SIZE")
    database_wait: float = Field(10.0, gt=0, le=60, validation_alias="TICKOVER_DATABASE_WAIT")
    redis_url: SecretStr | None = Field(None, description="Redis, for the status keys; without it the ledger answers")
    redis_timeout: float = Field(1.0, gt=0, le=5, validation_alias="TICKOVER_REDIS_TIMEOUT")
    status_ttl: int = Field(86_400, ge=60, validation_alias="INNGEST_JOB_STATUS_TTL_SECONDS")

    cron_secret: SecretStr | None = Field(None, description="what cron callers must show")
    cron_secret_previous: SecretStr | None = Field(None, description="the one before it")
    cron_oidc_audience: str | None = Field(None, description="whom cron callers' ID tokens are meant for")
    cron_oidc_subject: Words = Field((), validate_default=True, description="whose ID tokens count")
    cron_oidc_issuer: IssuerUrl = "https://accounts.google.com"

    inngest_event_key: SecretStr | None = None
    inngest_signing_key: SecretStr | None = None
    inngest_signing_key_fallback: SecretStr | None = Field(None, description="the key before, while it is rotated")
    inngest_env: str | None = None
    inngest_base_url: BaseUrl | None = Field(None, description="an engine other than Inngest Cloud")
    inngest_dev: FlagOrUrl | None = None
    inngest_serve_origin: BaseUrl | None = None

    tickover_env: str | None = Field(None, description="the environment, where the host does not tell it")
    tickover_production_keys: str | None = Field(None, description="fingerprints of production's keys")
    host_limit: float | None = Field(None, ge=1, le=86_400, validation_alias="TICKOVER_HOST_LIMIT")

    send_timeout: float = Field(3.0, gt=0, le=60, validation_alias="TICKOVER_SEND_TIMEOUT")
    inline_budget: float = Field(240.0, ge=1, le=3600, validation_alias="TICKOVER_INLINE_BUDGET")
    durable_budget: float = Field(240.0, ge=1, le=3600, validation_alias="TICKOVER_DURABLE_BUDGET")
    lease: float = Field(30.0, ge=3, le=600, validation_alias="TICKOVER_LEASE")
    ledger_retention_days: int = Field(30, ge=1, le=3650, validation_alias="TICKOVER_LEDGER_RETENTION_DAYS")
    circuit_after: int = Field(3, ge=1, le=100, validation_alias="TICKOVER_CIRCUIT_AFTER")
    circuit_rest: float = Field(300.0, ge=1, le=86_400, validation_alias="TICKOVER_CIRCUIT_REST")
    auto_rollback: bool = Field(default=True, validation_alias="TICKOVER_AUTO_ROLLBACK")
    operator_token: SecretStr | None = Field(
        None, min_length=16, description="what operators must show", validation_alias="TICKOVER_OPERATOR_TOKEN"
    )
    viewer_token: SecretStr | None = Field(
        None, min_length=16, description="what those must show who only look", validation_alias="TICKOVER_VIEWER_TOKEN"
    )
    dashboard_path: PagePath = Field("/tickover", validation_alias="TICKOVER_DASHBOARD_PATH")
    metrics_token: SecretStr | None = Field(
        None, min_length=16, description="what scrapers must show", validation_alias="TICKOVER_METRICS_TOKEN"
    )
    metrics_open: bool = Field(default=False, validation_alias="TICKOVER_METRICS_OPEN")
    metrics_path: PagePath = Field("/metrics", validation_alias="TICKOVER_METRICS_PATH")
    session_hours: float = Field(12.0, gt=0, le=720, validation_alias="TICKOVER_SESSION_HOURS")
    logs: Literal["json", "console"] | None = Field(None, validation_alias="TICKOVER_LOGS")
    plan_executions: int | None = Field(None, ge=1, validation_alias="TICKOVER_PLAN_EXECUTIONS")
    plan_events: int | None = Field(None, ge=1, validation_alias="TICKOVER_PLAN_EVENTS")
    watch: float | None = Field(None, ge=1, le=3600, validation_alias="TICKOVER_WATCH")
    notices: NoticeUrls | None = Field(
        None, description="where notices go: Apprise's URLs", validation_alias="TICKOVER_NOTICES"
    )
    notices_confirm: float = Field(60.0, ge=0, le=86_400, validation_alias="TICKOVER_NOTICES_CONFIRM")
    notices_away: float = Field(600.0, ge=1, le=86_400, validation_alias="TICKOVER_NOTICES_AWAY")
    notices_hourly: int = Field(10, ge=1, le=1000, validation_alias="TICKOVER_NOTICES_HOURLY")
    quiet_hours: QuietHours | None = Field(
        None, description="when only what is new or urgent is sent", validation_alias="TICKOVER_QUIET_HOURS"
    )
    dashboard_url: BaseUrl | None = Field(
        None, description="where people see the dashboard", validation_alias="TICKOVER_DASHBOARD_URL"
    )
    max_continuations: int = Field(20, ge=0, le=1000, validation_alias="TICKOVER_MAX_CONTINUATIONS")

    @field_validator("cron_secret_previous")
    @classmethod
    def _succeeded(cls, previous: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if previous is not None and info.data.get("cron_secret") is None:
            raise PydanticCustomError(_NEEDED, "is set, and CRON_SECRET is not: set that, or unset this one")
        return previous

    @field_validator("cron_oidc_subject")
    @classmethod
    def _named(cls, subjects: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not subjects and info.data.get("cron_oidc_audience") is not None:
            text = "is not set, and CRON_OIDC_AUDIENCE is: say whose ID tokens may fire ticks, by e-mail or by sub"
            raise PydanticCustomError(_NEEDED, text)
        return subjects

    @field_validator("metrics_path")
    @classmethod
    def _apart(cls, path: str, info: ValidationInfo) -> str:
        taken = ("/api/cron", "/api/jobs", "/api/inngest", str(info.data.get("dashboard_path")))
        for other in taken:
            if path == other or path.startswith(f"{other}/"):
                raise ValueError(f"lies at or below {other}, where something else is served")
        return path

    @property
    def dev_mode(self) -> bool:
        """Whether the SDK talks to a dev server: unsigned, without keys."""
        return is_dev_mode(self.inngest_dev)

    @property
    def engine_url(self) -> str | None:
        """Where the engine is; None for Inngest Cloud."""
        return self.inngest_base_url or dev_server(self.inngest_dev)


_JUDGED = (
    "database_url", "redis_url", "inngest_event_key", "inngest_signing_key", "inngest_signing_key_fallback",
    "inngest_env", "inngest_base_url", "inngest_dev", "inngest_serve_origin",
)  # fmt: skip


def require_told(settings: Settings) -> None:
    """Go on with settings that lead where the process's variables lead: the environment's verdict is made from those.

    Args:
        settings: as an application gives them.

    Raises:
        SettingsError: something differs that the verdict has to know; the text names the variables.
    """
    told = Settings.read()
    hidden = [name.upper() for name in _JUDGED if getattr(settings, name) != getattr(told, name)]
    if hidden:
        names = ", ".join(hidden)
        raise SettingsError(f"{names}: set in the environment, not in code, so that it is judged what they lead to")


VARIABLES = tuple(str(field.validation_alias or name).upper() for name, field in Settings.model_fields.items())
"""The names of all variables that Tickover itself reads as settings."""


def untrimmed(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Names of the variables of `Settings` that carried blanks or newlines around their value."""
    environment = os.environ if environ is None else environ
    return tuple(name for name in VARIABLES if (value := environment.get(name)) is not None and value != value.strip())


def redis_url(settings: Settings) -> str | None:
    """Where Redis is; None where there is none."""
    return None if settings.redis_url is None else settings.redis_url.get_secret_value()


NO_DATABASE = {"DATABASE_URL": "postgresql://nowhere.invalid/none"}
"""What stands instead of a required variable where an application is only looked at."""


@contextmanager
def left_out(names: Iterable[str], placeholders: Mapping[str, str]) -> Iterator[None]:
    """Let the process be read without some variables, as long as this lasts.

    Args:
        names: of those that are left out.
        placeholders: what stands instead of some of them.
    """
    before = {name: os.environ[name] for name in names if name in os.environ}
    for name in names:
        os.environ.pop(name, None)
        if name in placeholders:
            os.environ[name] = placeholders[name]
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name, None)
        os.environ.update(before)


def environment() -> Mapping[str, str]:
    """The variables of the process, for those whose names a contract makes."""
    return os.environ


def load_settings() -> Settings:
    """Read Tickover's settings from the environment of the process.

    Raises:
        SettingsError: at least one variable is missing or malformed; the text names every one.
    """
    return Settings.read()


class JobSettings(TrimmedSettings):
    """How long jobs that have ended are kept, and what of their payloads is not shown."""

    job_retention_days: float = Field(7, gt=0, le=3650, validation_alias="TICKOVER_JOB_RETENTION_DAYS")
    dead_job_retention_days: float = Field(30, gt=0, le=3650, validation_alias="TICKOVER_DEAD_JOB_RETENTION_DAYS")
    masked_fields: Words = Field((), validation_alias="TICKOVER_MASKED_FIELDS")
