"""Takes secrets out of texts before they are shown or kept. Pure.

Errors of libraries name what they were given: the event API's URL is made with the event key, a connection string
holds a password. Nobody reads every one of them, so what is known to be secret is taken out by its value.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from tickover.isolation.keys import NOTICES, SECRETS
from tickover.notices.urls import secrets_of, split_urls

_SHORTEST = 6  # characters; taking out what is shorter would take words out of every text


def secrets_in(variables: Mapping[str, str]) -> dict[str, str]:
    """Every secret among the variables of a process, with the name of its variable.

    Args:
        variables: as they came.
    """
    found: dict[str, str] = {}
    for name, value in variables.items():
        if name in SECRETS or name.endswith("_URL"):
            found |= _secrets(name, value.strip())
    return found


def redact(text: str, secrets: Mapping[str, str]) -> str:
    """A text without the secrets; each is replaced by the name of its variable.

    Args:
        text: to be shown or kept.
        secrets: their values, with the names of their variables.
    """
    if not secrets:
        return text
    return _any_of(tuple(secrets)).sub(lambda found: f"<{secrets[found[0]]}>", text)


@lru_cache(maxsize=16)  # a process has one set of them, and pages have thousands of texts
def _any_of(secrets: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(secrets, key=len, reverse=True))))


def redact_all(value: Any, secrets: Mapping[str, str]) -> Any:
    """As `redact`, for every text inside a value of JSON."""
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, Mapping):
        return {key: redact_all(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [redact_all(inner, secrets) for inner in value]
    return value


def _secrets(name: str, value: str) -> dict[str, str]:
    """The secret of one variable, in every form that it may be met in."""
    if name == NOTICES:
        parts = {part for url in split_urls(value) for part in secrets_of(url)}
        forms = {value, *parts, *(quote(part, safe="") for part in parts)}
    elif name in SECRETS or name.endswith("_HEARTBEAT_URL"):
        forms = {value, quote(value, safe="")}
    elif name.endswith("_URL"):
        forms = {form for password in _passwords(value) for form in (password, unquote(password))}
    else:
        forms = set()
    return {form: name for form in forms if len(form) >= _SHORTEST}


def _passwords(url: str) -> list[str]:
    """The passwords of a URL: before its host, and among its parameters, where drivers take one as well."""
    try:
        parts = urlsplit(url)
        before = parts.password or ""
    except ValueError:
        return []
    parameters = (parameter.partition("=") for parameter in parts.query.split("&"))
    return [before, *(value for name, _, value in parameters if name == "password")]
