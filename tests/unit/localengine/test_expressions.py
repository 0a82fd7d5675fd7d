"""Expressions of functions, evaluated for an event."""

from typing import Any

import pytest

from tickover.localengine import expressions

EVENT = {"name": "a", "ts": 5, "data": {"key": "k1", "n": 3, "ok": True, "list": ["x"], "none": None}}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("event.data.key", "k1"),
        ("event.data.key + '-' + event.name", "k1-a"),
        ("event.data.n > 2 && event.data.ok", True),
        ("event.data.list[0]", "x"),
        ("event.data.key == 'k2'", False),
        ("event.data.none", None),
    ],
)
def test_an_expression_sees_the_event(expression: str, value: Any) -> None:
    """Fields, operators and literals of CEL."""
    assert expressions.value(expression, EVENT) == value


@pytest.mark.parametrize("expression", ["event.data.absent", "event.data.list[9]", "event.data.n / 0", "nobody(event)"])
def test_what_cannot_be_computed_is_none(expression: str) -> None:
    """A missing field, an index too far, a division by zero and an unknown function raise nothing."""
    assert expressions.value(expression, EVENT) is None


@pytest.mark.parametrize("expression", ["event.data.a ==", "((((", "'", ")"])
def test_a_faulty_expression_is_found_before_it_is_used(expression: str) -> None:
    """The check says what is wrong, in one line."""
    fault = expressions.check(expression)
    assert fault is not None
    assert "\n" not in fault


def test_a_sound_expression_has_no_fault() -> None:
    """The check says nothing of the recording's expression."""
    assert expressions.check("event.data.dispatchKey") is None
