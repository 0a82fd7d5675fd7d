"""`@pytest.mark.inngest(…)`: how a test would have its engine. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Self

import pytest

from tickover.errors import SettingsError

LINE = "inngest(app_id, keys, retry_interval, call_timeout, port): how the engine of tickover.testing is to run"
"""What `pytest --markers` shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a test would have its engine.

    Args:
        app_id: of `inngest_client`.
        keys: an event key and a signing key are wanted and calls are signed, as by Inngest in production.
        retry_interval: seconds between attempts; None for the real delays, 15 s and more.
        call_timeout: seconds a call to the application may take.
        port: of the engine; 0 for one that is free.
    """

    app_id: str = "test"
    keys: bool = False
    retry_interval: float | None = 0.0
    call_timeout: float = 30.0
    port: int = 0

    @classmethod
    def of(cls, marks: Iterable[pytest.Mark]) -> Self:
        """What the marks of a test say together, the closest of them first; it wins over those of class and module.

        Raises:
            SettingsError: a mark says something else.
        """
        wishes: dict[str, object] = {}
        known = [field.name for field in fields(cls)]
        for mark in marks:
            if mark.args or not mark.kwargs.keys() <= set(known):
                raise SettingsError(f"the mark `inngest` takes {', '.join(known)}, each by its name; not {_said(mark)}")
            wishes = dict(mark.kwargs) | wishes
        return cls(**wishes)  # type: ignore[arg-type] # the values are the user's


def _said(mark: pytest.Mark) -> str:
    named = (f"{name}={value!r}" for name, value in mark.kwargs.items())
    return f"({', '.join([*map(repr, mark.args), *named])})"
