"""Back to inline: in every replica, at once, and nothing is lost or done twice on the way."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.conftest import Probe, Rows, Serve
from tests.integration.rollout.conftest import put
from tests.integration.test_circuit import let_pass
from tests.integration.test_durable import call, fresh
from tests.integration.test_with_engine import Deploy
from tests.waiting import eventually
from tickover import Run, Summary
from tickover.errors import ControlError
from tickover.ledger.states import Path
from tickover.rollout.controls import Change, Controls
from tickover.rollout.stages import CANARIES, DURABLE, INLINE, SHADOW, Step, is_chosen
from tickover.verify.diagnosis import diagnose
from tickover.verify.links import Verdict

FUNCTIONS = ["process", "maintain"]
ON = {"BACKGROUND_JOBS_USE_INNGEST": "true", "INNGEST_BASE_URL": "http://127.0.0.1:9", "TICKOVER_SEND_TIMEOUT": "0.3"}


def seen(condition: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    """A condition as it is waited for."""

    async def ask() -> bool:
        return condition()

    return ask


def paths(answer: Any) -> dict[str, str]:
    """By which path each function of a tick goes."""
    return {report["function"]: report["path"] for report in answer.json()["functions"]}


@pytest.mark.parametrize("step", [INLINE, SHADOW])
async def test_i7_a_function_that_stands_back_is_inline_at_the_next_tick(
    serve: Serve, controls: Controls, step: Step
) -> None:
    """The other one of the route still goes its own way; here that is a fallback, for no engine listens."""
    site = await serve(**ON)
    assert set(paths(await site.tick("t1")).values()) == {"fallback"}
    await put(controls, "process", step)
    answer = await site.tick("t2")
    assert paths(answer) == {"process": "inline", "maintain": "fallback"}
    assert "process: set by ada: a test" in answer.json()["reason"] or answer.json()["mode"] == "fallback"


async def test_i7_the_flag_and_the_forcing_switch_stand_above_what_is_set(serve: Serve, controls: Controls) -> None:
    """Durable is set for both functions: off is inline all the same, and so is forced."""
    for function in FUNCTIONS:
        await put(controls, function, DURABLE)
    off = await serve(**ON | {"BACKGROUND_JOBS_USE_INNGEST": "false"})
    answer = await off.tick("t1")
    assert (answer.json()["mode"], answer.json()["reason"]) == ("inline", "BACKGROUND_JOBS_USE_INNGEST is off")
    forced = await serve(**ON, BACKGROUND_JOBS_FORCE_INLINE="true")
    assert (await forced.tick("t2")).json()["reason"] == "BACKGROUND_JOBS_FORCE_INLINE is on"


async def test_i7_a_canary_takes_the_same_ticks_in_every_replica(deploy: Deploy, controls: Controls) -> None:
    """Those that the hash of the dispatch key chooses, whichever replica is called."""
    deployment = await deploy()
    await put(controls, "process", CANARIES[1])
    for n in range(12):
        key = f"t{n}"
        answer = await deployment.tick(key)
        chosen = is_chosen(25, f"background-jobs:v1:id:{key}", "process")
        assert paths(answer)["process"] == ("durable" if chosen else "inline")
    ended = await deployment.ended(24)
    assert {row["state"] for row in ended} == {"succeeded"}
    assert {row["path"] for row in ended if row["function"] == "maintain"} == {"durable"}


async def test_f13_a_tick_whose_functions_go_different_ways_has_no_broken_link(
    deploy: Deploy, controls: Controls
) -> None:
    """One inline and one durable: `tickover diagnose` holds each to its own way, and takes no event for the other's."""
    deployment = await deploy()
    await put(controls, "process", INLINE)
    await deployment.tick("t1")
    await deployment.ended()
    found = await diagnose(deployment.tickover, "background-jobs:v1:id:t1")
    bad = [
        (link.function, link.name, link.seen)
        for link in found.links
        if link.verdict in {Verdict.BROKEN, Verdict.UNKNOWN}
    ]
    assert bad == []
    assert {link.verdict for link in found.links if link.function == "process" and "event" in link.name} == {
        Verdict.NOT_NEEDED
    }
    assert any(link.function == "maintain" and link.verdict is Verdict.OK for link in found.links)


async def test_i7_two_replicas_and_a_rollback_in_between(deploy: Deploy, controls: Controls, rows: Rows) -> None:
    """From the moment it is committed no tick that begins later goes durable, in either, while both fire steadily."""
    one, other = await deploy(), await deploy()
    stop = asyncio.Event()

    async def fire(deployment: Any, name: str) -> None:
        for n in range(1000):
            if stop.is_set():
                return
            await deployment.tick(f"{name}-{n}")

    firing = asyncio.gather(fire(one, "one"), fire(other, "other"))
    accepted = "SELECT 1 FROM tickover.obligation WHERE accepted_at IS NOT NULL"
    await eventually(seen(lambda: len(rows(accepted)) >= 8))
    await one.tickover.rollback.roll_back(FUNCTIONS, "ada", "a test")
    (committed,) = (row["at"] for row in rows("SELECT clock_timestamp() AS at"))
    later = "SELECT 1 FROM tickover.tick WHERE requested_at > %s"
    await eventually(seen(lambda: len(rows(later, committed)) > 10))
    stop.set()
    await firing
    found = rows(
        "SELECT o.accepted_at IS NOT NULL AS accepted, t.requested_at > %s AS later FROM tickover.obligation o "
        "JOIN tickover.tick t ON t.id = o.tick_id WHERE o.accepted_at IS NOT NULL OR t.requested_at > %s",
        committed,
        committed,
    )
    assert [row for row in found if row["accepted"] and row["later"]] == []
    assert len([row for row in found if row["later"]]) > 10
    await one.tick("the-last")

    async def all_done() -> bool:
        return {row["state"] for row in rows("SELECT DISTINCT state FROM tickover.obligation")} <= {
            "succeeded",
            "covered",
        }

    await eventually(all_done)
    assert (await controls.read(FUNCTIONS))["process"].held


async def test_i8_accepted_and_unstarted_events_do_no_harm_when_they_wake(
    deploy: Deploy, probe: Probe, rows: Rows
) -> None:
    """Three ticks wait behind a run that holds the function's only slot; after the rollback none of them is run."""
    deployment, gate = await deploy(), asyncio.Event()

    async def hold(run: Run) -> Summary:
        if run.path is Path.DURABLE:
            await gate.wait()
        return Summary()

    probe.bodies["queue-drain"] = hold
    await deployment.tick("t1")
    await eventually(seen(lambda: "queue-drain" in probe.ran()))
    for key in ("t2", "t3", "t4"):
        await deployment.tick(key)
    rolled_back = await deployment.tickover.rollback.roll_back(["process"], "ada", "a test")
    assert rolled_back.withdrawn == 3
    assert [(o.function, o.dispatch_key[-2:]) for o in rolled_back.half_done] == [("process", "t1")]
    settling = await deployment.tickover.rollback.settling(rolled_back)
    assert (settling.running, settling.is_settled) == ({"process": 1}, False)
    gate.set()
    await eventually(seen(lambda: not rows("SELECT 1 FROM tickover.obligation WHERE state = 'running'")))
    before = probe.ran().count("queue-drain")
    await deployment.tick("t5")
    await deployment.tick("t6")
    assert probe.ran().count("queue-drain") == before + 2
    ended = rows("SELECT state, path FROM tickover.obligation WHERE function = 'process' ORDER BY id")
    assert [(row["state"], row["path"]) for row in ended] == [
        ("succeeded", "durable"), ("covered", None), ("covered", None), ("covered", None),
        ("succeeded", "inline"), ("succeeded", "inline"),
    ]  # fmt: skip
    assert (await deployment.tickover.rollback.settling(rolled_back)).is_settled


async def test_i8_what_was_half_done_is_taken_over_and_told(deploy: Deploy, probe: Probe, rows: Rows) -> None:
    """A durable attempt has done one of two responsibilities, and would be made again: the next inline tick does it."""
    deployment = await deploy()

    async def fail(_: Run) -> Summary:
        raise OSError("no disk")

    probe.bodies["queue-health"] = fail
    rows("INSERT INTO tickover.control (function) VALUES ('maintain')")
    await deployment.tick("t1")
    retrying = "SELECT 1 FROM tickover.obligation WHERE function = 'maintain' AND state = 'retrying'"
    await eventually(seen(lambda: bool(rows(retrying))))
    rolled_back = await deployment.tickover.rollback.roll_back(["maintain"], "ada", "a test")
    del probe.bodies["queue-health"]
    (half,) = rolled_back.half_done
    assert list(half.done) == ["prune"]
    await deployment.tick("t2")
    (taken,) = (await deployment.tickover.rollback.settling(rolled_back)).taken_over
    assert (taken.state, taken.path, taken.by_tick[-2:]) == ("covered", "inline", "t2")
    assert set(taken.summaries) == {"prune", "queue-health"}


@pytest.mark.parametrize("step", [INLINE, SHADOW])
async def test_i3_a_run_that_begins_after_the_rollback_claims_nothing(
    serve: Serve, probe: Probe, controls: Controls, rows: Rows, step: Step
) -> None:
    """Its event was accepted before: the call is answered that the function was rolled back, and not retried."""
    site, key = await fresh(serve, probe, rows)
    await put(controls, "process", step)
    answer = await call(site, "process", key)
    assert (answer.status_code, answer.json()["status"]) == (200, "skipped")
    assert "rolled back" in answer.json()["reason"]
    (owed,) = rows(
        "SELECT state, accepted_at, start_by <= now() AS late FROM tickover.obligation WHERE function = 'process'"
    )
    assert owed == {"state": "owed", "accepted_at": None, "late": True}
    assert probe.ran() == []
    assert (await call(site, "maintain", key)).json()["status"] == "succeeded"


async def test_i3_the_next_attempt_of_a_run_finds_itself_rolled_back(
    serve: Serve, probe: Probe, controls: Controls, rows: Rows
) -> None:
    """Its first attempt failed before the rollback; nobody waits until the engine would have given up."""
    site, key = await fresh(serve, probe, rows)

    async def fail(_: Run) -> Summary:
        raise OSError("no disk")

    probe.bodies["prune"] = fail
    await call(site, "maintain", key)
    await put(controls, "maintain", INLINE)
    answer = await call(site, "maintain", key, attempt=1)
    assert (answer.status_code, answer.json()["status"]) == (200, "skipped")
    late = "SELECT state, tickover.is_late(o) AS late FROM tickover.obligation o WHERE function = 'maintain'"
    assert rows(late) == [{"state": "retrying", "late": True}]
    del probe.bodies["prune"]
    await site.tick("next")
    assert {row["state"] for row in rows("SELECT state FROM tickover.obligation WHERE function = 'maintain'")} == {
        "covered",
        "succeeded",
    }


async def test_i2_a_run_that_died_before_the_rollback_is_taken_over_by_the_next_tick(
    serve: Serve, probe: Probe, controls: Controls, rows: Rows
) -> None:
    """Its lease has expired, and the engine would be refused: nobody waits for the function's deadline."""
    site, _ = await fresh(serve, probe, rows)
    rows(
        "UPDATE tickover.obligation SET state = 'running', path = 'durable', run_id = 'run-1', fence = 1, attempt = 1, "
        "lease_expires_at = now() - interval '1 s', finish_by = now() + interval '1 hour' WHERE function = 'process'"
    )
    assert [overdue.function for overdue in await site.tickover.handler._watchdog.look()] == []
    await put(controls, "process", INLINE)
    await site.tick("next")
    states = rows("SELECT state, path FROM tickover.obligation WHERE function = 'process' ORDER BY id")
    assert [row["state"] for row in states] in (["covered", "succeeded"], ["succeeded", "succeeded"])


async def test_i8_events_that_are_accepted_after_the_rollback_stay_owed(
    serve: Serve, controls: Controls, rows: Rows
) -> None:
    """The tick was on its way when the control changed: what it owes waits for the next inline run, and no engine."""
    site = await serve()
    await site.tick("t1")
    rows(
        "UPDATE tickover.obligation SET state = 'owed', path = NULL, attempt = 0, started_at = NULL, finished_at = NULL"
    )
    await put(controls, "process", INLINE)
    ledger = site.tickover.handler._ledger
    minute = timedelta(minutes=1)
    await ledger.accept("background-jobs:v1:id:t1", ["e1", "e2"], {"process": minute, "maintain": minute})
    assert rows("SELECT function, state FROM tickover.obligation ORDER BY id") == [
        {"function": "process", "state": "owed"},
        {"function": "maintain", "state": "accepted"},
    ]


async def test_what_a_rollback_took_back_says_nothing_about_the_engine(
    serve: Serve, controls: Controls, rows: Rows
) -> None:
    """The circuit does not open because of it, now or when the function goes forward again."""
    site = await serve(**ON)
    for n in range(4):
        await site.tick(f"t{n}")
    rows("UPDATE tickover.tick SET error = NULL, event_ids = '{e}'")
    rows("UPDATE tickover.obligation SET state = 'accepted', path = NULL, accepted_at = now()")
    await site.tickover.rollback.roll_back(FUNCTIONS, "ada", "a test")
    let_pass(rows, "1 hour")
    circuit = (await site.tickover.breaker.look("background-jobs")).circuit
    assert (str(circuit.state), circuit.evidence) == ("closed", [])
    assert (await controls.read(FUNCTIONS))["process"].step == INLINE


async def test_a_rollback_wins_whoever_else_changes_the_control(serve: Serve, controls: Controls) -> None:
    """It is asked for beside ten other changes, and stands in the end."""
    site = await serve()
    before = await put(controls, "process", SHADOW)

    async def advance() -> None:
        with suppress(ControlError):
            await controls.change([Change(before, CANARIES[0], "test.put", "eve", "a test")])

    await asyncio.gather(
        site.tickover.rollback.roll_back(["process"], "ada", "a test"), *(advance() for _ in range(10))
    )
    after = (await controls.read(["process"]))["process"]
    assert (after.step, after.held, after.rolled_back, after.changed_by) == (INLINE, True, True, "ada")
