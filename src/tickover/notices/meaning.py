"""What a concern affects, and what Tickover has done about it, in words. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tickover.contract import Contract, Function, Route
from tickover.ledger.facts import Refusal
from tickover.notices.notice import Concern
from tickover.ticks.findings import Finding, refused
from tickover.ticks.trouble import (
    DeadLetters,
    OpenCircuit,
    Outcome,
    StaleLook,
    circuit_open,
    dead_letters,
    failed,
    fell_back,
    never_started,
    recovered,
    stale,
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands in the database around a route, beside its rhythm.

    Args:
        outcomes: the newest of each of its functions, the newest first.
        circuit: where it is open, and there is something to hand over.
        stale: looks of late that found the queue stale.
        dead: jobs that died of late, by kind.
        refusals: requests that are being refused.
    """

    outcomes: Sequence[Outcome] = ()
    circuit: OpenCircuit | None = None
    stale: Sequence[StaleLook] = ()
    dead: Sequence[DeadLetters] = ()
    refusals: Sequence[Refusal] = field(default=())

    def findings(self, route: str) -> list[Finding]:
        """What is wrong by these rows."""
        return [
            *refused(self.refusals),
            *failed(self.outcomes),
            *never_started(self.outcomes, self.refusals),
            *circuit_open(route, self.circuit),
            *stale(self.stale),
            *dead_letters(self.dead),
        ]


def explained(concern: Concern, contract: Contract, route: Route, around: Surroundings) -> Concern:
    """A concern with what it affects, and what was done about it.

    Args:
        concern: as its findings make it.
        contract: whose routes, functions and responsibilities.
        route: the one that was looked at.
        around: what stands in the database.
    """
    return replace(concern, affects=_affects(concern, contract, route), done=_done(concern, around))


def _affects(concern: Concern, contract: Contract, route: Route) -> list[str]:
    named = [text for subject in concern.subjects for text in _named(subject, contract)]
    if named:
        return list(dict.fromkeys(named))
    if concern.code == "cron-refused":
        return [_route(one) for one in contract.routes]
    if concern.code == "calls-refused":
        return [_function(function) for one in contract.routes for function in one.functions]
    if concern.code == "dead-letters":
        return [f"jobs of kind {subject}" for subject in concern.subjects]
    return [_route(route)]


def _named(subject: str, contract: Contract) -> list[str]:
    """What a subject is: a route, a function or a responsibility; nothing where it is none of these."""
    found = [_route(route) for route in contract.routes if route.id == subject]
    found += [_function(function) for function in contract.functions if function.id == subject]
    found += [
        f"responsibility {subject} of function {function.id}"
        for function in contract.functions
        if any(responsibility.id == subject for responsibility in function.responsibilities)
    ]
    return found


def _route(route: Route) -> str:
    return f"route {route.id}: all that its ticks owe ({', '.join(route.owes)})"


def _function(function: Function) -> str:
    return f"function {function.id} ({', '.join(r.id for r in function.responsibilities)})"


def _done(concern: Concern, around: Surroundings) -> list[str]:
    said = _SAID.get(concern.code)
    return [] if said is None else [text for text in said(around, concern) if text]


def _by_other_paths(around: Surroundings, _: Concern) -> list[str]:
    """What kept the work going although the engine did not do it."""
    late, at_once = recovered(around.outcomes), fell_back(around.outcomes)
    return [
        f"carried out {late} late obligations itself, of the newest" if late else "",
        f"did the work of {at_once} ticks inline at once, of the newest, since the send failed" if at_once else "",
        "opened the circuit, so that ticks are carried out inline without a send" if around.circuit else "",
    ]


def _by_attempts(_: Surroundings, concern: Concern) -> list[str]:
    attempts = concern.evidence.get("attempts")
    tried = f"tried {attempts} times" if attempts and attempts > 1 else "tried once"
    return [f"{tried}; what had succeeded of it is not done again", "the next tick runs the function anew"]


_SAID: Mapping[str, Callable[[Surroundings, Concern], list[str]]] = {
    "calls-refused": _by_other_paths,
    "never-started": _by_other_paths,
    "circuit-open": lambda around, concern: [
        "carries every tick out inline, and lets one probe now and then",
        *_by_other_paths(around, concern)[:2],
    ],
    "function-failed": _by_attempts,
    "rolled-back": lambda *_: ["took the function back: every tick does its work inline"],
    "dead-letters": lambda *_: ["tried each as often as it may be, and keeps them: none is lost"],
    "ran-twice": lambda *_: ["fenced off the one whose lease had expired, or whose result came second"],
    "cron-refused": lambda *_: ["counted the refused requests; their work is not done before a tick is let in"],
    "wrong-environment": lambda *_: ["changed nothing, and sent nothing"],
}
