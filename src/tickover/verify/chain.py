"""Where did a tick's work get stuck? Pure: facts in, the links of the chain from cron to the status out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from tickover.contract import Function
from tickover.isolation.engine import Engine
from tickover.ledger.facts import Refusal
from tickover.moments import told
from tickover.ticks.decision import Mode
from tickover.ticks.findings import REMEDIES
from tickover.verify.case import Case
from tickover.verify.engine_links import engine_links
from tickover.verify.facts import EngineEvent, Facts
from tickover.verify.links import Link, Verdict, after_the_break, broken, not_needed, ok, unknown
from tickover.verify.work_links import work_links

_UNDER_WAY = timedelta(seconds=30)  # that a dispatch may take before it counts as never made
_CRON, _ENVIRONMENT, _RECORDED, _SEND = "cron authenticated", "environment allowed", "recorded", "send"

SEND_REMEDIES = {
    "refused": "start the engine, or correct INNGEST_BASE_URL: nobody listens there",
    "rejected": "check INNGEST_EVENT_KEY, and that it is of the engine's environment: the engine refuses it",
    "unavailable": "the engine is up and broken: look into its log, or at its provider's status page",
    "timeout": "the engine was too slow, or its answer was lost: look at the network, or raise TICKOVER_SEND_TIMEOUT",
    "malformed": "what answers at INNGEST_BASE_URL is no event API: correct it, or the proxy in between",
    "withheld": "nothing may be sent from this environment: do what the detail says, or leave it to the inline path",
    "unconfigured": "set INNGEST_EVENT_KEY, or INNGEST_DEV for a dev server",
}
"""What to do about each kind of failed send."""


def walk(facts: Facts) -> list[Link]:
    """The chain of one tick: the links all functions share, then those of each function, in order.

    On the way from cron to the status of one function, one link at most is broken.
    """
    shared = after_the_break([_cron(facts), _environment(facts), _recorded(facts), _send(facts)])
    links = list(shared)
    for function in facts.functions:
        row = facts.obligations.get(function.id)
        if row is None:
            continue
        case = Case(facts, function, row, _event(facts, function))
        own = after_the_break([*shared, *engine_links(case), *work_links(case)])[len(shared) :]
        links += [replace(link, function=function.id) for link in own]
    return links


def walk_without_tick(refusals: Sequence[Refusal]) -> list[Link]:
    """The chain of a tick that never came, while cron is being refused."""
    refused = [refusal for refusal in refusals if refusal.endpoint == "cron"]
    first = refused[0]
    seen = f"no tick came, and {first.count} calls were refused since {told(first.first_at)}: {first.detail}"
    rest = [Link(name, Verdict.NOT_REACHED, "no tick came") for name in (_ENVIRONMENT, _RECORDED, _SEND)]
    return [broken(_CRON, seen, REMEDIES[first.endpoint, first.cause]), *rest]


def _cron(facts: Facts) -> Link:
    tick = facts.tick
    if tick.identity_source == "continuation":
        return not_needed(_CRON, "the tick goes on with another one's work")
    since = [r for r in facts.refusals if r.endpoint == "cron" and r.last_at > tick.requested_at]
    note = (
        f"; {sum(r.count for r in since)} other calls were refused, the last at {told(since[0].last_at)}"
        if since
        else ""
    )
    return ok(_CRON, f"let in at {told(tick.requested_at)}{note}")


def _environment(facts: Facts) -> Link:
    deployment, tick = facts.deployment, facts.tick
    called = any(row.durable for row in facts.obligations.values())
    if (fault := _contradiction(facts)) is not None:
        return fault
    if not tick.event_ids and tick.error is None and tick.mode == "inline":
        return not_needed(_ENVIRONMENT, "the tick was not handed over")
    notes = [f"blanks were trimmed from {name}" for name in deployment.untrimmed]
    if deployment.missing and (called or tick.event_ids):
        notes.append(f"{' and '.join(deployment.missing)} not set in this shell")
    if deployment.endpoint:
        notes.append(deployment.endpoint)
    mode = "a dev server" if deployment.dev_mode else "keys"
    where = deployment.engine_url or "Inngest Cloud"
    return ok(_ENVIRONMENT, "; ".join([f"{mode} at {where}", *notes]))


def _contradiction(facts: Facts) -> Link | None:
    """A fault of the configuration that explains the tick; nothing that the tick itself disproves."""
    deployment, tick = facts.deployment, facts.tick
    if tick.error is not None and tick.error.get("kind") == "unconfigured":
        return broken(
            _ENVIRONMENT, "the tick could not be sent: INNGEST_EVENT_KEY was not set", SEND_REMEDIES["unconfigured"]
        )
    came = [r for r in facts.refusals if r.cause == "no-signing-key" and r.last_at >= tick.requested_at]
    called = any(row.durable for row in facts.obligations.values())
    if tick.event_ids and not called and (came or deployment.has_signing_key is False):
        seen = came[0].detail if came else "the application says that it has no signing key"
        return broken(_ENVIRONMENT, f"INNGEST_SIGNING_KEY is not set: {seen}", REMEDIES["engine", "no-signing-key"])
    engine = Engine(deployment.engine_url, deployment.dev_mode)
    if engine.is_dev and engine.url is not None and engine.is_cloud and not called:
        return broken(
            _ENVIRONMENT,
            f"INNGEST_DEV is on, and INNGEST_BASE_URL is {deployment.engine_url}",
            "unset INNGEST_DEV where the engine is Inngest Cloud, and set both keys",
        )
    return None


def _recorded(facts: Facts) -> Link:
    tick = facts.tick
    if tick.mode == Mode.IDLE:
        return ok(_RECORDED, f"at {told(tick.requested_at)}, known by {tick.identity_source}; nothing was due")
    if not any(function.id in facts.obligations for function in facts.functions):
        return broken(
            _RECORDED,
            f"at {told(tick.requested_at)}, and it owes nothing that this application declares",
            "name the application whose contract has this route: --app module:attribute",
        )
    owes = ", ".join(facts.obligations)
    return ok(_RECORDED, f"at {told(tick.requested_at)}, known by {tick.identity_source}; it owes {owes}")


def _send(facts: Facts) -> Link:
    tick = facts.tick
    if tick.error is not None:
        kind, detail = str(tick.error.get("kind")), str(tick.error.get("detail"))
        status = tick.error.get("httpStatus")
        seen = f"at {told(tick.requested_at)}: {kind}{f' (HTTP {status})' if status else ''}: {detail}"
        return broken(_SEND, seen, SEND_REMEDIES.get(kind, "look into the application's log for send.failed"))
    if tick.event_ids:
        return ok(_SEND, f"{len(tick.event_ids)} events accepted at {told(tick.requested_at)} ({tick.reason})")
    if tick.mode in {Mode.INLINE, Mode.IDLE}:
        return not_needed(_SEND, tick.reason)
    if any(row.durable for row in facts.obligations.values()):
        return ok(_SEND, "the engine called for it; that it was accepted was not kept")
    if facts.now - tick.requested_at <= _UNDER_WAY:
        return unknown(_SEND, "it may be under way")
    return broken(
        _SEND,
        "it was recorded and never handed over",
        "the process ended in between, or a continuation's send failed: look into the host's log at about that time; "
        "the next tick does the work",
    )


def _event(facts: Facts, function: Function) -> EngineEvent | None:
    """What the engine told of a function's event: by its name, or by its place among those that were sent."""
    events = [facts.engine.events[id_] for id_ in facts.tick.event_ids if id_ in facts.engine.events]
    named = next((event for event in events if event.name == function.event), None)
    if named is not None:
        return named
    accepted = [name for name, row in facts.obligations.items() if row.accepted]
    place = accepted.index(function.id) if function.id in accepted else len(accepted)
    ids = facts.tick.event_ids
    found = facts.engine.events.get(ids[place]) if place < len(ids) else None
    return found if found is not None and not found.name else None
