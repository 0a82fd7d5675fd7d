from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tickover.ledger.facts import Refusal
from tickover.ledger.states import State
from tickover.ticks.trouble import (
    DeadLetters,
    OpenCircuit,
    Outcome,
    StaleLook,
    circuit_open,
    dead_letters,
    failed,
    fell_back,
    never_started,
    recovered,
    stale,
    wrong_environment,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
GOOD = Outcome("f", "t-1", State.SUCCEEDED, "durable", 1, None, False, "ran", NOW)  # noqa: FBT003 - a row
BAD = replace(GOOD, state=State.FAILED, dispatch_key="t-2", error="boom\n  again", attempt=4)


def test_a_function_fails_after_its_last_attempt_not_after_the_first() -> None:
    """One that will be called again has not failed, nor one whose newest end was good."""
    assert failed([replace(GOOD, state=State.RETRYING, error="boom"), GOOD]) == []
    assert failed([GOOD, BAD]) == []
    (finding,) = failed([replace(GOOD, state=State.RUNNING), BAD, replace(BAD, dispatch_key="t-1"), GOOD])
    assert finding.text == "2 ticks in a row failed after the last attempt: boom again"
    assert (finding.evidence["dispatchKey"], finding.evidence["attempts"], finding.evidence["inARow"]) == ("t-2", 4, 2)
    assert [one.subject for one in failed([BAD, replace(BAD, function="g")])] == ["f", "g"]


def test_work_that_never_started_is_a_finding_until_the_engine_runs_some() -> None:
    """What may still start counts neither way; what the engine was not given either."""
    missed = replace(GOOD, path="recovery", fate="missed")
    waiting, inline = replace(GOOD, fate="waiting"), replace(GOOD, fate=None, path="inline")
    assert never_started([GOOD, missed], []) == []
    assert never_started([waiting, inline], []) == []
    (finding,) = never_started([waiting, inline, missed, replace(missed, state=State.ACCEPTED, path=None), GOOD], [])
    assert (finding.code, finding.evidence["missed"], finding.evidence["recovered"]) == ("never-started", 2, 1)
    assert finding.evidence["cause"] == "engine-silent"
    (kept_out,) = never_started([missed], [Refusal("engine", "signature", "401", 3, NOW, NOW)])
    assert kept_out.evidence["cause"] == "engine-calls-refused"
    assert "INNGEST_SIGNING_KEY" in kept_out.remedy
    assert (recovered([missed, GOOD, BAD]), fell_back([replace(GOOD, path="fallback")])) == (1, 1)


def test_an_open_circuit_says_why() -> None:
    """And a closed one nothing."""
    assert circuit_open("r", None) == []
    (finding,) = circuit_open("r", OpenCircuit(NOW, "3 sends failed in a row (timeout)"))
    assert "3 sends failed in a row" in finding.text


def test_a_stale_queue_names_its_oldest_job() -> None:
    """As queue-health looked at it."""
    oldest = {"id": 7, "kind": "send", "run_at": NOW.isoformat(), "age_s": 3700.4}
    (finding,) = stale([StaleLook("queue-health", 12, oldest, NOW)])
    assert "12 jobs are due, and the oldest, job 7 of kind send, had waited for 1:01:40" in finding.text


def test_dead_letters_are_told_by_kind() -> None:
    """With the newest one's error, cut where it is long."""
    (finding,) = dead_letters([DeadLetters("send", 3, 9, NOW - timedelta(minutes=1), "x" * 1000)])
    assert finding.text.startswith("3 jobs became dead letters within an hour: xxx")
    assert len(finding.text) < 400
    assert "tickover jobs requeue --kind send" in finding.remedy


def test_the_wrong_environment_is_a_finding_for_each_error() -> None:
    """Warnings are none."""
    found = [
        {"code": "production-key", "severity": "error", "text": "a", "remedy": "b"},
        {"code": "trimmed", "severity": "warning", "text": "c", "remedy": "d"},
    ]
    (finding,) = wrong_environment("preview pr-1", found)
    assert (finding.code, finding.subject, finding.evidence) == (
        "wrong-environment",
        "preview pr-1",
        {"cause": "production-key"},
    )
