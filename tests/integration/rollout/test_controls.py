import asyncio
from itertools import product

import pytest

from tests.integration.conftest import Rows
from tests.integration.rollout.conftest import put
from tickover.errors import ControlError
from tickover.rollout.controls import Change, Controls
from tickover.rollout.stages import CANARIES, DURABLE, INLINE, MOVES, SHADOW, Control, Step

STEPS = (INLINE, SHADOW, CANARIES[0], DURABLE)


def change(before: Control, step: Step, reason: str = "a test") -> Change:
    """A change that a test makes."""
    return Change(before, step, "rollout.advanced", "ada", reason, evidence={"gates": []})


async def test_what_nobody_has_set_has_no_stage(controls: Controls) -> None:
    """Also where its row is there already, because inline work has locked it."""
    assert await controls.read(["process"]) == {"process": Control("process")}


async def test_i7_a_change_stands_with_its_audit_row(controls: Controls, rows: Rows) -> None:
    """Who, when, why, from where to where, and the evidence it stood on."""
    await put(controls, "process", SHADOW)
    before = (await controls.read(["process"]))["process"]
    after = (await controls.change([change(before, CANARIES[0], "it agrees")]))["process"]
    assert (after.step, after.version, after.reason) == (CANARIES[0], before.version + 1, "it agrees")
    (told,) = rows("SELECT subject, by, reason, evidence FROM tickover.audit WHERE action = 'rollout.advanced'")
    evidence = {"from": "shadow", "to": "canary 5 %", "version": after.version, "gates": []}
    assert told == {"subject": "process", "by": "ada", "reason": "it agrees", "evidence": evidence}


async def test_of_two_changes_at_once_one_is_refused(controls: Controls, rows: Rows) -> None:
    """Compare and set: the second has decided on what is no more; nothing of it is kept."""
    before = await put(controls, "process", SHADOW)
    results = await asyncio.gather(
        *(controls.change([change(before, CANARIES[0], f"by {n}")]) for n in range(5)), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, ControlError)]
    assert len(refused) == 4
    assert "changed by somebody else" in str(refused[0])
    assert rows("SELECT count(*) AS n FROM tickover.audit WHERE action = 'rollout.advanced'") == [{"n": 1}]


async def test_the_first_change_is_compared_as_well(controls: Controls) -> None:
    """A row that does not exist has version 0 for one caller only."""
    nothing = Control("process")
    await controls.change([change(nothing, INLINE)])
    with pytest.raises(ControlError, match="somebody else"):
        await controls.change([change(nothing, INLINE)])


@pytest.mark.parametrize(("before", "after"), list(product((None, *STEPS), STEPS)))
async def test_a_move_that_is_not_in_the_table_changes_nothing(
    controls: Controls, rows: Rows, before: Step | None, after: Step
) -> None:
    """Each is tried, and what is refused leaves neither a change nor an audit row."""
    stands = Control("process") if before is None else await put_anywhere(controls, rows, before)
    if before == after or after.stage in MOVES[None if before is None else before.stage]:
        assert (await controls.change([change(stands, after)]))["process"].step == after
        return
    with pytest.raises(ControlError, match="may not move to"):
        await controls.change([change(stands, after)])
    assert (await controls.read(["process"]))["process"] == stands
    assert rows("SELECT count(*) AS n FROM tickover.audit WHERE action = 'rollout.advanced'") == [{"n": 0}]


async def put_anywhere(controls: Controls, rows: Rows, step: Step) -> Control:
    """A function at a step, whatever leads there."""
    rows(
        "INSERT INTO tickover.control (function, stage, percent, version, changed_by, reason, changed_at) "
        "VALUES ('process', %s, %s, 7, 'ada', 'a test', now())",
        str(step.stage),
        step.percent,
    )
    return (await controls.read(["process"]))["process"]


async def test_all_changes_of_one_call_are_made_or_none(controls: Controls) -> None:
    """One of two functions was changed in between: the other stays as it is."""
    stale = Control("maintain")
    await controls.change([change(stale, INLINE)])
    with pytest.raises(ControlError):
        await controls.change([change(Control("process"), INLINE), change(stale, INLINE)])
    assert (await controls.read(["process"]))["process"].step is None


async def test_evidence_counts_from_when_a_function_came_to_stand_there(controls: Controls, rows: Rows) -> None:
    """A change that leaves it there, as switching auto does, does not begin anew."""
    before = await put(controls, "process", SHADOW)
    rows("UPDATE tickover.control SET changed_at = changed_at - interval '1 hour'")
    (since,) = (row["changed_at"] for row in rows("SELECT changed_at FROM tickover.control WHERE function = 'process'"))
    after = (await controls.change([change(before, SHADOW)]))["process"]
    assert after.changed_at == since
    assert ((await controls.change([change(after, CANARIES[0])]))["process"].changed_at or since) > since
