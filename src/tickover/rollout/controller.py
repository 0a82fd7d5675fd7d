"""Moving functions forward on evidence, and back by itself when the evidence turns bad."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from tickover.contract import Contract, Function, Route
from tickover.errors import ControlError
from tickover.rollout.breaches import Breach, breach
from tickover.rollout.controls import Change, Controls
from tickover.rollout.evidence import Override, SeenSwitch
from tickover.rollout.facts import Facts
from tickover.rollout.figures import Terms
from tickover.rollout.gates import Gate, Verdict, judge, overall
from tickover.rollout.limits import LIMITS
from tickover.rollout.rollback import Rollback
from tickover.rollout.stages import INLINE, Control, InForce, Stage, Step, in_force, next_step
from tickover.ticks.findings import Finding

_log = structlog.stdlib.get_logger("tickover.rollout")
BY_ITSELF = "tickover"
"""Who changed a control where no person did."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a function stands, and what speaks for and against its next step.

    Args:
        route: the function's.
        function: its id.
        control: what is set.
        seen_at: when the newest tick of its route came, whose process told its switches; None where none has come.
        in_force: what counts, and why.
        gates: what the evidence says; none where nothing is asked at this stage.
        breach: the bad evidence on which it goes back, where there is any.
        overrides: each time that somebody went on against the evidence.
    """

    route: str
    function: str
    control: Control
    seen_at: datetime | None
    in_force: InForce
    gates: Sequence[Gate]
    breach: Breach | None
    overrides: Sequence[Override]

    @property
    def verdict(self) -> Verdict:
        """Whether it may go on."""
        return overall(self.gates)

    def as_json(self) -> dict[str, Any]:
        """Where a function stands, as a JSON object, the same wherever it is shown."""
        control = self.control
        return {
            "route": self.route,
            "function": self.function,
            "seenAt": None if self.seen_at is None else self.seen_at.isoformat(),
            "inForce": str(self.in_force.step),
            "why": self.in_force.why,
            "set": None if control.step is None else str(control.step),
            "version": control.version,
            "by": control.changed_by,
            "since": None if control.changed_at is None else control.changed_at.isoformat(),
            "held": control.held,
            "auto": control.auto,
            "verdict": str(self.verdict) if self.gates else None,
            "gates": [gate.as_json() for gate in self.gates],
            "breach": None if self.breach is None else self.breach.text,
            "overrides": [
                {"at": o.at.isoformat(), "by": o.by, "reason": o.reason, "from": o.before, "to": o.after}
                for o in self.overrides
            ],
        }


class Rollout:
    """Moves functions.

    Args:
        contract: whose functions.
        controls: what is set for them.
        rollback: what takes them back.
        goes_back: whether bad evidence alone takes a function back.
    """

    def __init__(self, contract: Contract, controls: Controls, rollback: Rollback, *, goes_back: bool = True) -> None:
        self._contract = contract
        self._controls = controls
        self._evidence = rollback.evidence
        self._rollback = rollback
        self._goes_back = goes_back

    async def standings(self) -> list[Standing]:
        """Where each function of the contract stands, with the switches as the newest tick of its route found them."""
        controls = await self._controls.read([function.id for function in self._contract.functions])
        found = []
        for route in self._contract.routes:
            seen = await self._evidence.switch(route.id)
            found += [
                await self._standing(route, function, controls[function.id], seen) for function in route.functions
            ]
        return found

    async def _standing(self, route: Route, function: Function, control: Control, seen: SeenSwitch | None) -> Standing:
        facts = await self._facts(route, function, control)
        return Standing(
            route.id,
            function.id,
            control,
            None if seen is None else seen.at,
            in_force(route.flag, None if seen is None else seen.switched_off, control),
            _judge(function, control, facts),
            _breach(function, control, facts),
            await self._evidence.overrides(function.id),
        )

    async def steps(self) -> dict[str, InForce]:
        """What is in force for each function, without what speaks for and against its next step."""
        controls = await self._controls.read([function.id for function in self._contract.functions])
        found: dict[str, InForce] = {}
        for route in self._contract.routes:
            seen = await self._evidence.switch(route.id)
            off = None if seen is None else seen.switched_off
            found |= {f.id: in_force(route.flag, off, controls[f.id]) for f in route.functions}
        return found

    async def held(self) -> list[Finding]:
        """A finding for each function that was rolled back and not released."""
        controls = await self._controls.read([function.id for function in self._contract.functions])
        return [_held(control) for control in controls.values() if control.held]

    async def begin(self, function: str, by: str, reason: str) -> Control:
        """Take a function under control: inline, whatever its flag says.

        Raises:
            ControlError: there is no such function, or it is under control already.
        """
        control = await self._read(function)
        if control.step is not None:
            raise ControlError(f"{function} is being moved already: it stands at {control.step}")
        return await self._change(Change(control, INLINE, "rollout.begun", by, reason))

    async def advance(self, function: str, by: str, reason: str, *, override: bool = False) -> Control:
        """Move a function one step forward, if its gates pass.

        Args:
            function: which.
            by: who does it.
            reason: why.
            override: go on although the gates do not pass; this is kept, and shown for ever.

        Raises:
            ControlError: it is held, stands at its last step, or its gates do not pass; the text says what is missing.
        """
        control = await self._read(function)
        step = next_step(control)
        if control.held:
            raise ControlError(_released_first(control))
        if step is None:
            raise ControlError(f"{function} is durable: there is no step after that")
        route, declared = self._find(function)
        gates = _judge(declared, control, await self._facts(route, declared, control))
        verdict = overall(gates)
        if verdict is not Verdict.PASS and not override:
            raise ControlError(_refusal(function, control, step, gates))
        action = "rollout.advanced" if verdict is Verdict.PASS else "rollout.overridden"
        return await self._change(Change(control, step, action, by, reason, evidence=_as_evidence(gates)))

    async def release(self, function: str, by: str, reason: str) -> Control:
        """Let a function that was rolled back go on: from the first canary step, or from its shadow.

        Raises:
            ControlError: it is not held.
        """
        control = await self._read(function)
        if not control.held or control.step is None:
            raise ControlError(f"{function} is not held")
        return await self._change(
            Change(control, control.step, "rollout.released", by, reason, rolled_back=control.rolled_back)
        )

    async def set_auto(self, function: str, by: str, reason: str, *, auto: bool) -> Control:
        """Let a function advance by itself when its gates pass, or no longer.

        Raises:
            ControlError: it is not being moved, or is held.
        """
        control = await self._read(function)
        if control.held:
            raise ControlError(_released_first(control))
        if control.step is None:
            raise ControlError(f"{function} is not being moved; begin with `tickover rollout begin {function}`")
        action = "rollout.auto_on" if auto else "rollout.auto_off"
        change = Change(control, control.step, action, by, reason, auto=auto, rolled_back=control.rolled_back)
        return await self._change(change)

    async def watch(self, route: Route) -> list[Finding]:
        """Look at the functions of a route that are being moved: back on bad evidence, forward where that is allowed.

        Returns:
            A finding for each that is held.
        """
        controls = await self._controls.read([function.id for function in route.functions])
        findings = []
        for function in route.functions:
            control = controls[function.id]
            if control.step is not None and not control.held:
                control = await self._watch(route, function, control)
            if control.held:
                findings.append(_held(control))
        return findings

    async def _watch(self, route: Route, function: Function, control: Control) -> Control:
        """Move a function as its evidence says; what is set for it then."""
        facts = await self._facts(route, function, control)
        bad = _breach(function, control, facts)
        gates = _judge(function, control, facts)
        step = next_step(control)
        try:
            if bad is not None and self._goes_back:
                reason = f"{bad.gate}: {bad.text}"
                back = await self._rollback.go_back(control, BY_ITSELF, reason, bad.evidence)
                return back.controls[function.id]
            if control.auto and step is not None and bad is None and overall(gates) is Verdict.PASS:
                evidence = _as_evidence(gates)
                change = Change(control, step, "rollout.advanced", BY_ITSELF, "its gates pass", evidence=evidence)
                return await self._change(change)
        except ControlError as error:  # somebody moved it while it was looked at
            _log.info("rollout.not_moved", function=function.id, reason=str(error))
        return control

    async def _facts(self, route: Route, function: Function, control: Control) -> Facts | None:
        """The evidence; None where nothing is asked of it."""
        if control.stage is None or control.stage == Stage.INLINE:
            return None
        return await self._evidence.facts(route, function, control)

    async def _read(self, function: str) -> Control:
        if self._contract.function(function) is None:
            known = ", ".join(f.id for f in self._contract.functions)
            raise ControlError(f"there is no function {function!r}; there are {known}")
        return (await self._controls.read([function]))[function]

    async def _change(self, change: Change) -> Control:
        function = change.before.function
        control = (await self._controls.change([change]))[function]
        _log.info(change.action, function=function, step=str(control.step), by=change.by, reason=change.reason)
        return control

    def _find(self, function: str) -> tuple[Route, Function]:
        return next((r, f) for r in self._contract.routes for f in r.functions if f.id == function)


def _judge(function: Function, control: Control, facts: Facts | None) -> list[Gate]:
    return [] if facts is None else judge(*_asked(function, control, facts))


def _breach(function: Function, control: Control, facts: Facts | None) -> Breach | None:
    return None if facts is None else breach(*_asked(function, control, facts))


def _asked(function: Function, control: Control, facts: Facts) -> tuple[Stage, Facts, Terms]:
    stage = Stage(control.stage or Stage.INLINE)
    return stage, facts, Terms(function.limits.get(stage, LIMITS[stage]), function.start_by, function.deadline)


def _as_evidence(gates: Sequence[Gate]) -> Mapping[str, Any]:
    return {"gates": [gate.as_json() for gate in gates]}


def _refusal(function: str, control: Control, step: Step, gates: Sequence[Gate]) -> str:
    lines = [
        f"{function} stays at {control.step}: {gate.name} is {gate.verdict} ({gate.seen})"
        + (f": {gate.missing}" if gate.missing else "")
        for gate in gates
        if gate.verdict is not Verdict.PASS
    ]
    return "\n".join([*lines, f"wait, or go on to {step} all the same with --override --why …, which is kept"])


def _released_first(control: Control) -> str:
    return (
        f"{control.function} was rolled back ({control.reason}) and is held: "
        f"`tickover rollout release {control.function} --why …` lets it go on"
    )


def _held(control: Control) -> Finding:
    return Finding(
        "rolled-back",
        control.function,
        f"it was rolled back by {control.changed_by}, and is carried out inline: {control.reason}",
        f"mend the cause, then `tickover rollout release {control.function} --why …`; then it may go on",
        {"since": None if control.changed_at is None else control.changed_at.isoformat(), "by": control.changed_by},
    )
