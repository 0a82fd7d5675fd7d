"""What a function's configuration says, in words. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

_RETRIES = 4  # of a function that names no number


def limits(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What bounds a function: each limit's name and what it is.

    Args:
        config: as it was registered.
    """
    retries = config["steps"]["step"].get("retries")
    yield "Retries", str(_RETRIES if retries is None else retries["attempts"])
    for limit in config.get("concurrency") or []:
        scope = {"env": " in this engine", "account": " in this engine"}.get(limit.get("scope") or "fn", "")
        key = f" per {limit['key']}" if limit.get("key") else ""
        yield "Concurrency", f"{limit['limit']}{key}{scope}" if limit["limit"] else "no limit"
    if config.get("idempotency"):
        yield "Idempotency", f"one run in 24 h per {config['idempotency']}"
    if singleton := config.get("singleton"):
        yield "Singleton", "one run at a time" + (f" per {singleton['key']}" if singleton.get("key") else "")
