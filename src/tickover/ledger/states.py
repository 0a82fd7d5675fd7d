"""The states of an obligation, who may carry it out, and every move that is allowed. Pure.

`docs/states.md` is drawn from this table.
"""

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """Where an obligation stands."""

    OWED = "owed"
    ACCEPTED = "accepted"
    RUNNING = "running"
    RETRYING = "retrying"
    INTERRUPTED = "interrupted"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    COVERED = "covered"


class Path(StrEnum):
    """Who carries an obligation out; a shadow carries out none, it only looks what it would do."""

    DURABLE = "durable"
    INLINE = "inline"
    FALLBACK = "fallback"
    RECOVERY = "recovery"
    SHADOW = "shadow"


MOVES: Mapping[State, frozenset[State]] = {
    # the engine took its event · a path won the claim · a later run did its work
    State.OWED: frozenset({State.ACCEPTED, State.RUNNING, State.COVERED}),
    # a path won the claim · a later run did its work · a rollback took it back from the engine
    State.ACCEPTED: frozenset({State.RUNNING, State.COVERED, State.OWED}),
    # done · will be called again · its process was told to stop and gave the lease back · gave up · the lease expired
    # and another path won · a later run did its work
    State.RUNNING: frozenset(
        {State.SUCCEEDED, State.RETRYING, State.INTERRUPTED, State.FAILED, State.RUNNING, State.COVERED}
    ),
    # the next attempt won the claim · a later run did its work
    State.RETRYING: frozenset({State.RUNNING, State.COVERED}),
    State.INTERRUPTED: frozenset({State.RUNNING, State.COVERED}),
    State.SUCCEEDED: frozenset(),
    # cron delivered the tick again, or a late durable run came: what came to nothing is taken up anew
    State.FAILED: frozenset({State.RUNNING}),
    State.COVERED: frozenset(),
}

ENDED = frozenset({State.SUCCEEDED, State.FAILED, State.COVERED})
"""No clock runs for an obligation in one of these."""

DONE = frozenset({State.SUCCEEDED, State.COVERED})
"""The work of an obligation in one of these was carried out."""


CLAIMABLE = frozenset(state for state, nexts in MOVES.items() if State.RUNNING in nexts) - {State.RUNNING}
"""A claim wins these at once; one that is running only after its lease has expired."""
