"""The links from the claim to the status: what became of the work itself, whoever did it. Pure."""

from datetime import datetime, timedelta

from tickover.ledger.states import ENDED, Path, State
from tickover.moments import told
from tickover.verify.case import Case
from tickover.verify.facts import ResponsibilityRow
from tickover.verify.links import Link, broken, not_needed, ok, unknown

_STRANDED = timedelta(seconds=30)  # after which work that was to be done at once was not
_AGAIN = (
    "deliver the tick again with the same identity, and what has not succeeded is taken up; or leave it to the next "
    "tick"
)
_DIED = (
    "look into the host's log for the end of a process at about that time (a restart, a deploy, out of memory) or for "
    "a blocked event loop; the next tick takes the work up"
)


def work_links(case: Case) -> list[Link]:
    """Claim, each responsibility, result, status; in order."""
    each = [_responsibility(case, responsibility.id) for responsibility in case.function.responsibilities]
    return [_claim(case), *each, _result(case), _status(case)]


def _claim(case: Case) -> Link:
    name, row = "claim won", case.row
    if row.state == State.COVERED:
        return ok(name, case.who())
    if row.attempt:
        return ok(name, f"by the {row.path} path, attempt {row.attempt}, at {told(row.started_at)}")
    if row.busy_key is not None:
        return broken(
            name,
            f"the function runs for {row.busy_key}, whose lease lasts until {told(row.busy_until)}",
            "nothing is lost: whoever ends next does this work too. If that run hangs, look at its responsibilities; "
            "its lease ends with its process",
        )
    came = case.facts.tick.requested_at
    if case.is_inline and case.facts.now - came > _STRANDED:
        return broken(name, "it was to be carried out at once, and nobody began", _DIED)
    return unknown(name, f"nobody has begun; it has until {told(row.start_by)}")


def _responsibility(case: Case, responsibility: str) -> Link:
    name, row = f"responsibility {responsibility}", case.row
    run = case.responsibilities.get(responsibility)
    if run is None:
        return unknown(name, "running now, or not yet" if row.held else "no result of it is recorded")
    if run.error is None:
        return ok(name, f"{run.changed} changed in {run.duration_ms:.0f} ms ({run.path}, attempt {run.attempt})")
    if row.state == State.SUCCEEDED:
        return ok(name, f"failed in attempt {run.attempt}, and succeeded since")
    return broken(name, f"attempt {run.attempt} ({run.path}) failed: {run.error}", _mend(case, run))


def _mend(case: Case, run: ResponsibilityRow) -> str:
    where = f"look into the application's log for responsibility.failed of {run.responsibility}"
    if case.row.state == State.RETRYING and case.row.path == Path.DURABLE:
        return f"{where}; the engine tries again, until {told(case.row.finish_by)}"
    return f"{where}; then {_AGAIN}"


def _result(case: Case) -> Link:
    return _ended(case, "result recorded") or _stuck(case, "result recorded") or _unended(case, "result recorded")


def _ended(case: Case, name: str) -> Link | None:
    row = case.row
    if row.state == State.FAILED:
        return broken(name, f"it failed for good: {row.error}", _AGAIN)
    if row.state not in ENDED:
        return None
    if case.is_taken_over:
        return broken(name, f"attempt 1 recorded none; the recovery that came after it did ({row.state})", _DIED)
    return ok(name, row.state + _fenced(case))


def _stuck(case: Case, name: str) -> Link | None:
    row = case.row
    if row.state == State.RUNNING and not row.held:
        return broken(name, f"its lease ended at {told(row.lease_expires_at)}, and no result came", _DIED)
    if row.late and row.attempt:
        return broken(name, f"{row.state} since attempt {row.attempt}, and no other came in time: {row.error}", _AGAIN)
    return None


def _unended(case: Case, name: str) -> Link:
    row = case.row
    if row.state == State.RUNNING:
        return unknown(name, f"it runs, and may until {told(row.finish_by)}")
    if row.attempt:
        return unknown(name, f"{row.state}: another attempt is due by {told(row.finish_by)}")
    return unknown(name, f"{row.state}: it has not begun")


def _fenced(case: Case) -> str:
    times = case.row.fenced_off
    return f"; {times} executors beyond their lease were fenced off" if times else ""


def _status(case: Case) -> Link:
    name, status = "status written", case.facts.status
    began = case.row.started_at or case.row.covered_started_at
    if status.source == "none":
        return not_needed(name, "REDIS_URL is not set; the ledger answers")
    if status.source != "redis":
        remedy = "check REDIS_URL, and that Redis is up: no work waits for it"
        return broken(name, "Redis did not answer; the ledger answers meanwhile", remedy)
    return unknown(name, "nobody has begun") if began is None else _shown(case, name, began)


def _shown(case: Case, name: str, began: datetime) -> Link:
    """What follows from the status that Redis has, for work that began at this time."""
    status = case.facts.status
    shown = status.started.get(case.function.id)
    if shown is not None and shown >= began.replace(microsecond=began.microsecond // 1000 * 1000):
        return ok(name, f"that of the attempt of {told(shown)}")
    if case.row.state not in ENDED:
        return unknown(name, "the attempt has not ended")
    if (case.facts.now - began).total_seconds() > status.ttl:
        return not_needed(name, f"it has been kept for {status.ttl} s, and no longer")
    return broken(
        name,
        "Redis has none" if shown is None else f"Redis has that of an older attempt, of {told(shown)}",
        "Redis was away when it was to be written, or evicts keys: look for status.unavailable in the log; the next "
        "run writes it anew",
    )
