"""Who may fire a tick, and is everything else in place for one? Pure."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from tickover.verify.proof.answers import Answer, Asked, Wanted
from tickover.verify.proof.lines import Line, failed, passed, skipped, unproven

_OPEN = (
    "let nothing in front of it add the secret, and let Tickover itself serve the cron endpoint: as it is, whoever "
    "knows the URL fires ticks"
)


def door_lines(wanted: Wanted, asked: Asked, routes: Sequence[str]) -> list[Line]:
    """The secret, the flags, the circuits and the status keys, in order.

    Args:
        wanted: what it is held to.
        asked: what it answered.
        routes: those that are looked at.
    """
    lines = [
        _refused("cron without a secret", asked.without_secret),
        _refused("cron with a wrong secret", asked.wrong_secret),
    ]
    lines.append(_secret(wanted, asked))
    if asked.told.told:
        for route in asked.told.routes:
            if route["route"] in routes:
                lines += [
                    _flag(route, asked.told.part("flags"), is_off=wanted.inline),
                    _circuit(route, asked.told.part("circuits")),
                ]
        lines.append(_redis(asked.told.part("redis")))
        lines.append(budgets_line(asked.told.part("budgets")))
    return lines


def _refused(name: str, answer: Answer | None) -> Line:
    if answer is None or answer.error is not None:
        return unproven(name, "no answer" if answer is None else answer.said(), "run it again")
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return passed(name, "it is refused, 401")
    if answer.status < HTTPStatus.BAD_REQUEST:
        return failed(name, f"it is let in, and answered {answer.status}", _OPEN)
    return unproven(name, answer.said(), "mend that first")


def _secret(wanted: Wanted, asked: Asked) -> Line:
    name, answer = "cron secret", asked.deployment
    if not wanted.has_secret:
        return unproven(name, "none was given", "set CRON_SECRET, or give --cron-secret")
    if answer is None or answer.error is not None:
        return unproven(name, "no answer" if answer is None else answer.said(), "run it again")
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return failed(name, answer.said(), "set CRON_SECRET to the same value there, here and at the scheduler")
    return passed(name, "the one that was given is let in")


def _flag(route: Mapping[str, Any], flags: Mapping[str, Any], *, is_off: bool) -> Line:
    flag = route["flag"]
    forced = f"{flag.removesuffix('_USE_INNGEST')}_FORCE_INLINE"
    if is_off and (flags.get(forced) or not flags.get(flag)):
        return passed(f"flag {flag}", f"{forced} is on" if flags.get(forced) else "it is off, as expected")
    if is_off:
        return failed(f"flag {flag}", "it is on, and was expected off", f"turn it off there, or set {forced}=true")
    if flags.get(forced):
        return failed(f"flag {flag}", f"{forced} is on, and beats it", f"turn {forced} off there")
    if not flags.get(flag):
        return failed(
            f"flag {flag}",
            "it is off: the work is done inline",
            f"set {flag}=true there; if that is meant, give --expect-inline",
        )
    return passed(f"flag {flag}", "it is on")


def _circuit(route: Mapping[str, Any], circuits: Mapping[str, Any]) -> Line:
    name, circuit = f"circuit of {route['route']}", circuits.get(route["route"]) or {}
    if circuit.get("state") == "open":
        return failed(name, str(circuit.get("reason")), "mend what the reason names; a probe closes it")
    return passed(name, str(circuit.get("reason") or "closed"))


def _redis(redis: Mapping[str, Any]) -> Line:
    if redis.get("answers"):
        return passed("status keys", "Redis answers")
    if not redis.get("isConfigured"):
        return skipped("status keys", "REDIS_URL is not set there; the ledger answers", "set REDIS_URL there")
    return failed("status keys", "Redis does not answer there; the ledger does", "check REDIS_URL there, and Redis")


def budgets_line(budgets: Mapping[str, Any]) -> Line:
    """Whether a request may take longer than the host lets it (field note F14); budgets as a deployment tells them."""
    name, limit = "budgets", budgets.get("hostLimitS")
    inline, send, durable = (float(budgets.get(part, 0)) for part in ("inlineS", "sendTimeoutS", "durableS"))
    longest = max(inline + send, durable)
    if limit is None:
        seen = f"the host's limit is not known; a request may take {longest:g} s"
        return skipped(name, seen, "set TICKOVER_HOST_LIMIT there")
    if longest > float(limit):
        return failed(
            name,
            f"a request may take {longest:g} s here, and the host cuts it off after {limit:g} s",
            "lower TICKOVER_INLINE_BUDGET and TICKOVER_DURABLE_BUDGET below it, or raise the host's limit",
        )
    return passed(name, f"a request may take {longest:g} s, of the host's {limit:g} s")
