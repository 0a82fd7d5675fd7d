from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.notices.making import MINUTE, NOW, TIMING, concern, finding, stored
from tickover.notices.notice import Notice
from tickover.notices.rules import Change, concerns, decide, require_move, scopes
from tickover.notices.severities import WEIGHTS
from tickover.notices.states import DELIVERY_MOVES, LIVE, MOVES, DeliveryState, Kind, NoticeState

JUDGED = scopes("r")


class World:
    """What stands in the table, look after look."""

    def __init__(self) -> None:
        self.notices: dict[int, Notice] = {}
        self.told: list[tuple[float, Kind]] = []

    def look(self, minute: float, *codes: str) -> list[Change]:
        """One look at the route `r`, so many minutes after the first, that finds these."""
        now = NOW + minute * MINUTE
        seen = concerns([finding(code) for code in codes], "r")
        changes = decide(seen, list(self.notices.values()), JUDGED, TIMING, now)
        for change in changes:
            if change.before is not None:
                require_move(change.before.state, change.state)
            row = stored(change, len(self.notices) + 1)
            self.notices[row.id] = row
            if change.tells is not None:
                self.told.append((minute, change.tells))
        return changes

    def states(self) -> list[NoticeState]:
        """Of all notices, the oldest first."""
        return [notice.state for notice in self.notices.values()]


@pytest.mark.parametrize("before", NoticeState)
@pytest.mark.parametrize("after", NoticeState)
def test_every_move_that_is_left_out_is_refused(before: NoticeState, after: NoticeState) -> None:
    """A notice stays where it is, or moves as the table says."""
    if after is before or after in MOVES[before]:
        require_move(before, after)
    else:
        with pytest.raises(ValueError, match=f"{before} does not become {after}"):
            require_move(before, after)


def test_every_state_has_its_moves() -> None:
    """And none is left for what has ended."""
    assert set(MOVES) == set(NoticeState)
    assert set(DELIVERY_MOVES) == set(DeliveryState)
    assert set(NoticeState) - LIVE == {NoticeState.CLOSED, NoticeState.DISMISSED}


def test_a_finding_is_told_once_when_it_has_stood() -> None:
    """Suspected at first; opened a minute later, and only kept up to date for hours."""
    world = World()
    for minute in range(180):
        world.look(minute, "did-nothing")
    assert world.told == [(1, Kind.OPENED)]
    (notice,) = world.notices.values()
    assert (notice.state, notice.seen_count, notice.first_seen_at) == (NoticeState.OPEN, 180, NOW)


def test_a_blip_wakes_nobody() -> None:
    """Seen once, gone at the next look: dismissed, and nothing told, however often."""
    world = World()
    for minute in range(100):
        world.look(minute, *(["did-nothing"] if minute % 2 == 0 else []))
    assert world.told == []
    assert set(world.states()) == {NoticeState.DISMISSED}


def test_two_looks_within_the_time_do_not_confirm() -> None:
    """Two replicas that look within a second are one look."""
    world = World()
    world.look(0, "did-nothing")
    world.look(1 / 60, "did-nothing")
    assert world.states() == [NoticeState.SUSPECTED]


@pytest.mark.parametrize("code", sorted(code for code, weight in WEIGHTS.items() if weight.certain))
def test_what_the_ledger_proves_is_told_at_once(code: str) -> None:
    """An obligation that failed after its last attempt needs no second look."""
    world = World()
    world.look(0, code)
    assert world.told == [(0, Kind.OPENED)]


def test_a_notice_closes_once_after_it_has_been_away() -> None:
    """Ten minutes, and not before; after that nothing is done about it."""
    world = World()
    world.look(0, "rolled-back")
    for minute in range(1, 60):
        world.look(minute)
    assert world.told == [(0, Kind.OPENED), (11, Kind.CLOSED)]
    assert world.states() == [NoticeState.CLOSED]


def test_what_was_not_looked_at_stays() -> None:
    """A look at another route closes nothing of this one; what all share is judged by every look."""
    shared = concerns([finding("dead-letters", "send"), finding("rolled-back", "f")], "r")
    begun = [stored(change, n) for n, change in enumerate(decide(shared, [], JUDGED, TIMING, NOW), 1)]
    changes = decide([], begun, scopes("another"), TIMING, NOW + MINUTE)
    assert [change.before.code for change in changes if change.before] == ["dead-letters"]


def test_what_flaps_is_one_long_notice() -> None:
    """Away for twelve minutes, back for three, all night: every return doubles the patience."""
    world = World()
    for minute in range(8 * 60):
        world.look(minute, *(["rolled-back"] if minute % 15 < 3 else []))
    assert [kind for _, kind in world.told] == [Kind.OPENED, Kind.CLOSED, Kind.OPENED]


def test_a_cause_that_comes_back_within_a_day_is_not_new() -> None:
    """It is told, and in quiet hours it waits; one that comes after a day is new, and so is another subject's."""
    world = World()
    world.look(0, "rolled-back")
    world.look(1)
    world.look(12)
    (again,) = world.look(60, "rolled-back")
    assert (again.tells, again.is_new, again.breaks) == (Kind.OPENED, False, False)
    old = [notice for notice in world.notices.values() if notice.state is NoticeState.CLOSED]
    (later,) = decide([concern("rolled-back")], old, JUDGED, TIMING, NOW + timedelta(days=2))
    assert (later.is_new, later.breaks) == (True, True)
    (other,) = decide([concern("rolled-back", "other")], old, JUDGED, TIMING, NOW + 60 * MINUTE)
    assert other.is_new


def test_a_page_breaks_through_though_it_is_not_new() -> None:
    """A function that fails again at night wakes somebody again; its end does not."""
    world = World()
    world.look(0, "function-failed")
    world.look(1)
    (closed,) = world.look(12)
    (again,) = world.look(60, "function-failed")
    assert (again.is_new, again.breaks, closed.breaks) == (False, True, False)


def test_findings_of_one_cause_are_one_concern() -> None:
    """Two functions whose work never starts for one cause; another cause is another, and so is another subject."""
    silent = [finding("never-started", name, "engine-silent") for name in ("b", "a")]
    apart = [finding("never-started", "a", "refused"), finding("did-nothing", "x"), finding("did-nothing", "y")]
    found = {tuple(one.subjects): one for one in concerns([*silent, *apart], "r")}
    assert set(found) == {("a", "b"), ("a",), ("x",), ("y",)}
    assert found["a", "b"].text == "b: b is wrong; a: a is wrong"
    assert found["a", "b"].remedy == "do this"


def test_another_subject_of_an_open_cause_is_kept_and_not_told() -> None:
    """The notice names both from then on."""
    first = concerns([finding("never-started", "a", "c")], "r")
    world = [stored(change) for change in decide(first, [], JUDGED, TIMING, NOW)]
    world = [stored(change) for change in decide(first, world, JUDGED, TIMING, NOW + MINUTE)]
    both = concerns([finding("never-started", name, "c") for name in "ab"], "r")
    (change,) = decide(both, world, JUDGED, TIMING, NOW + 2 * MINUTE)
    assert (change.tells, change.state, stored(change).subjects) == (None, NoticeState.OPEN, ["a", "b"])


@given(st.lists(st.lists(st.sampled_from(["did-nothing", "rolled-back", "cron-refused"]), unique=True), max_size=120))
def test_whatever_is_seen_each_notice_opens_once_and_closes_once(looks: Sequence[Sequence[str]]) -> None:
    """Random looks: one live notice of a cause, told as opened, then closed, as often as patience allows."""
    world, told = World(), []
    for minute, codes in enumerate(looks):
        for change in world.look(minute, *codes):
            if change.tells is not None:
                known = change.concern or change.before
                assert known is not None
                told.append((known.key, change.tells))
        live = [notice.key for notice in world.notices.values() if notice.state in LIVE]
        assert len(live) == len(set(live))
    for key in {key for key, _ in told}:
        kinds = [kind for one, kind in told if one == key]
        assert kinds == [Kind.OPENED, Kind.CLOSED] * (len(kinds) // 2) + [Kind.OPENED] * (len(kinds) % 2)
        assert kinds.count(Kind.CLOSED) <= len(looks) // 10


def test_the_order_of_findings_does_not_matter() -> None:
    """The same concerns, whoever was found first."""
    findings = [finding("did-nothing", name) for name in "abc"] + [finding("cron-refused", "cron", "secret")]
    assert concerns(findings, "r") == concerns(findings[::-1], "r")
