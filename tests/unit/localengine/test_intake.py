"""Which ids events get, and which runs they start."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tickover.localengine.identifiers import fresh_ulid, ulid
from tickover.localengine.intake import distinct, name_events, runs_for
from tickover.localengine.wire import Registered, Seed

NOW = 1_795_447_481_029
CROCKFORD = set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def body(id_: str = "", name: str = "a", **data: Any) -> dict[str, Any]:
    """An event as parsed."""
    return {"data": data, "id": id_, "name": name, "ts": NOW, "user": {}}


def function(id_: str = "wire-a", **config: Any) -> Registered:
    """A function with a trigger."""
    return Registered(id_, "wire", "http://127.0.0.1/", {"triggers": [{"event": "a"}], **config})


def started(bodies: list[dict[str, Any]], *functions: Registered) -> list[tuple[str, str]]:
    """Function and event of each run that these events start."""
    runs = runs_for(name_events(bodies, None, NOW), functions, NOW)
    return [(run.function_id, run.event_id) for run in runs]


@given(millis=st.integers(0, 2**48 - 1), entropy=st.binary(min_size=10, max_size=10))
def test_a_ulid_has_26_characters_and_sorts_by_time(millis: int, entropy: bytes) -> None:
    """In Crockford's alphabet; a later one is greater."""
    name = ulid(millis, entropy)
    assert len(name) == 26
    assert set(name) <= CROCKFORD
    assert ulid(millis + 1, bytes(10)) > name


def test_a_known_ulid() -> None:
    """The text of the specification's own example of a time, 1469918176385 ms, and of no entropy."""
    assert ulid(1469918176385, bytes(10)) == "01ARYZ6S41" + "0" * 16


@given(entropy=st.binary(min_size=10, max_size=10), count=st.integers(1, 20))
def test_a_call_that_is_tried_again_is_the_same_events(entropy: bytes, count: int) -> None:
    """Under one seed the ids are the same each time, and differ within the call."""
    bodies = [body() for _ in range(count)]
    first, again = (name_events(bodies, Seed(NOW, entropy), now) for now in (NOW, NOW + 5000))
    assert first == again
    assert len({event.internal_id for event in first}) == count


def test_without_a_seed_ids_are_fresh() -> None:
    """Two calls are never the same events."""
    assert fresh_ulid(NOW) != fresh_ulid(NOW)
    assert name_events([body()], None, NOW) != name_events([body()], None, NOW)


def test_the_senders_id_is_kept() -> None:
    """A run sees the id the sender gave, and the engine's where there is none."""
    given_id, without = name_events([body("p-1"), body()], None, NOW)
    assert given_id.event_id == "p-1" != given_id.internal_id
    assert without.event_id == without.internal_id


def test_of_equal_ids_the_first_counts() -> None:
    """Within one call too, whatever the data."""
    events = distinct(name_events([body("p-1", n=1), body("p-1", n=2), body("p-2")], None, NOW))
    assert [(event.event_id, event.body["data"]) for event in events] == [("p-1", {"n": 1}), ("p-2", {})]


def test_an_event_starts_what_waits_for_its_name() -> None:
    """Each function with that trigger, and no other."""
    other = Registered("wire-c", "wire", "", {"triggers": [{"event": "c"}]})
    assert started([body("p-1")], function(), function("wire-b"), other) == [("wire-a", "p-1"), ("wire-b", "p-1")]


def test_a_trigger_may_have_a_condition() -> None:
    """Only an event for which it is true starts a run; one for which it cannot be computed does not."""
    conditional = function(triggers=[{"event": "a", "expression": "event.data.n > 1"}])
    assert started([body("p-1", n=1), body("p-2", n=2), body("p-3")], conditional) == [("wire-a", "p-2")]


def test_within_a_call_an_idempotency_value_starts_one_run() -> None:
    """The first event with the value; another value and another function have runs of their own."""
    once = function(idempotency="event.data.k")
    bodies = [body("p-1", k="x"), body("p-2", k="x"), body("p-3", k="y")]
    assert started(bodies, once) == [("wire-a", "p-1"), ("wire-a", "p-3")]
    assert len(started(bodies, once, function("wire-b"))) == 5


def test_a_missing_idempotency_value_holds_nobody_back() -> None:
    """Events without the field each start a run."""
    assert len(started([body("p-1"), body("p-2")], function(idempotency="event.data.k"))) == 2


def test_a_limit_with_a_key_is_a_slot_for_each_value() -> None:
    """Equal values share a slot, others and other functions do not; the limit goes with it."""
    limited = [{"limit": 2, "key": "event.data.client"}]
    bodies = [body("p-1", client="x"), body("p-2", client="x"), body("p-3", client="y")]
    functions = [function(concurrency=limited), function("wire-b", concurrency=limited)]
    slots = [run.slots for run in runs_for(name_events(bodies, None, NOW), functions, NOW)]
    assert {limit for ((_, limit),) in slots} == {2}
    names = [name for ((name, _),) in slots]
    assert names[0] == names[2]
    assert len(set(names)) == 4
