"""Back to inline, at once and provably: what is set, what is taken from the engine, and what is waited for then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from tickover.errors import ControlError
from tickover.ledger.store import Ledger
from tickover.rollout.controls import Change, Controls
from tickover.rollout.evidence import InFlight, RolloutEvidence, TakenOver
from tickover.rollout.stages import INLINE, Control

_log = structlog.stdlib.get_logger("tickover.rollout")
_TRIES = 5  # against others who change the same controls at the same time

INLINE_TICKS = 2
"""Ticks that have to be carried out inline to a good end before a rollback counts as settled."""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """Functions that were rolled back.

    Args:
        controls: what is set for each now.
        half_done: what the engine had begun of them and not ended.
        withdrawn: how many events it had accepted and not begun; they do nothing when they wake up.
    """

    controls: dict[str, Control]
    half_done: Sequence[InFlight]
    withdrawn: int

    @property
    def since(self) -> datetime:
        """From when on no tick that begins goes the durable way."""
        return max(control.changed_at for control in self.controls.values() if control.changed_at is not None)

    def as_json(self) -> dict[str, Any]:
        """What was done, as a JSON object, the same wherever it is told."""
        return {
            "functions": list(self.controls),
            "since": self.since.isoformat(),
            "withdrawn": self.withdrawn,
            "halfDone": [
                {"function": o.function, "dispatchKey": o.dispatch_key, "done": o.done} for o in self.half_done
            ],
        }


@dataclass(frozen=True, slots=True)
class Settling:
    """How far a rollback is.

    Args:
        running: runs of the engine that still hold their lease, by function.
        inline: ticks carried out inline to a good end since, by function; more than are needed do not count.
        taken_over: what became of what was half done.
    """

    running: dict[str, int]
    inline: dict[str, int]
    taken_over: Sequence[TakenOver] = field(default_factory=list)

    @property
    def is_settled(self) -> bool:
        """Whether nothing of the engine runs any more, and ticks are seen to be carried out inline."""
        return not any(self.running.values()) and all(count >= INLINE_TICKS for count in self.inline.values())


class Rollback:
    """Takes functions back to inline.

    Args:
        controls: what is set for them.
        ledger: what the engine has accepted of them.
        evidence: what it has begun, and who takes that over.

    Attributes:
        evidence: as given.
    """

    def __init__(self, controls: Controls, ledger: Ledger, evidence: RolloutEvidence) -> None:
        self._controls = controls
        self._ledger = ledger
        self.evidence = evidence

    async def roll_back(self, functions: Sequence[str], by: str, reason: str) -> RolledBack:
        """From when this returns no tick that begins goes the durable way, in any replica, until somebody releases it.

        Args:
            functions: which; those that are inline already are held there.
            by: who does it.
            reason: why.
        """
        half_done = await self.evidence.in_flight(functions)
        controls = await self._set(functions, by, reason)
        return await self._taken_back(controls, half_done)

    async def go_back(self, control: Control, by: str, reason: str, evidence: Mapping[str, Any]) -> RolledBack:
        """The same for one function on bad evidence, unless it was moved since.

        Args:
            control: what was set for it when the evidence was read.
            by: who does it.
            reason: why.
            evidence: what it stands on.

        Raises:
            ControlError: somebody has moved it since.
        """
        half_done = await self.evidence.in_flight([control.function])
        controls = await self._controls.change([_back(control, by, reason, evidence)])
        return await self._taken_back(controls, half_done)

    async def settling(self, rolled_back: RolledBack) -> Settling:
        """How far a rollback is."""
        functions = list(rolled_back.controls)
        since = rolled_back.since
        in_flight = await self.evidence.in_flight(functions)
        ids = [obligation.id for obligation in rolled_back.half_done]
        return Settling(
            {f: sum(o.is_alive for o in in_flight if o.function == f) for f in functions},
            {f: min(n, INLINE_TICKS) for f, n in (await self.evidence.inline_successes(functions, since)).items()},
            await self.evidence.taken_over(ids, since) if ids else [],
        )

    async def _taken_back(self, controls: dict[str, Control], half_done: Sequence[InFlight]) -> RolledBack:
        withdrawn = sum([await self._ledger.withdraw(function) for function in controls])
        for function, control in controls.items():
            _log.error("rollout.rolled_back", function=function, by=control.changed_by, reason=control.reason)
        return RolledBack(controls, half_done, withdrawn)

    async def _set(self, functions: Sequence[str], by: str, reason: str, tries: int = _TRIES) -> dict[str, Control]:
        before = await self._controls.read(functions)
        try:
            return await self._controls.change([_back(control, by, reason, {}) for control in before.values()])
        except ControlError:  # somebody else came first, which makes no difference: back is always allowed
            if tries == 1:
                raise
            return await self._set(functions, by, reason, tries - 1)


def _back(control: Control, by: str, reason: str, evidence: Mapping[str, Any]) -> Change:
    return Change(
        control,
        INLINE,
        "rollout.rolled_back",
        by,
        reason,
        held=True,
        # A shadow has shown nothing yet that a canary could go on from.
        rolled_back=control.rolled_back or not control.is_inline,
        evidence=evidence,
    )
