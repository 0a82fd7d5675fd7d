"""The links between the send and the claim: what the engine did with a function's event. Pure."""

from collections.abc import Sequence
from datetime import timedelta

from tickover.ledger.states import Path
from tickover.moments import told
from tickover.ticks.findings import REMEDIES
from tickover.verify.case import Case, same_place
from tickover.verify.facts import EngineRun
from tickover.verify.links import Link, broken, not_needed, ok, unknown

_REMEMBERED = timedelta(hours=24)  # for so long an engine is sure to know an event (inngest-wire, Deduplication)
_SHOWN = 160  # characters of what a run ended with
_SIGNATURE = ("signature", "unsigned", "server-kind")
_ENDED_BADLY = {"Failed", "Cancelled"}
_OTHER_DATABASE = "is recorded here"  # what a deployment answers for a tick of another one's
_UNAUTHORIZED = "401"


def engine_links(case: Case) -> list[Link]:
    """The engine's five links, in order."""
    return [_known(case), _deduplicated(case), _registered(case), _called(case), _signature(case)]


def _beside(case: Case, name: str) -> Link | None:
    """What is said of a link of the engine for a tick that went without it."""
    if case.row.durable:
        return None
    if case.is_inline:
        return not_needed(name, "the tick was not handed over")
    return None if case.is_handed_over else unknown(name, "no event was accepted")


def _known(case: Case) -> Link:
    name = "event known to the engine"
    if beside := _beside(case, name):
        return beside
    if case.row.durable:
        return ok(name, f"the engine called for it{_run(case.row.run_id)}")
    event, engine = case.event, case.facts.engine
    if event is None or event.known is None:
        why = engine.why_not or (event.why if event else "") or "it named no event for this function"
        return unknown(name, f"the engine could not be asked: {why}")
    if event.known:
        return ok(name, f"event {event.id} is there")
    if case.facts.now - case.facts.tick.requested_at > _REMEMBERED:
        return unknown(name, f"event {event.id} is not there any more; it is older than a day")
    return broken(
        name,
        f"the engine at {engine.url} does not know event {event.id}, which was accepted",
        "the event went to another engine or environment than the one that is asked here: INNGEST_EVENT_KEY and "
        "INNGEST_SIGNING_KEY must be of one environment, and INNGEST_BASE_URL its engine; or the engine lost its data",
    )


def _deduplicated(case: Case) -> Link:
    name = "deduplicated"
    if beside := _beside(case, name):
        return beside
    if case.is_deduplicated and case.event is not None:
        earlier = ", ".join(f"{run.id} ({run.status})" for run in case.event.earlier or ())
        return ok(
            name, f"yes, and that is no loss: an earlier event of the same id started run {earlier}; {case.who()}"
        )
    if case.row.durable or case.runs:
        return ok(name, "no: the event started its own run")
    if case.started_none:
        return ok(name, "no: no earlier event of the same id started a run")
    return unknown(name, _why_unknown(case))


def _registered(case: Case) -> Link:
    name = "function registered at the URL we serve"
    asked_for = [r for r in case.refusals if r.cause == "unknown-function" and case.slug in r.detail]
    if asked_for:
        return broken(name, asked_for[0].detail, REMEDIES["engine", "unknown-function"])
    if beside := _beside(case, name):
        return beside
    if case.row.durable:
        return ok(name, "the engine called it here")
    functions = case.facts.engine.functions
    return _by_runs(case, name) if functions is None else _by_list(case, name, functions.get(case.slug))


def _by_runs(case: Case, name: str) -> Link:
    """What follows from the runs alone, where the engine gives no list of functions."""
    if case.started_none and case.is_settled:
        return broken(name, "the event is known and started no run, nor did an earlier one of its id", _sync(case))
    if case.runs or case.is_deduplicated:
        return ok(name, "an event started a run of it; where it is called could not be learned")
    return unknown(name, case.facts.engine.why_not or case.facts.engine.why_no_functions or _why_unknown(case))


def _by_list(case: Case, name: str, url: str | None) -> Link:
    """What follows from the engine's own list of functions."""
    served = case.facts.deployment.served_at
    if url is None:
        return broken(name, f"the engine knows no function {case.slug!r} of this application", _sync(case))
    if served is not None and url and not same_place(url, served):
        return broken(name, f"it is registered at {url}, and served at {served}", _sync(case))
    if case.started_none and case.is_settled:
        return broken(name, "it is now, and was not when the event came, which started no run", _sync(case))
    return ok(
        name, f"at {url}" + ("" if served else "; INNGEST_SERVE_ORIGIN is not set here, so nothing to compare it with")
    )


def _sync(case: Case) -> str:
    served = case.facts.deployment.served_at
    sync = (
        f"sync this deployment with the engine: in its list of apps, or run tickover sync {served or '…/api/inngest'}"
    )
    return sync if served else f"{sync}; and set INNGEST_SERVE_ORIGIN, so that nobody else's sync moves it"


def _called(case: Case) -> Link:
    name = "call reached us"
    return _beside(case, name) or _heard(case, name) or _unheard(case, name)


def _heard(case: Case, name: str) -> Link | None:
    """What the ledger knows of calls, or of why none was needed."""
    row = case.row
    if row.durable:
        return ok(name, f"attempt {row.attempt}{_run(row.run_id)}")
    if case.is_taken_over:
        return unknown(name, "attempt 1 won the claim; whether a call of the engine began it was not kept")
    if case.refusals:
        return ok(name, f"{sum(r.count for r in case.refusals)} calls, refused here")
    if case.is_done and (case.is_deduplicated or row.covered_path == Path.DURABLE):
        return not_needed(name, case.who())
    return None


def _unheard(case: Case, name: str) -> Link:
    """What follows from no call having come."""
    if case.is_deduplicated and case.is_missed:
        return broken(
            name,
            "the run that the event was taken for a repeat of did not call here",
            "look whether two deployments send to one environment of the engine: each needs keys of its own",
        )
    ended = [run for run in case.runs if run.status in _ENDED_BADLY | {"Completed"}]
    if ended:
        return _by_end(case, name, ended[-1])
    if case.is_missed:
        seen = f"no call came by {told(case.row.start_by)}, and none was refused"
        return broken(name, seen + _and_runs(case.runs), _reach(case))
    return unknown(name, f"not yet; it has until {told(case.row.start_by)}" + _and_runs(case.runs))


def _by_end(case: Case, name: str, run: EngineRun) -> Link:
    """What follows from a run that has ended, and that won nothing here."""
    said = run.output[:_SHOWN]
    if run.status == "Completed":
        return broken(
            name,
            f"run {run.id} completed without winning the claim: {said}",
            "its call came when another path was at work: where that is usual, give the function a longer start_by",
        )
    if _OTHER_DATABASE in run.output:
        return broken(
            name,
            f"run {run.id} was called at a deployment with another database: {said}",
            "point that deployment's DATABASE_URL here, or sync the right deployment: " + _sync(case),
        )
    if _UNAUTHORIZED in run.output:
        return ok(name, f"run {run.id} says that its calls were answered 401")
    return broken(name, f"run {run.id} ended as {run.status}: {said}", _reach(case))


def _signature(case: Case) -> Link:
    name = "signature accepted"
    return _beside(case, name) or _signature_by_calls(case, name) or _signature_by_runs(case, name)


def _signature_by_calls(case: Case, name: str) -> Link | None:
    if case.row.durable:
        return ok(name, "a dev server signs nothing" if case.facts.deployment.dev_mode else "the call was let in")
    refused = [r for r in case.refusals if r.cause in _SIGNATURE]
    if not refused:
        return None
    newest = refused[0]
    seen = f"{newest.count} times since {told(newest.first_at)}: {newest.detail}"
    return broken(name, seen, REMEDIES[newest.endpoint, newest.cause])


def _signature_by_runs(case: Case, name: str) -> Link:
    failed = [run for run in case.runs if run.status in _ENDED_BADLY and _UNAUTHORIZED in run.output]
    if failed:
        return broken(name, f"run {failed[-1].id}: {failed[-1].output[:_SHOWN]}", REMEDIES["engine", "signature"])
    if case.is_done and (case.is_deduplicated or case.row.covered_path == Path.DURABLE):
        return not_needed(name, "it was not called for")
    return unknown(name, "no call is on record")


def _and_runs(runs: Sequence[EngineRun]) -> str:
    return "".join(f"; the engine says that run {run.id} is {run.status}" for run in runs)


def _reach(case: Case) -> str:
    served = case.facts.deployment.served_at or "the URL it is registered at"
    return (
        f"look whether the engine reaches {served} (its own log of the run says what it met), whether the function is "
        "paused there, and whether an earlier run keeps its place; the next tick does the work meanwhile"
    )


def _why_unknown(case: Case) -> str:
    event = case.event
    return case.facts.engine.why_not or (event.why if event else "") or "the engine did not tell"


def _run(run_id: str | None) -> str:
    return "" if run_id is None else f" in run {run_id}"
