from typing import Any

import pytest

from tickover.localengine import expressions
from tickover.localengine.identifiers import seeded_ulid
from tickover.localengine.intake import name_events, runs_for
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


def test_events_of_one_id_within_one_call_start_one_run() -> None:
    """The first counts, for each function."""
    first = NewEvent("internal-1", event("e", k=1).body)
    again = NewEvent("internal-2", event("e", k=2).body)
    started = runs([function("app-f"), function("app-g")], first, again, event("f"))
    assert [run.internal_id for run in started] == ["internal-1", "internal-1", "internal-f", "internal-f"]


def test_an_event_without_an_id_of_its_senders_has_no_key() -> None:
    """Nothing but itself is like it."""
    body = event("internal").body
    assert [list(run.keys) for run in runs([function()], NewEvent("internal", body))] == [[]]


@pytest.mark.parametrize(
    ("pattern", "started"),
    [("app/*", 1), ("app/user.*", 1), ("app/user.created", 1), ("app*", 0), ("*", 0), ("app/use*", 0), ("other/*", 0)],
)
def test_a_wildcard_names_all_that_begin_so(pattern: str, started: int) -> None:
    """At a slash or a dot, as with the real engine."""
    assert len(runs([function(event=pattern)], event("e", "app/user.created"))) == started


def test_a_singleton_is_of_its_function_and_key() -> None:
    """A key that is false, or cannot be computed, bounds nothing."""
    plain, keyed = {"mode": "skip"}, {"mode": "skip", "key": "event.data.k"}
    (one,) = runs([function(singleton=plain)], event("e"))
    (other,) = runs([function("app-g", singleton=plain)], event("e"))
    x, same, y, false, missing = runs(
        [function(singleton=keyed)],
        *(event(id_, k=k) for id_, k in (("a", "x"), ("b", "x"), ("c", "y"), ("d", False))),
        event("e"),
    )
    assert None not in {one.singleton, other.singleton, x.singleton, y.singleton}
    assert len({one.singleton, other.singleton, x.singleton, y.singleton}) == 4
    assert (x.singleton == same.singleton, false.singleton, missing.singleton) == (True, None, None)


def test_a_limit_wider_than_a_function_is_shared_by_those_who_name_the_same_key() -> None:
    """And by nobody else."""
    wide = [{"limit": 3, "scope": "account", "key": "event.data.client"}]
    other = [{"limit": 3, "scope": "account", "key": "event.data.other"}]
    f, g, h = runs(
        [
            function("app-f", concurrency=wide),
            function("app-g", concurrency=wide),
            function("app-h", concurrency=other),
        ],
        event("e", client="x", other="x"),
    )
    assert f.slots == g.slots != h.slots


def test_an_event_starts_every_function_that_it_triggers_and_no_other() -> None:
    """One run each."""
    functions = [function("app-f"), function("app-g"), function("app-h", "c/d")]
    assert [run.function_id for run in runs(functions, event("e"))] == ["app-f", "app-g"]


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
    assert [(run.function_id, run.internal_id) for run in started] == [
        ("app-f", "internal-e"),
        ("app-g", "internal-e"),
        ("app-f", "internal-g"),
        ("app-g", "internal-g"),
    ]
    assert len({key for run in started for key in run.keys}) == 8


def test_a_long_idempotency_value_is_a_short_key() -> None:
    """It has its place in an index."""
    (run,) = runs([function(idempotency="event.data.k")], event("e", k="x" * 100_000))
    assert len(run.keys) == 2
    assert all(len(key) < 100 for key in run.keys)


@pytest.mark.parametrize("expression", ["event.data.missing", "event.data.k / 0", "event.data.k + 9223372036854775807"])
def test_idempotency_that_cannot_be_computed_stops_no_run(expression: str) -> None:
    """Each event starts its own."""
    started = runs([function(idempotency=expression)], event("e", k=1), event("f", k=1))
    assert [[key.partition(":")[0] for key in run.keys] for run in started] == [["event"], ["event"]]


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
