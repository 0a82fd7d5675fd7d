"""Was a real tick handed over, and carried out on the durable path in time? Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from tickover.verify.proof.answers import Answer, Deployment
from tickover.verify.proof.lines import Line, failed, passed, skipped, unproven

_ENDED = {"succeeded", "failed", "covered"}
_DONE = {"succeeded", "covered"}
_BEGUN = {"running", "retrying", "interrupted"}


@dataclass(frozen=True, slots=True)
class Canary:
    """A tick that was fired, and how far each of its functions came.

    Args:
        route: whose.
        fired: what it was answered.
        functions: how far each is, as the answer or, later, `/api/jobs/ticks/…` told; empty where nothing did.
        waited_s: seconds it was followed.
        after: what the deployment told of itself afterwards.
    """

    route: str
    fired: Answer
    functions: Sequence[Mapping[str, Any]]
    waited_s: float
    after: Deployment

    @property
    def has_ended(self) -> bool:
        """Whether every function has."""
        return bool(self.functions) and set(self.states) <= _ENDED

    @property
    def states(self) -> list[str]:
        """How far each function is."""
        return [function["state"] for function in self.functions]

    @property
    def is_done(self) -> bool:
        """Whether its request was answered 200, and every function has succeeded, for this tick or another."""
        return self.fired.status == HTTPStatus.OK and bool(self.functions) and set(self.states) <= _DONE


def inline_line(canary: Canary) -> Line:
    """A tick that is to be carried out inline: in its request, or by whoever was at one of its functions just then.

    Args:
        canary: the tick.
    """
    name, fired, told = f"canary of {canary.route} carried out inline", canary.fired, canary.fired.json
    states = canary.states
    if told.get("mode") == "inline" and canary.is_done:
        seen = f"200: {told.get('reason')}; {len(states)} functions done in {round(told['durationMs'])} ms"
        return passed(name, seen)
    if fired.status == HTTPStatus.CONFLICT:
        return failed(name, "409: it is in the wrong environment, and did nothing", "mend the line `verdict`")
    seen = f"{fired.status}, {told.get('mode') or fired.said()}: {', '.join(states) or 'no function'}"
    return failed(name, seen, "turn the flag off there, or look into the deployment's log for function.failed")


def canary_lines(canary: Canary) -> list[Line]:
    """The tick, then each of its functions."""
    tick = _handed_over(canary)
    if canary.fired.status != HTTPStatus.ACCEPTED:
        return [tick]
    if not canary.functions:
        nothing = "nothing is known of its functions"
        return [tick, unproven(f"canary of {canary.route} carried out", nothing, "look into the deployment's log")]
    return [tick, *(_carried_out(canary, function) for function in canary.functions)]


def fallback_line(canary: Canary, *, is_dev: bool) -> Line:
    """A tick that was sent with a bad event key: it is to fall back, and to be done.

    Args:
        canary: the tick.
        is_dev: whether the engine is a dev server, which takes any key.
    """
    name, fired, told = "fallback", canary.fired, canary.fired.json
    mode = told.get("mode")
    if fired.status == HTTPStatus.FORBIDDEN:
        return failed(name, fired.said(), "force a failure on a preview, never in production")
    if mode == "dispatch" and is_dev:
        return skipped(name, "a dev server takes any key, so the send did not fail", "verify a preview with keys")
    if mode == "inline":
        return unproven(name, f"nothing was sent: {told.get('reason')}", "mend what the reason names first")
    if mode == "fallback" and canary.is_done:
        kind = (told.get("sendError") or {}).get("kind")
        return passed(name, f"the send failed ({kind}), and the tick's work was done inline at once")
    seen = f"the tick was answered {fired.status}, {mode or fired.said()}: {', '.join(canary.states) or 'no function'}"
    return failed(name, seen, "look into the deployment's log for send.failed and function.failed")


def _handed_over(canary: Canary) -> Line:
    name, fired = f"canary of {canary.route} handed over", canary.fired
    told = fired.json
    if fired.error is not None:
        return failed(name, fired.error, "look into the deployment's log")
    if fired.status == HTTPStatus.ACCEPTED and told.get("mode") == "dispatch":
        return passed(name, f"202, {told.get('dispatchKey')}")
    if fired.status == HTTPStatus.CONFLICT:
        return failed(name, "409: it is in the wrong environment, and did nothing", "mend the line `verdict`")
    error = told.get("sendError") or {}
    why = f"{error['kind']}: {error.get('detail')}" if error else told.get("reason") or fired.said()
    remedy = "mend what the reason names, then verify again" if not error else _SEND.get(error["kind"], _SEND["other"])
    return failed(name, f"{fired.status}, {told.get('mode', 'no tick')}: {why}", remedy)


_SEND = {
    "rejected": "set INNGEST_EVENT_KEY there to a key of the engine's environment",
    "refused": "start the engine, or correct INNGEST_BASE_URL there",
    "unconfigured": "set INNGEST_EVENT_KEY there",
    "other": "look into the deployment's log for send.failed",
}


def _carried_out(canary: Canary, function: Mapping[str, Any]) -> Line:
    name, state, path = f"{function['function']} carried out", function["state"], function["path"]
    if state in _DONE and path == "durable":
        return _in_time(canary, name, function)
    if state in _DONE:
        return failed(name, f"{state} on the {path} path, not on the durable one", _why(canary))
    if state == "failed":
        seen = f"it failed: {function.get('error')}"
        return failed(name, seen, "look into the deployment's log for responsibility.failed")
    if state in _BEGUN:
        seen = f"{state} after {canary.waited_s:.0f} s: {function.get('error') or 'it has not ended'}"
        return unproven(name, seen, "give it longer with --timeout, or look at what it does")
    return failed(name, f"accepted, and not begun after {canary.waited_s:.0f} s: no run came", _why(canary))


def _in_time(canary: Canary, name: str, function: Mapping[str, Any]) -> Line:
    took, limit = function.get("durationMs"), canary.after.part("budgets").get("hostLimitS")
    covered = " (by the run of another tick)" if function["state"] == "covered" else ""
    if took is None:
        return passed(name, f"on the durable path{covered}")
    if limit is not None and took > float(limit) * 1000:
        seen = f"it took {took:.0f} ms, and the host cuts a request off after {limit:g} s"
        return failed(name, seen, "lower TICKOVER_DURABLE_BUDGET below the host's limit")
    of = "" if limit is None else f", of the host's {limit:g} s"
    return passed(name, f"on the durable path in {took:.0f} ms{of}")


def _why(canary: Canary) -> str:
    causes = canary.after.causes()
    key = canary.fired.json.get("dispatchKey", "")
    look = f"look where it got stuck: tickover diagnose {key}"
    return f"{causes}; {look}" if causes else look
