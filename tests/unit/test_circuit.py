from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.ledger.facts import Attempt, CircuitRows
from tickover.ticks.circuit import MOVES, Circuit, CircuitState, Limits, changes, judge

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LIMITS = Limits(3, timedelta(minutes=5))
MINUTE = timedelta(minutes=1)


def attempt(ago: int, fate: str) -> Attempt:
    """An attempt so many minutes ago that ran, was missed, or could not be sent."""
    at = NOW - ago * MINUTE
    return Attempt(
        f"t-{ago}", at, "timeout" if fate == "failed" else None, int(fate == "missed"), at if fate == "missed" else None
    )


def seen(fates: list[str], announced: str | None = None, probed_ago: int | None = None) -> Circuit:
    """What follows from attempts with these fates, the newest a minute ago."""
    return judge(rows(fates, announced, probed_ago), LIMITS)


def rows(fates: list[str], announced: str | None = None, probed_ago: int | None = None) -> CircuitRows:
    """Rows with these fates, the newest first."""
    probed_at = None if probed_ago is None else NOW - probed_ago * MINUTE
    attempts = [attempt(number + 1, fate) for number, fate in enumerate(fates)]
    return CircuitRows(NOW, announced, NOW - 60 * MINUTE if announced else None, probed_at, attempts, [])


@pytest.mark.parametrize("fate", ["failed", "missed"])
def test_f08_so_many_in_a_row_open_it(fate: str) -> None:
    """Two do not, three do, whether the sends failed or what was accepted was missed; the reason says which."""
    assert seen([fate] * 2).state is CircuitState.CLOSED
    opened = seen([fate] * 3)
    assert opened.state is CircuitState.OPEN
    assert {"failed": "3 sends failed in a row (timeout)", "missed": "3 ticks in a row"}[fate] in opened.reason
    assert [evidence["dispatchKey"] for evidence in opened.evidence] == ["t-1", "t-2", "t-3"]


def test_both_kinds_count_together() -> None:
    """One failed send and two missed ticks are three in a row."""
    assert seen(["failed", "missed", "missed"]).state is CircuitState.OPEN


@given(st.lists(st.sampled_from(["ran", "failed", "missed"]), max_size=6))
def test_one_that_ran_closes_it(fates: list[str]) -> None:
    """Whatever came before, once the newest known attempt was carried out the circuit is closed."""
    assert seen(["ran", *fates]).state is CircuitState.CLOSED


@given(st.lists(st.sampled_from(["ran", "failed", "missed"]), max_size=6))
def test_it_is_open_exactly_while_the_newest_three_came_to_nothing(fates: list[str]) -> None:
    """Nothing else counts."""
    came_to_nothing = len(fates) >= 3 and "ran" not in fates[:3]
    assert (seen(fates).state is CircuitState.OPEN) == came_to_nothing


@pytest.mark.parametrize(
    ("newest", "probed_ago", "may"), [(1, None, False), (4, None, False), (5, None, True), (9, 4, False), (9, 5, True)]
)
def test_one_may_probe_after_a_rest(newest: int, probed_ago: int | None, may: bool) -> None:
    """Five minutes after the last attempt that came to nothing, and after the last probe."""
    attempts = [attempt(newest + number, "failed") for number in range(3)]
    probed_at = None if probed_ago is None else NOW - probed_ago * MINUTE
    circuit = judge(CircuitRows(NOW, "open", NOW, probed_at, attempts, []), LIMITS)
    assert (circuit.state, circuit.may_probe) == (CircuitState.OPEN, may)


def test_since_is_when_it_was_announced() -> None:
    """Probes that fail do not make it look younger than it is."""
    assert seen(["failed"] * 3, announced="open").since == NOW - 60 * MINUTE
    assert seen(["failed"] * 3).since == NOW
    assert seen(["ran"], announced="open").since is None


@pytest.mark.parametrize(("announced", "fates"), list(product([None, "closed", "open"], [["ran"], ["failed"] * 3])))
def test_only_a_move_of_the_table_is_announced(announced: str | None, fates: list[str]) -> None:
    """The state that stands already is not announced again."""
    state = CircuitState(announced or "closed")
    circuit = seen(fates, announced)
    assert changes(rows(fates, announced), circuit) == (circuit.state is not state)
    assert state not in MOVES[state]
