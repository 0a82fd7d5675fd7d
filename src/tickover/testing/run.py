"""A run as a test sees it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

Status = Literal["Queued", "Running", "Completed", "Failed"]
"""As Inngest's REST API names them."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a function.

    Args:
        id: its id.
        function: the id of the application and of the function: `test-welcome`.
        status: where it stands.
        output: what the function returned; None unless it completed.
        error: the message of what it failed with; None unless it failed.
        steps: the names of the steps that ended, failed for good or began to sleep, in that order.
    """

    id: str
    function: str
    status: Status
    output: Any
    error: str | None
    steps: tuple[str, ...]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """A run from its row."""
        status: Status = row["state"].capitalize()
        failed = status == "Failed"
        return cls(
            id=row["id"],
            function=row["function_id"],
            status=status,
            output=None if failed else row["output"],
            error=_message(row["output"]) if failed else None,
            steps=tuple(row["steps"]),
        )


def _message(output: Any) -> str:
    """What a failed run says: its output is the error, as the application answered it."""
    return str(output.get("message") if isinstance(output, dict) else output)
