from typing import Any

import pytest

from tickover.localengine import expressions
from tickover.localengine.identifiers import seeded_ulid
from tickover.localengine.intake import distinct, name_events, runs_for
from tickover.localengine.store import NewEvent, NewRun
from tickover.localengine.wire import Registered, Seed


def function(id_: str = "app-f", event: str = "a/b", **config: Any) -> Registered:
    """A registered function."""
    return Registered(id_, "app", "http://127.0.0.1/", {"triggers": [{"event": event}]} | config)


def event(id_: str, name: str = "a/b", **data: Any) -> NewEvent:
    """An event."""
    return NewEvent(f"internal-{id_}", {"name": name, "id": id_, "data": data, "ts": 1, "user": {}})


def runs(functions: list[Registered], *events: NewEvent) -> list[NewRun]:
    """What these events start."""
    return runs_for(events, functions, 1)


def test_an_event_without_an_id_has_the_engines() -> None:
    """Under a seed, the same one each time."""
    seed = Seed(17, b"0123456789")
    (named, own) = name_events([event("").body, event("mine").body], seed, 1)
    assert named.internal_id == named.event_id == seeded_ulid(17, seed.entropy, 0)
    assert (own.internal_id, own.event_id) == (seeded_ulid(17, seed.entropy, 1), "mine")


def test_events_of_one_id_within_one_call_are_one() -> None:
    """The first counts."""
    first, again, other = event("e", k=1), event("e", k=2), event("f")
    assert distinct([first, again, other]) == [first, other]


def test_an_event_starts_every_function_that_it_triggers_and_no_other() -> None:
    """One run each."""
    functions = [function("app-f"), function("app-g"), function("app-h", "c/d")]
    assert [(run.function_id, run.event_id) for run in runs(functions, event("e"))] == [("app-f", "e"), ("app-g", "e")]


def test_two_triggers_of_one_function_start_one_run() -> None:
    """Not one each."""
    twice = function(triggers=[{"event": "a/b"}, {"event": "a/b", "expression": "true"}])
    assert len(runs([twice], event("e"))) == 1


@pytest.mark.parametrize(("n", "started"), [(1, 0), (2, 1), ("x", 0), (None, 0)])
def test_a_triggers_condition_must_hold(n: Any, started: int) -> None:
    """One that cannot be computed does not."""
    conditional = function(triggers=[{"event": "a/b", "expression": "event.data.n > 1"}])
    assert len(runs([conditional], event("e", n=n))) == started


def test_an_idempotency_value_starts_one_run_within_one_call() -> None:
    """Of its function; another function's value is another."""
    functions = [function("app-f", idempotency="event.data.k"), function("app-g", idempotency="event.data.k")]
    started = runs(functions, event("e", k="x"), event("f", k="x"), event("g", k="y"))
    assert [(run.function_id, run.event_id) for run in started] == [
        ("app-f", "e"),
        ("app-g", "e"),
        ("app-f", "g"),
        ("app-g", "g"),
    ]
    assert len({run.once for run in started}) == 4


def test_a_long_idempotency_value_is_a_short_key() -> None:
    """It has its place in an index."""
    (run,) = runs([function(idempotency="event.data.k")], event("e", k="x" * 100_000))
    assert run.once is not None
    assert len(run.once) < 100


@pytest.mark.parametrize("expression", ["event.data.missing", "event.data.k / 0", "event.data.k + 9223372036854775807"])
def test_idempotency_that_cannot_be_computed_stops_no_run(expression: str) -> None:
    """Each event starts its own."""
    started = runs([function(idempotency=expression)], event("e", k=1), event("f", k=1))
    assert [(run.event_id, run.once) for run in started] == [("e", None), ("f", None)]


def test_concurrency_is_counted_per_function_and_key() -> None:
    """Equal keys share a slot, others do not."""
    limits = [{"limit": 1}, {"limit": 2, "key": "event.data.client"}]
    x, again, y = runs(
        [function(concurrency=limits)], event("e", client="x"), event("f", client="x"), event("g", client="y")
    )
    assert list(x.slots) == list(again.slots)
    assert [most for _, most in x.slots] == [1, 2]
    assert x.slots[0] == y.slots[0]
    assert x.slots[1] != y.slots[1]


def test_a_limit_of_zero_is_no_limit() -> None:
    """As with Inngest; nothing would ever run."""
    (run,) = runs([function(concurrency=[{"limit": 0}])], event("e"))
    assert list(run.slots) == []


@pytest.mark.parametrize("expression", ["((", "", "event.", "\x00"])
def test_an_expression_that_is_none_is_named(expression: str) -> None:
    """In one line."""
    fault = expressions.check(expression)
    assert fault
    assert "\n" not in fault


@pytest.mark.parametrize(
    "expression",
    [
        "1 / 0",
        "9223372036854775807 + 1",
        "event.data.list[7]",
        "event.missing.more",
        "'a'.matches('[')",
        "foo.bar",
        "event.data.list + 1",
        "((",
    ],
)
def test_a_value_that_cannot_be_computed_is_none(expression: str) -> None:
    """Whatever is wrong with it: an event must not be lost over it."""
    assert expressions.value(expression, {"data": {"list": []}}) is None
