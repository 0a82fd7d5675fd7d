"""Payloads are shown with what is secret in them masked. Pure."""

import json
from collections.abc import Collection
from typing import Any

MASK = "•••"
"""Stands for a value that is not shown."""

ALWAYS_MASKED = frozenset(
    {
        "password", "passwd", "passphrase", "secret", "client_secret", "token", "access_token", "refresh_token",
        "id_token", "authorization", "api_key", "apikey", "private_key", "credential", "credentials", "cookie",
    }
)  # fmt: skip
"""Names of fields that are masked whatever the settings say."""

_DEEPEST = 100  # levels; what lies deeper is masked as a whole


def mask(payload_json: str, marked: Collection[str]) -> str:
    """A payload as JSON, with the value of every marked field masked, however deep it lies.

    Names count whatever their case, and `-`, `_` or nothing between their words: `api_key` marks `API-Key` and
    `apiKey` too. A payload that cannot be parsed is masked as a whole.

    Args:
        payload_json: as it stands in the queue.
        marked: names of fields, besides `ALWAYS_MASKED`.
    """
    names = frozenset(map(_plain, ALWAYS_MASKED | frozenset(marked)))
    try:
        return json.dumps(_masked(json.loads(payload_json), names, _DEEPEST), ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):  # a number, or a depth, that Python's parser refuses
        return json.dumps(MASK, ensure_ascii=False)


def _masked(value: Any, names: frozenset[str], depth: int) -> Any:
    if depth == 0:
        return MASK
    if isinstance(value, dict):
        return {key: MASK if _plain(key) in names else _masked(inner, names, depth - 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, names, depth - 1) for inner in value]
    return value


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character not in "-_ .")
