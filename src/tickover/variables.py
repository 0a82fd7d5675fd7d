"""What the value of a variable may be: read from its text, or refused with what it should be. Pure."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from tickover.errors import SettingsError
from tickover.notices.timing import parse_quiet_hours
from tickover.notices.urls import split_urls

_ON = ("1", "true", "yes", "on")
_OFF = ("0", "false", "no", "off")
_FLAGS = ("_USE_INNGEST", "_FORCE_INLINE")  # how routes' flags end
DEV_SERVER = "http://127.0.0.1:8288"
"""Where a dev server listens that nobody has said anything else of."""


def parse_flag(name: str, value: str | None) -> bool:
    """A boolean environment variable.

    Args:
        name: its name, for the error.
        value: its raw value; None, or nothing but blanks, is off.

    Raises:
        SettingsError: it is neither a word for on nor one for off.
    """
    word = (value or "").strip().lower()
    if word in _ON:
        return True
    if word in _OFF or not word:
        return False
    raise SettingsError(f"{name}={word!r} is no boolean; use one of {'/'.join(_ON)} or {'/'.join(_OFF)}")


def is_dev_mode(said: str | None) -> bool:
    """Whether `INNGEST_DEV`, trimmed, turns dev mode on; a word that is no boolean does not."""
    return said is not None and (said.startswith(("http://", "https://")) or said.lower() in _ON)


def dev_server(said: str | None) -> str | None:
    """The dev server that `INNGEST_DEV`, trimmed, leads to: the one it names, or the one on this machine."""
    if said is None or not is_dev_mode(said):
        return None
    return said.rstrip("/") if said.startswith(("http://", "https://")) else DEV_SERVER


def flag_faults(variables: Mapping[str, str]) -> dict[str, str]:
    """Variables that are named as routes' flags are, and hold no boolean, with what is wrong.

    Args:
        variables: of the process.
    """
    faults = {}
    for name, value in variables.items():
        if name.endswith(_FLAGS):
            try:
                parse_flag(name, value)
            except SettingsError as error:
                faults[name] = str(error)
    return faults


def _base_url(url: str) -> str:
    """A URL without its trailing slashes (field note F4), refused when it is none."""
    if not url.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return url.rstrip("/")


def _postgres_url(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"postgresql", "postgres"}:
        raise ValueError("must begin with postgresql://")
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise ValueError("is no URL: its host or its port is malformed") from None
    return f"postgresql://{rest}"


def _flag_or_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        try:
            parse_flag("INNGEST_DEV", value)
        except SettingsError as error:
            raise ValueError(f"{error}, or the URL of a dev server") from None
    return value


def secure_url(url: str) -> str:
    """A URL whose answers can be believed, as it stands.

    Raises:
        ValueError: it is neither https, nor http on the loopback interface, or carries more than a place.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.port == 0 or parts.username is not None or parts.fragment:
        raise ValueError("must be a URL with a host, and without a user name or a '#' part")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("must begin with https://, or with http:// on the loopback interface")
    return url


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own; `127.example` may be anywhere."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _path(path: str) -> str:
    """A path below which pages are served, without its trailing slashes."""
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+/*", path):
        raise ValueError("must be a path such as /tickover: it begins with a slash, and is not the root")
    return path.rstrip("/")


def _issuer(url: str) -> str:
    return _base_url(secure_url(url))


def _quiet_hours(said: str) -> str:
    parse_quiet_hours(said)
    return said


def _notice_urls(value: SecretStr) -> SecretStr:
    if not all(re.match(r"[A-Za-z0-9]+://.", url) for url in split_urls(value.get_secret_value())):
        raise ValueError(
            "is to hold Apprise's URLs, separated by blanks or commas: https://github.com/caronc/apprise/wiki"
        )
    return value


def _words(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """What stands between commas, trimmed."""
    words = value.split(",") if isinstance(value, str) else value
    return tuple(word.strip() for word in words if word.strip())


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
IssuerUrl = Annotated[str, AfterValidator(_issuer)]
PostgresUrl = Annotated[str, AfterValidator(_postgres_url)]
FlagOrUrl = Annotated[str, AfterValidator(_flag_or_url)]
PagePath = Annotated[str, AfterValidator(_path)]
QuietHours = Annotated[str, AfterValidator(_quiet_hours)]
NoticeUrls = Annotated[SecretStr, AfterValidator(_notice_urls)]
