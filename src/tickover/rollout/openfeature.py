"""Stage and percent from a feature flag service, through OpenFeature. Needs the extra `openfeature`.

The flag `tickover.{function}` is a string: `inline`, `shadow`, `canary 5` (percent of ticks) or `durable`. What it says
is stored, with its audit row, and only what is stored counts: when the service fails, or says nothing, that is the last
value. It stands below the switches of the environment, and lifts no hold.
"""

import asyncio
import re
from collections.abc import Sequence

import structlog
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext

from tickover.errors import ControlError
from tickover.rollout.controls import Change, Controls
from tickover.rollout.stages import DURABLE, INLINE, Control, Stage, Step

_log = structlog.stdlib.get_logger("tickover.rollout")
_NOTHING = ""
_CANARY = re.compile(r"canary\s+(\d{1,3})\s*%?")
BY = "openfeature"
"""Who changed a control, where the service did."""


class SuppliedControls:
    """What is set for each function, after the flag service was asked.

    Args:
        controls: where it is stored.
        client: of OpenFeature.
        timeout: seconds that all flags of a tick together may take.
    """

    def __init__(self, controls: Controls, client: OpenFeatureClient, timeout: float = 0.5) -> None:
        self._controls = controls
        self._client = client
        self._timeout = timeout

    async def read(self, functions: Sequence[str]) -> dict[str, Control]:
        """What is set for these functions now; where the service wants something else, that was stored first."""
        controls, supplied = await asyncio.gather(self._controls.read(functions), self._ask(functions))
        for function, step in supplied.items():
            if _differs(controls[function], step):
                controls |= await self._follow(controls[function], step)
        return controls

    async def _follow(self, control: Control, step: Step) -> dict[str, Control]:
        """Store what the service wants, where that is allowed; what is stored then."""
        # What nobody has moved begins inline, whatever the service wants in the end.
        to = INLINE if control.step is None else step
        change = Change(control, to, "rollout.supplied", BY, f"the flag {_key(control.function)} says {step}")
        try:
            return await self._controls.change([change])
        except ControlError as error:  # a move that is not allowed, or somebody else's came first
            _log.warning("openfeature.not_followed", function=control.function, reason=str(error))
            return {}

    async def _ask(self, functions: Sequence[str]) -> dict[str, Step]:
        """What the service says, as far as it says anything."""
        try:
            async with asyncio.timeout(self._timeout):
                said = await asyncio.gather(*(asyncio.to_thread(self._said, function) for function in functions))
        except TimeoutError:
            _log.warning("openfeature.failed", reason=f"no answer within {self._timeout:g} s; what is stored counts")
            return {}
        return {function: step for function, step in zip(functions, said, strict=True) if step is not None}

    def _said(self, function: str) -> Step | None:
        """What it says of one function; None where it fails, says nothing, or what nobody understands."""
        context = EvaluationContext(targeting_key=function)
        reason: str | None
        try:
            details = self._client.get_string_details(_key(function), _NOTHING, context)
            step = parse_step(details.value)
            reason = None if details.error_code is None else details.error_message or str(details.error_code)
        except Exception as error:  # noqa: BLE001 - whatever a provider raises: what is stored counts
            step, reason = None, f"{type(error).__name__}: {error}"
        if reason is not None:
            _log.warning("openfeature.failed", flag=_key(function), reason=reason)
        return step


def parse_step(said: str) -> Step | None:
    """A step as a flag says it; None where it says nothing.

    Raises:
        ValueError: it is none of `inline`, `shadow`, `canary 5` and `durable`.
        ControlError: a canary of so much percent does not exist.
    """
    word = said.strip().lower()
    if word == _NOTHING:
        return None
    canary = _CANARY.fullmatch(word)
    if canary is not None:
        return Step(Stage.CANARY, int(canary[1]))
    if word in {Stage.INLINE, Stage.SHADOW, Stage.DURABLE}:
        return Step(Stage(word))
    raise ValueError(f"{said!r} is no stage; say inline, shadow, canary 5, or durable")


def _key(function: str) -> str:
    return f"tickover.{function}"


def _differs(control: Control, step: Step) -> bool:
    """Whether the service wants something else; a hold is not its to lift, and what nobody moves is durable already."""
    return not control.held and step != (control.step or DURABLE)
