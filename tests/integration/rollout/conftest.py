"""Moving the probe application's functions."""

import pytest

from tests.integration.test_with_engine import deploy
from tickover.database import Database
from tickover.rollout.controls import Change, Controls
from tickover.rollout.stages import CANARIES, DURABLE, INLINE, Control, Step

__all__ = ["deploy"]  # a fixture


@pytest.fixture
def controls(database: Database) -> Controls:
    """What is set in the test's database."""
    return Controls(database)


async def put(controls: Controls, function: str, step: Step) -> Control:
    """Set a function to a step, along whatever moves lead there."""
    for following in (INLINE, *([CANARIES[0]] if step == DURABLE else []), step):
        before = (await controls.read([function]))[function]
        if before.step != step:
            await controls.change([Change(before, following, "test.put", "ada", "a test")])
    return (await controls.read([function]))[function]
