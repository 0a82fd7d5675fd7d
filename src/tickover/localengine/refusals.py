"""Why is a function not served? Pure: its configuration in, the reason out."""

from collections.abc import Iterator, Mapping
from typing import Any

from tickover.localengine import crons, expressions

_OPTIONS = {
    "cancel": "cancellation",
    "debounce": "debounce",
    "batchEvents": "batches",
    "rateLimit": "rate limits",
    "throttle": "throttling",
    "priority": "priorities",
    "timeouts": "timeouts",
}
_SPOKEN = frozenset({"id", "name", "steps", "triggers", "concurrency", "idempotency", "singleton"})
LONGEST_EXPRESSION = 2_000
"""Characters; the library that reads expressions ends the process over one that is too deep."""


def why_refused(config: Mapping[str, Any]) -> str | None:
    """What a function asks for that this engine does not do, or what in it cannot be read; None where it is served."""
    if asked := list(_beyond(config)):
        return f"the local engine knows no {', '.join(asked)}"
    return next(_faults(config), None)


def _beyond(config: Mapping[str, Any]) -> Iterator[str]:
    yield from (words for option, words in _OPTIONS.items() if config.get(option))
    yield from (
        f"option {name[:100]!r}"
        for name, value in config.items()
        if value is not None and name not in _SPOKEN and name not in _OPTIONS
    )
    if (config.get("singleton") or {}).get("mode") == "cancel":
        yield "singletons that cancel the run before"
    if any(trigger.get("jitter") for trigger in config.get("triggers") or []):
        yield "jitter of cron triggers"
    if config["steps"]["step"]["runtime"].get("type") == "ws":
        yield "Connect"


def _faults(config: Mapping[str, Any]) -> Iterator[str]:
    triggers, limits = config.get("triggers") or [], config.get("concurrency") or []
    if any((limit.get("scope") or "fn") != "fn" and not limit.get("key") for limit in limits):
        yield "a concurrency limit beyond one function needs a key"
    texts = [config.get("idempotency"), (config.get("singleton") or {}).get("key")]
    texts += [trigger.get("expression") for trigger in triggers]
    texts += [limit.get("key") for limit in limits]
    for text in filter(None, texts):
        if len(text) > LONGEST_EXPRESSION:
            yield f"an expression has at most {LONGEST_EXPRESSION} characters"
        elif (fault := expressions.check(text)) is not None:
            yield fault
    for trigger in triggers:
        if trigger.get("cron") is not None and (fault := crons.check(trigger["cron"])) is not None:
            yield fault
