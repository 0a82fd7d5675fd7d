"""The rows of control: read at every tick, changed by compare-and-set, every change with its audit row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from tickover.database import Async, Database
from tickover.errors import ControlError
from tickover.rollout.stages import Control, Step, require_move
from tickover.sql import statement


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one function's control.

    Args:
        before: what it stands on; it is refused where another change came since.
        step: where the function is to stand.
        action: its name in the audit, `rollout.advanced` and the like.
        by: who makes it.
        reason: why.
        held: whether the function is held then.
        auto: whether it advances by itself then; None leaves that as it is.
        rolled_back: whether its next step forward is the first canary then.
        evidence: the figures and verdicts it stands on, JSON values only.
    """

    before: Control
    step: Step
    action: str
    by: str
    reason: str
    held: bool = False
    auto: bool | None = None
    rolled_back: bool = False
    evidence: Mapping[str, Any] = field(default_factory=dict)


class Reads(Protocol):
    """Whatever tells what is set for each function."""

    async def read(self, functions: Sequence[str]) -> dict[str, Control]:
        """What is set for these functions now, in their order."""
        ...


class Controls:
    """What is set for each function.

    Args:
        database: where it stands; Redis plays no part in it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, functions: Sequence[str]) -> dict[str, Control]:
        """What is set for these functions now, in their order."""
        asked = {"functions": list(functions)}
        found = await self._database.rows(Control, statement("rollout/read_controls"), asked)
        return {control.function: control for control in found}

    async def change(self, changes: Sequence[Change]) -> dict[str, Control]:
        """Make changes, all or none; what is set then.

        Raises:
            ControlError: a function may not move there, or somebody changed it since it was looked at.
        """
        changed = {}
        async with self._database.transaction() as connection:
            for change in sorted(changes, key=lambda each: each.before.function):  # in one order: no deadlock
                if change.step != change.before.step:
                    require_move(change.before, change.step)
                changed[change.before.function] = await self._change(connection, change)
        return changed

    @staticmethod
    async def _change(connection: Async, change: Change) -> Control:
        before = change.before
        parameters = {
            "function": before.function,
            "stage": change.step.stage,
            "percent": change.step.percent,
            "version": before.version,
            "by": change.by,
            "reason": change.reason,
            "held": change.held,
            "auto": before.auto if change.auto is None else change.auto,
            "rolled_back": change.rolled_back,
            "action": change.action,
            "evidence": Jsonb(dict(change.evidence)),
            "before": None if before.step is None else str(before.step),
            "after": str(change.step),
        }
        async with connection.cursor(row_factory=class_row(Control)) as cursor:
            await cursor.execute(statement("rollout/change_control"), parameters)
            control = await cursor.fetchone()
        if control is None:
            raise ControlError(f"{before.function} was changed by somebody else just now: look again, then decide")
        return control
