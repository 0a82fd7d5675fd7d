from datetime import UTC, datetime
from typing import Any

import pytest

from tickover.localengine.outcome import (
    Answer,
    Failed,
    Planned,
    Returned,
    Slept,
    Step,
    outcome,
    parse_version,
)

LATER = "2026-11-23T19:30:00.123456789Z"
AT = datetime(2026, 11, 23, 19, 30, 0, 123456, UTC)


def ops(*given: dict[str, Any], **headers: str) -> Answer:
    """An answer with ops."""
    return Answer(206, {name.replace("_", "-"): value for name, value in headers.items()}, list(given))


@pytest.mark.parametrize("value", [None, {"a": 1}, [1], "text", 0, False])
def test_200_is_what_the_function_returned(value: Any) -> None:
    """Whatever JSON it is."""
    assert outcome(Answer(200, body=value), 0, 2) == Returned(value)


def test_a_step_that_ran_is_memoized() -> None:
    """Under its id, as data."""
    assert outcome(ops({"op": "StepRun", "id": "x", "data": 1}), 0, 2) == Step("x", {"data": 1})


def test_a_sleep_ends_at_its_time() -> None:
    """Which is the op's name."""
    assert outcome(ops({"op": "Sleep", "id": "x", "name": LATER}), 0, 2) == Slept("x", AT)


@pytest.mark.parametrize("name", [None, "", "soon", "2026-11-23T19:30:00", 7])
def test_a_sleep_without_an_end_fails(name: Any) -> None:
    """It is not taken for a sleep of no length."""
    result = outcome(ops({"op": "Sleep", "id": "x", "name": name}), 0, 2)
    assert isinstance(result, Failed)
    assert not result.retry


def test_planned_steps_are_called_for_each_once() -> None:
    """Also where one is named twice."""
    given = [{"op": "StepPlanned", "id": id_} for id_ in ("a", "b", "a")]
    assert outcome(ops(*given), 0, 2) == Planned(["a", "b"])
    assert outcome(ops(given[0]), 0, 2) == Planned(["a"])


ERROR = {"message": "boom", "name": "ValueError", "stack": "<stack>"}


def test_a_step_that_failed_is_tried_again_while_attempts_are_left() -> None:
    """At the time that the application names, if it names one."""
    op = {"op": "StepError", "id": "x", "error": ERROR}
    assert outcome(ops(op), 1, 2) == Failed("boom", ERROR, retry=True)
    assert outcome(ops(op, retry_after=LATER), 0, 2) == Failed("boom", ERROR, retry=True, at=AT)


@pytest.mark.parametrize(
    ("answer", "attempt"),
    [
        (ops({"op": "StepError", "id": "x", "error": ERROR}), 2),
        (ops({"op": "StepError", "id": "x", "error": ERROR}, x_inngest_no_retry="true"), 0),
        (ops({"op": "StepFailed", "id": "x", "error": ERROR}), 0),
    ],
    ids=["last attempt", "no retry", "for good"],
)
def test_a_step_that_failed_for_good_is_memoized_as_an_error(answer: Answer, attempt: int) -> None:
    """The function is called once more, and may catch it."""
    assert outcome(answer, attempt, 2) == Step("x", {"error": ERROR}, error="boom")


def test_an_error_that_is_none_is_still_one() -> None:
    """Its parts are null."""
    given = ops({"op": "StepFailed", "id": "x", "error": "boom"})
    assert outcome(given, 0, 2) == Step("x", {"error": {"message": None, "name": None, "stack": None}}, error="None")


@pytest.mark.parametrize("kind", ["WaitForEvent", "InvokeFunction", "AIGateway", "Sleepy", "x" * 500])
def test_an_op_this_engine_does_not_know_is_refused_by_name(kind: str) -> None:
    """The run fails at once, and says why."""
    result = outcome(ops({"op": kind, "id": "x"}), 0, 2)
    assert result == Failed(f"the local engine knows no {kind[:100]}", result.result, retry=False)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "given",
    [
        [1],
        [{}],
        [{"op": "StepRun"}],
        [{"op": "StepRun", "id": 7}],
        [{"op": "StepRun", "id": ""}],
        [{"op": 7, "id": "x"}],
        [{"op": "StepRun", "id": "x" * 513}],
        [{"op": "StepRun", "id": "a"}, {"op": "StepPlanned", "id": "b"}],
    ],
)
def test_ops_that_are_none_fail_the_run(given: list[Any]) -> None:
    """They are not called for again and again."""
    result = outcome(Answer(206, body=given), 0, 2)
    assert isinstance(result, Failed)
    assert not result.retry


@pytest.mark.parametrize("body", [None, [], {}, "x", 0])
def test_206_without_ops_is_a_failed_attempt(body: Any) -> None:
    """And says so."""
    result = outcome(Answer(206, body=body), 0, 2)
    assert isinstance(result, Failed)
    assert (result.error, result.retry) == ("invalid status code: 206", True)


@pytest.mark.parametrize("status", [500, 502, 401, 404, 302, 201, 204])
def test_any_other_status_is_a_failed_attempt(status: int) -> None:
    """With as many attempts as the function allows."""
    retries = [outcome(Answer(status), attempt, 2) for attempt in (0, 1, 2)]
    assert [r.retry for r in retries if isinstance(r, Failed)] == [True, True, False]
    assert {r.error for r in retries if isinstance(r, Failed)} == {f"invalid status code: {status}"}


def test_500_may_name_the_time_of_the_next_attempt() -> None:
    """A date without a zone is none."""
    assert outcome(Answer(500, {"retry-after": LATER}, ERROR), 0, 2) == Failed(
        "invalid status code: 500", ERROR, retry=True, at=AT
    )
    assert outcome(Answer(500, {"retry-after": "2026-11-23T19:30:00"}, ERROR), 0, 2) == Failed(
        "invalid status code: 500", ERROR, retry=True
    )


def test_500_may_forbid_another_attempt() -> None:
    """The run fails for good, whatever attempts are left."""
    assert outcome(Answer(500, {"x-inngest-no-retry": "true"}, ERROR), 0, 2) == Failed(
        "NonRetriableError", ERROR, retry=False
    )


def test_a_fault_is_a_failed_attempt_whatever_the_answer_says() -> None:
    """An answer that is not believed returns nothing."""
    said = {"message": "it is unsigned", "name": "Error"}
    assert outcome(Answer(200, fault="it is unsigned"), 0, 1) == Failed("it is unsigned", said, retry=True)
    assert outcome(Answer(0, fault="it is unsigned"), 1, 1) == Failed("it is unsigned", said, retry=False)


@pytest.mark.parametrize(("header", "version"), [("2", 2), ("-1", None), ("x", None), (None, None), ("9" * 30, None)])
def test_a_version_is_a_small_number(header: str | None, version: int | None) -> None:
    """Anything else is none."""
    assert parse_version(header) == version
