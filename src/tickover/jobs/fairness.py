"""Whose jobs are claimed next: round by round among the clients that have some. Pure.

`tickover.choose_fairly` and `tickover.claim_jobs` do the same in the database; tests hold them to this.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """A client with queued jobs.

    Args:
        queued: how many.
        quota: jobs it gets in each round.
        room: how many more of its jobs may be running; None where it has no cap.
    """

    queued: int
    quota: int = 1
    room: int | None = None


def choose(clients: Mapping[str, Client], served: str, wanted: int) -> list[str]:
    """One pass: whose job is claimed, in the order in which they are started.

    From the client after the one served last, in the order of their names and round again, each gets its quota, then
    its quota once more, until there are enough.

    Args:
        clients: those with queued jobs, by name; the name of jobs without a client is empty.
        served: the client of the last job that was claimed before.
        wanted: how many jobs, at most.
    """
    names = sorted(clients)
    ring = ([name for name in names if name > served] + [name for name in names if name <= served])[:wanted]
    if not ring:
        return []
    rounds = math.ceil(wanted / sum(clients[name].quota for name in ring))
    picks = []
    for place, name in enumerate(ring):
        client = clients[name]
        share = min(client.queued, client.quota * rounds)
        if client.room is not None:
            share = min(share, max(client.room, 0))
        picks += [(nth // client.quota, place, nth, name) for nth in range(share)]
    return [name for _, _, _, name in sorted(picks)[:wanted]]
