"""What `verify` makes of what a deployment answered, line by line."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tickover.verify.facts import EngineFacts
from tickover.verify.proof.answers import ENVIRONMENT, Answer, Asked, Deployment, Wanted
from tickover.verify.proof.canary import Canary, canary_lines, fallback_line, inline_line
from tickover.verify.proof.doors import budgets_line, door_lines
from tickover.verify.proof.endpoint import endpoint_lines
from tickover.verify.proof.lines import Line, failed, passed, skipped, unproven
from tickover.verify.proof.reach import reach_lines
from tickover.verify.proof.report import PROVEN, UNPROVEN, WRONG, as_json, as_junit, exit_code

NOW = datetime(2026, 11, 25, 22, 0, tzinfo=UTC)
URL = "https://shop.example"
OURS = {ENVIRONMENT: "production", "date": "Wed, 25 Nov 2026 22:00:00 GMT"}
CONTRACT = [{"route": "jobs", "flag": "JOBS_USE_INNGEST", "owes": ["a"], "functions": [{"id": "process"}]}]


def answer(status: int = 200, body: object = None, headers: dict[str, str] | None = None, **options: Any) -> Answer:
    """An answer that took no time."""
    found = OURS if headers is None else headers
    return Answer(status, found, json.dumps(body or {}).encode(), sent_at=NOW, received_at=NOW, **options)


def told(**parts: Any) -> Answer:
    """What `/api/jobs/deployment` answers."""
    body = {"appId": "shop", "now": NOW.isoformat(), "contract": CONTRACT, "engineEnvironment": "production"}
    return answer(body={**body, "environment": {"kind": "production"}, "serveOrigin": URL, **parts})


def found(lines: list[Line], name: str) -> tuple[str, str]:
    """Verdict and remedy of a line."""
    line = next(line for line in lines if line.name == name)
    return str(line.verdict), line.remedy or ""


@pytest.mark.parametrize(
    ("get", "name", "verdict", "remedy"),
    [
        (answer(), "no login wall", "pass", ""),
        (Answer(0, error="ConnectError: refused"), "alive", "fail", "look whether the deployment is up"),
        (answer(502, headers={}), "alive", "fail", "it does not start, or a proxy has lost it"),
        (answer(308, headers={"location": "https://www.shop.example/"}), "no redirect", "fail", "use the URL"),
        (answer(401, headers={"content-type": "text/html"}), "no login wall", "fail", "past the login"),
        (answer(404, headers={"content-type": "application/json"}), "no login wall", "fail", "does not mount Tickover"),
        (answer(503), "no login wall", "pass", ""),
        (answer(headers=OURS | {"date": "Wed, 25 Nov 2026 22:00:29 GMT"}), "clock", "pass", ""),
        (answer(headers=OURS | {"date": "Wed, 25 Nov 2026 21:59:29 GMT"}), "clock", "fail", "set the clock"),
        (answer(headers=OURS | {"date": "yesterday"}), "clock", "not proven", "look at the clock"),
    ],
)  # fmt: skip
def test_what_stands_in_front_is_told(get: Answer, name: str, verdict: str, remedy: str) -> None:
    """Dead, redirected, walled, reached, in time: each by what `GET /api/inngest` was answered."""
    lines = reach_lines(Wanted(URL), Asked(get, certificate_until=NOW + timedelta(days=90)))
    assert found(lines, name)[0] == verdict
    assert remedy in found(lines, name)[1]


@pytest.mark.parametrize(
    ("url", "until", "verdict"),
    [
        (URL, NOW + timedelta(days=8), "pass"),
        (URL, NOW + timedelta(days=6), "fail"),
        (URL, None, "not proven"),
        ("http://127.0.0.1:8000", None, "pass"),
        ("http://shop.example", None, "fail"),
    ],
)
def test_a_certificate_is_looked_at_where_one_is_needed(url: str, until: datetime | None, verdict: str) -> None:
    """A week before its end it fails; this machine needs none, and everybody else does."""
    lines = reach_lines(Wanted(url), Asked(answer(), certificate_until=until))
    assert found(lines, "certificate")[0] == verdict
    assert found(lines, "address")[0] == ("fail" if url == "http://shop.example" else "pass")


@pytest.mark.parametrize(
    ("expect", "reported", "kind", "verdict"),
    [
        ("production", "production", "production", "pass"),
        ("production", "main", "production", "fail"),
        ("preview", "feature-x", "preview", "pass"),
        ("preview", "production", "preview", "fail"),
        ("preview", "Production", "preview", "fail"),
        ("preview", "feature-x", "development", "fail"),
        ("development", "development", "development", "pass"),
        (None, "feature-x", "preview", "pass"),
    ],
)
def test_f12_the_environment_is_held_to_what_was_expected(
    expect: str | None, reported: str, kind: str, verdict: str
) -> None:
    """A preview that reports production fails, and so does a production that reports a branch."""
    deployment = told(environment={"kind": kind}, engineEnvironment=reported)
    lines = endpoint_lines(Wanted(URL, expect), Asked(answer(headers={ENVIRONMENT: reported}), deployment=deployment))
    assert found(lines, "environment")[0] == verdict


@pytest.mark.parametrize(
    ("functions", "verdict"),
    [
        ({"shop-process": f"{URL}/api/inngest?fnId=shop-process&stepId=step"}, "pass"),
        ({"shop-process": "https://preview.example/api/inngest?fnId=shop-process"}, "fail"),
        ({"shop-process": "http://evil.example/api/inngest"}, "fail"),
        ({}, "fail"),
        (None, "not proven"),
    ],
)
def test_r03_where_the_engine_calls_is_held_against_this_url(functions: dict[str, str] | None, verdict: str) -> None:
    """Registered here, elsewhere, nowhere, or nobody knows."""
    engine = EngineFacts(
        "https://api.inngest.com", "" if functions is not None else "it does not answer", {}, functions
    )
    lines = endpoint_lines(Wanted(URL), Asked(answer(), deployment=told(), engine=engine))
    assert found(lines, "functions registered")[0] == verdict


def test_r04_head_without_the_header_fails() -> None:
    """405 to `curl -I`, as the SDK's own endpoint answers, is no pass."""
    lines = endpoint_lines(Wanted(URL), Asked(answer(), head=answer(405, headers={})))
    assert found(lines, "HEAD /api/inngest")[0] == "fail"


@pytest.mark.parametrize(
    ("status", "verdict"), [(401, "pass"), (200, "fail"), (202, "fail"), (409, "not proven"), (500, "not proven")]
)
def test_cron_is_open_where_a_stranger_is_let_in(status: int, verdict: str) -> None:
    """Only 401 is a pass: what failed for another reason shows nothing."""
    lines = door_lines(Wanted(URL), Asked(answer(), without_secret=answer(status)), ["jobs"])
    assert found(lines, "cron without a secret")[0] == verdict


def function(state: str, path: str | None, took: float | None = 40.0) -> dict[str, Any]:
    """How far a function is."""
    return {"function": "process", "state": state, "path": path, "durationMs": took, "error": None}


@pytest.mark.parametrize(
    ("functions", "verdict"),
    [
        ([function("succeeded", "durable")], "pass"),
        ([function("covered", "durable", None)], "pass"),
        ([function("succeeded", "recovery")], "fail"),
        ([function("succeeded", "inline")], "fail"),
        ([function("covered", "inline", None)], "fail"),
        ([function("failed", "durable")], "fail"),
        ([function("accepted", None, None)], "fail"),
        ([function("owed", None, None)], "fail"),
        ([function("running", "durable", None)], "not proven"),
        ([function("retrying", "durable", None)], "not proven"),
        ([function("interrupted", "durable", None)], "not proven"),
        ([function("succeeded", "durable", 61_000.0)], "fail"),
    ],
)
def test_f05_only_a_durable_end_in_time_is_a_pass(functions: list[dict[str, Any]], verdict: str) -> None:
    """Accepted is not done; done by another path is not durable; longer than the host's limit is cut off one day."""
    after = Deployment({"budgets": {"hostLimitS": 60}})
    canary = Canary("jobs", answer(202, {"mode": "dispatch", "dispatchKey": "k"}), functions, 5.0, after)
    tick, line = canary_lines(canary)
    assert (str(tick.verdict), str(line.verdict)) == ("pass", verdict)
    assert (line.remedy is None) == (verdict == "pass")


def test_zero_runs_are_never_a_pass() -> None:
    """A tick that was accepted and of which nothing is known proves nothing."""
    lines = canary_lines(Canary("jobs", answer(202, {"mode": "dispatch"}), [], 60.0, Deployment({})))
    assert [str(line.verdict) for line in lines] == ["pass", "not proven"]
    assert exit_code(lines) == UNPROVEN


@pytest.mark.parametrize(
    ("fired", "remedy"),
    [
        (Answer(0, error="no answer within 60 s"), "look into the deployment's log"),
        (answer(409, {"type": "urn:tickover:problem:wrong-environment"}), "mend the line `verdict`"),
        (answer(200, {"mode": "inline", "reason": "X is off"}), "mend what the reason names"),
        (answer(200, {"mode": "fallback", "sendError": {"kind": "rejected"}}), "set INNGEST_EVENT_KEY there"),
        (answer(200, {"mode": "fallback", "sendError": {"kind": "timeout"}}), "look into the deployment's log"),
        (answer(500, {"mode": "inline", "detail": "x"}), "mend what the reason names"),
    ],
)
def test_a_tick_that_was_not_handed_over_fails_with_its_reason(fired: Answer, remedy: str) -> None:
    """Whatever it was answered but 202, nothing of it counts as durable, and one line says why."""
    (line,) = canary_lines(Canary("jobs", fired, [], 0.0, Deployment({})))
    assert str(line.verdict) == "fail"
    assert remedy in (line.remedy or "")


def as_answered(fired: Answer) -> Canary:
    """A tick of which nothing is known but its answer."""
    return Canary("jobs", fired, fired.json.get("functions", []), 0.0, Deployment({}))


FELL_BACK = {"mode": "fallback", "sendError": {"kind": "rejected"}, "functions": [{"state": "succeeded"}]}
INLINE = {"mode": "inline", "reason": "X is off", "durationMs": 12.5, "functions": [{"state": "succeeded"}]}


@pytest.mark.parametrize(
    ("fired", "verdict"),
    [
        (answer(200, INLINE), "pass"),
        (answer(200, INLINE | {"functions": []}), "fail"),
        (answer(500, INLINE | {"functions": [{"state": "failed"}]}), "fail"),
        (answer(202, {"mode": "dispatch"}), "fail"),
        (answer(200, FELL_BACK | {"functions": [{"state": "succeeded"}]}), "fail"),
        (answer(409, {"type": "urn:tickover:problem:wrong-environment"}), "fail"),
        (Answer(0, error="no answer"), "fail"),
    ],
)
def test_i7_an_inline_tick_is_one_that_did_all_its_work_in_the_request(fired: Answer, verdict: str) -> None:
    """What `--expect-inline` wants before the flag is on, and after it was turned off again."""
    assert str(inline_line(as_answered(fired)).verdict) == verdict


@pytest.mark.parametrize(
    ("flags", "inline", "verdict"),
    [
        ({"JOBS_USE_INNGEST": True}, False, "pass"),
        ({"JOBS_USE_INNGEST": False}, False, "fail"),
        ({"JOBS_USE_INNGEST": True, "JOBS_FORCE_INLINE": True}, False, "fail"),
        ({"JOBS_USE_INNGEST": False}, True, "pass"),
        ({"JOBS_USE_INNGEST": True, "JOBS_FORCE_INLINE": True}, True, "pass"),
        ({"JOBS_USE_INNGEST": True}, True, "fail"),
    ],
)
def test_i7_a_flag_is_held_against_what_was_expected(flags: dict[str, bool], inline: bool, verdict: str) -> None:
    """On for the durable path, off or beaten for the inline one."""
    lines = door_lines(Wanted(URL, inline=inline), Asked(answer(), deployment=told(flags=flags)), ["jobs"])
    assert found(lines, "flag JOBS_USE_INNGEST")[0] == verdict


@pytest.mark.parametrize(
    ("fired", "is_dev", "verdict"),
    [
        (answer(200, FELL_BACK), False, "pass"),
        (answer(200, FELL_BACK | {"functions": []}), False, "fail"),
        (answer(500, FELL_BACK | {"functions": [{"state": "failed"}]}), False, "fail"),
        (answer(202, {"mode": "dispatch"}), False, "fail"),
        (answer(202, {"mode": "dispatch"}), True, "not proven"),
        (answer(200, {"mode": "inline", "reason": "off"}), False, "not proven"),
        (answer(403, {"type": "urn:tickover:problem:not-in-production"}), False, "fail"),
    ],
)
def test_a_fallback_is_one_that_did_the_work(fired: Answer, is_dev: bool, verdict: str) -> None:
    """It passes only if the send failed and everything the tick owed was done."""
    assert str(fallback_line(as_answered(fired), is_dev=is_dev).verdict) == verdict


@pytest.mark.parametrize(
    ("state", "verdict"),
    [("owed", "fail"), ("running", "fail"), ("failed", "fail"), ("covered", "pass"), ("succeeded", "pass")],
)
def test_a_function_that_another_tick_was_at_is_judged_by_what_became_of_it(state: str, verdict: str) -> None:
    """Owed in the answer, because it was busy; what counts is how far it was when it was looked at last."""
    functions = [{"state": "succeeded"}, {"state": "owed"}]
    last = [{"state": "succeeded"}, {"state": state}]
    fell_back, inline = (
        answer(200, FELL_BACK | {"functions": functions}),
        answer(200, INLINE | {"functions": functions}),
    )
    assert str(fallback_line(Canary("jobs", fell_back, last, 1.0, Deployment({})), is_dev=False).verdict) == verdict
    assert str(inline_line(Canary("jobs", inline, last, 1.0, Deployment({}))).verdict) == verdict


@pytest.mark.parametrize(
    ("limit", "verdict"), [(300.0, "pass"), (243.0, "pass"), (242.0, "fail"), (30.0, "fail"), (None, "not proven")]
)
def test_f14_budgets_end_inside_the_hosts_limit(limit: float | None, verdict: str) -> None:
    """A send that fails and the inline work after it are one request."""
    budgets = {"inlineS": 240.0, "durableS": 240.0, "sendTimeoutS": 3.0, "hostLimitS": limit}
    assert str(budgets_line(budgets).verdict) == verdict


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([passed("a", "")], PROVEN),
        ([passed("a", ""), skipped("b", "", "give it")], PROVEN),
        ([passed("a", ""), unproven("b", "", "run again")], UNPROVEN),
        ([unproven("a", "", "run again"), failed("b", "", "mend it")], WRONG),
        ([], UNPROVEN),
    ],
)
def test_the_exit_code_says_proven_wrong_or_unproven(lines: list[Line], code: int) -> None:
    """Nothing looked at is not proven either."""
    assert exit_code(lines) == code
    assert as_json("x", lines)["proven"] == (code == PROVEN)


def test_junit_tells_failures_errors_and_skipped_apart() -> None:
    """One case a line, with its remedy; characters that XML has no place for are left out."""
    lines = [
        passed("a", "well"),
        failed("b<&>", "bad\x00\x1b", "mend"),
        unproven("c", "?", "again"),
        skipped("d", "?", "give"),
    ]
    suite = ET.fromstring(as_junit("verify https://x", lines))  # noqa: S314 - our own text
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.text == "bad\ndo: mend"
