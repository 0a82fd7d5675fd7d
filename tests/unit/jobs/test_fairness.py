"""Whose jobs are claimed next: shares, and that nobody can be kept waiting for ever."""

import math
from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tickover.jobs.fairness import Client, choose

NAMES = st.text("abc", max_size=3)
CLIENTS = st.dictionaries(
    NAMES,
    st.builds(Client, queued=st.integers(1, 30), quota=st.integers(1, 4), room=st.none() | st.integers(0, 9)),
    max_size=8,
)


def test_rounds_go_through_the_clients_in_turn() -> None:
    """One each, then one each again; who has no more is passed over."""
    clients = {"a": Client(9), "b": Client(1), "c": Client(9)}
    assert choose(clients, "", 5) == ["a", "b", "c", "a", "c"]


def test_a_claim_goes_on_where_the_last_one_ended() -> None:
    """Three clients and claims of four: all get the same, although four is no multiple of three."""
    clients = {name: Client(1000) for name in "abc"}
    served, shares = "", Counter[str]()
    for _ in range(6):
        picks = choose(clients, served, 4)
        shares.update(picks)
        served = picks[-1]
    assert shares == {"a": 8, "b": 8, "c": 8}


def test_a_quota_is_had_in_one_go() -> None:
    """Who may have two a round gets two a round."""
    assert choose({"a": Client(9, quota=2), "b": Client(9)}, "", 6) == ["a", "a", "b", "a", "a", "b"]


def test_a_full_client_is_passed_over() -> None:
    """As many are running as it may have."""
    assert choose({"a": Client(9, room=0), "b": Client(9, room=1), "c": Client(9)}, "", 9)[:3] == ["b", "c", "c"]


@given(CLIENTS, NAMES, st.integers(1, 40))
def test_a_claim_keeps_within_every_bound(clients: dict[str, Client], served: str, wanted: int) -> None:
    """Never more than is wanted, than there is, or than a client has room for; something where there is something."""
    picks = Counter(choose(clients, served, wanted))
    assert picks.total() <= wanted
    for name, count in picks.items():
        room = clients[name].room
        assert count <= clients[name].queued
        assert room is None or count <= room
    if any(client.room != 0 for client in clients.values()) and len(clients) <= wanted:
        assert picks


@given(CLIENTS, NAMES, st.integers(1, 12), st.data())
def test_nobody_can_be_kept_waiting(clients: dict[str, Client], served: str, wanted: int, data: st.DataObject) -> None:
    """Whatever the others enqueue meanwhile, a client without a cap is served before the ring has gone round once.

    Others come and go, as many and as big as they like: what stands between is at most one quota of each.
    """
    mine = data.draw(NAMES)
    clients = {name: replace(client, room=None) for name, client in clients.items()} | {mine: Client(1)}
    between = sum(client.quota for name, client in clients.items() if name != mine)
    for _ in range(math.ceil((between + 1) / wanted)):
        picks = choose(clients, served, wanted)
        if mine in picks:
            return
        served = picks[-1]
        for name in data.draw(st.sets(st.sampled_from(sorted(clients)))):
            clients[name] = replace(clients[name], queued=clients[name].queued + 100)
    raise AssertionError(f"{mine!r} was not served")


@given(st.lists(st.integers(1, 3), min_size=1, max_size=6), st.integers(1, 20))
def test_shares_are_as_the_quotas(quotas: list[int], wanted: int) -> None:
    """Over many claims no client is further ahead of its share than one round."""
    clients = {str(place): Client(10_000, quota=quota) for place, quota in enumerate(quotas)}
    served, shares = "", Counter[str]()
    for _ in range(60):
        picks = choose(clients, served, wanted)
        shares.update(picks)
        served = picks[-1]
    rounds = [shares[name] / client.quota for name, client in clients.items()]
    assert max(rounds) - min(rounds) <= 60 * (max(quotas) - 1) + 1
