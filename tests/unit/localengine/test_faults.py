from typing import Any

import pytest

from tickover.errors import WireError
from tickover.localengine.faults.kinds import SHAPES, FaultKind, NewFault, parse_fault

STRIKING = [kind for kind, shape in SHAPES.items() if shape.strikes]
LASTING = [kind for kind, shape in SHAPES.items() if not shape.strikes]


def refused(body: Any, *, signs: bool = True) -> WireError:
    """How a request is refused."""
    with pytest.raises(WireError) as caught:
        parse_fault(body, signs=signs)
    return caught.value


def test_every_kind_has_its_shape() -> None:
    """The table is whole, and every kind can be asked for by its name alone."""
    assert set(SHAPES) == set(FaultKind)
    for kind in FaultKind:
        assert parse_fault({"kind": str(kind)}, signs=True).kind is kind


def test_a_fault_ends_after_ten_minutes_unless_told_otherwise() -> None:
    """Strikes as often as it likes until then."""
    assert parse_fault({"kind": "call-twice"}, signs=False) == NewFault(
        FaultKind.CALL_TWICE, None, None, 1.0, None, 600.0
    )


def test_what_is_asked_for_is_kept() -> None:
    """Every part of it."""
    body = {
        "kind": "call-late",
        "subject": "app-f",
        "count": 3,
        "probability": 0.5,
        "seconds": 7,
        "for_seconds": 60,
    }
    assert parse_fault(body, signs=False) == NewFault(FaultKind.CALL_LATE, "app-f", 3, 0.5, 7.0, 60.0)


def test_a_clock_may_go_back() -> None:
    """No delay may."""
    assert parse_fault({"kind": "clock-skewed", "seconds": -400}, signs=False).seconds == -400.0
    assert "above 0" in refused({"kind": "call-late", "seconds": -1}).detail


@pytest.mark.parametrize("kind", LASTING)
@pytest.mark.parametrize("given", [{"count": 1}, {"probability": 0.5}, {"subject": "x"}])
def test_what_lasts_takes_neither_count_nor_probability_nor_subject(kind: FaultKind, given: dict[str, Any]) -> None:
    """It says so."""
    assert "takes no" in refused({"kind": kind} | given).detail


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (None, "a fault is an object"),
        ([], "a fault is an object"),
        ({}, "there is no fault None; there are send-401"),
        ({"kind": "call-thrice"}, "there is no fault 'call-thrice'"),
        ({"kind": ["call-twice"]}, "there is no fault"),
        ({"kind": "call-twice", "times": 1}, "a fault has no times"),
        ({"kind": "call-twice", "count": 0}, "a count is"),
        ({"kind": "call-twice", "count": True}, "a count is"),
        ({"kind": "call-twice", "count": 1.5}, "a count is"),
        ({"kind": "call-twice", "count": 10**7}, "a count is"),
        ({"kind": "call-twice", "probability": 0}, "probability is"),
        ({"kind": "call-twice", "probability": 2}, "probability is"),
        ({"kind": "call-twice", "probability": "half"}, "probability is"),
        ({"kind": "call-twice", "probability": float("nan")}, "probability is"),
        ({"kind": "call-twice", "seconds": 1}, "takes no seconds"),
        ({"kind": "call-twice", "subject": ""}, "id of a function"),
        ({"kind": "send-401", "subject": 7}, "name of an event"),
        ({"kind": "send-401", "subject": "a\x00"}, "name of an event"),
        ({"kind": "send-401", "subject": "a\ud800"}, "name of an event"),
        ({"kind": "call-twice", "for_seconds": 7 * 86_400}, "for_seconds is a number above 0, up to 86400"),
        ({"kind": "call-twice", "for_seconds": 0}, "for_seconds is"),
        ({"kind": "call-twice", "for_seconds": float("inf")}, "for_seconds is"),
    ],
)
def test_what_is_no_fault_is_refused_in_words(body: Any, reason: str) -> None:
    """And says what would do."""
    error = refused(body)
    assert (error.status, reason in error.detail) == (400, True), error.detail


def test_a_signature_can_only_be_wrong_where_there_is_one() -> None:
    """An engine without keys refuses."""
    error = refused({"kind": "call-wrong-signature"}, signs=False)
    assert (error.status, "--signing-key" in error.detail) == (409, True)
