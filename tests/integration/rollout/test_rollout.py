"""Forward on evidence, back on evidence, by hand and by itself; the evidence stands in the ledger."""

import asyncio

import httpx
import pytest

from tests.integration.conftest import SECRET, Rows, Serve, Site
from tests.integration.rollout.conftest import put
from tickover.errors import ControlError
from tickover.rollout.controller import Standing
from tickover.rollout.controls import Controls
from tickover.rollout.gates import Verdict
from tickover.rollout.stages import CANARIES, DURABLE, INLINE, SHADOW

PAST = """
  WITH ticks AS (
    INSERT INTO tickover.tick
      (dispatch_key, route, identity_source, mode, reason, correlation_id, event_ids, requested_at)
    SELECT 'past-' || n, 'background-jobs', 'clock', 'dispatch', '', '', '{e}', now() - n * interval '1 minute'
    FROM generate_series(%s::int, 1, -1) AS n RETURNING id, requested_at
  )
  INSERT INTO tickover.obligation
    (tick_id, function, state, path, fence, attempt, start_by, created_at, accepted_at, started_at, finished_at)
  SELECT id, 'process', 'succeeded', 'durable', 1, 1, requested_at, requested_at, requested_at, requested_at,
         requested_at + interval '1 s'
  FROM ticks
"""
FAILED = """
  UPDATE tickover.obligation SET state = 'failed', failed_durably = true
  WHERE accepted_at > now() - interval '20 minutes'
"""
MISSED = """
  UPDATE tickover.obligation SET state = 'succeeded', path = 'recovery'
  WHERE accepted_at > now() - interval '20 minutes'
"""
BAD = [(FAILED, "failure-rate"), (MISSED, "missed-starts")]
TOKEN = "an-operators-token-of-the-test-suite"


def past(rows: Rows, minutes: int = 40) -> None:
    """A tick a minute, each carried out durably, since a function came to stand where it stands."""
    rows(PAST, minutes)
    rows("UPDATE tickover.control SET changed_at = now() - %s * interval '1 minute' - interval '1 s'", minutes)


async def standing(site: Site, function: str = "process") -> Standing:
    """Where it stands."""
    return next(s for s in await site.tickover.rollout.standings() if s.function == function)


async def test_i7_a_whole_rollout_by_hand(serve: Serve, rows: Rows) -> None:
    """Begun, shadowed, and step by step durable, where the evidence is there; each change is in the audit."""
    site = await serve()
    rollout = site.tickover.rollout
    with pytest.raises(ControlError, match="is not being moved"):
        await rollout.advance("process", "ada", "go")
    assert (await rollout.begin("process", "ada", "the rollout begins")).step == INLINE
    with pytest.raises(ControlError, match="already"):
        await rollout.begin("process", "ada", "again")
    assert (await rollout.advance("process", "ada", "go")).step == SHADOW
    with pytest.raises(ControlError, match="stays at shadow: time is inconclusive"):
        await rollout.advance("process", "ada", "go")
    assert (await rollout.advance("process", "ada", "seen elsewhere", override=True)).step == CANARIES[0]
    for step in (CANARIES[1], DURABLE):
        with pytest.raises(ControlError, match="inconclusive"):
            await rollout.advance("process", "ada", "go")
        rows("DELETE FROM tickover.tick")
        past(rows)
        assert (await rollout.advance("process", "ada", "go")).step == step
    with pytest.raises(ControlError, match="is durable: there is no step after that"):
        await rollout.advance("process", "ada", "go")
    told = rows("SELECT action, evidence ->> 'to' AS to, jsonb_array_length(evidence -> 'gates') AS gates "
                "FROM tickover.audit WHERE subject = 'process' ORDER BY id")  # fmt: skip
    assert [(row["action"], row["to"], row["gates"]) for row in told] == [
        ("rollout.begun", "inline", None), ("rollout.advanced", "shadow", 0), ("rollout.overridden", "canary 5 %", 4),
        ("rollout.advanced", "canary 25 %", 8), ("rollout.advanced", "durable", 8),
    ]  # fmt: skip
    (override,) = (await standing(site)).overrides
    assert (override.by, override.reason, override.before, override.after) == (
        "ada", "seen elsewhere", "shadow", "canary 5 %",
    )  # fmt: skip


@pytest.mark.parametrize(("evidence", "gate"), BAD)
async def test_i7_bad_evidence_keeps_a_function_where_it_is(
    serve: Serve, controls: Controls, rows: Rows, evidence: str, gate: str
) -> None:
    """The refusal names the gate and the ticks; with a reason it may go on all the same."""
    site = await serve()
    await put(controls, "process", CANARIES[0])
    past(rows)
    rows(evidence)
    with pytest.raises(ControlError, match=f"stays at canary 5 %: {gate} is fail"):
        await site.tickover.rollout.advance("process", "ada", "go")
    after = await site.tickover.rollout.advance("process", "ada", "it was the test's own", override=True)
    assert after.step == CANARIES[1]


@pytest.mark.parametrize(("evidence", "gate"), BAD)
async def test_bad_evidence_takes_a_function_back_at_the_end_of_a_tick(
    serve: Serve, controls: Controls, rows: Rows, evidence: str, gate: str
) -> None:
    """By itself, with the evidence in the audit; it is held, and every tick's answer says so until it is released."""
    site = await serve()
    await put(controls, "process", CANARIES[0])
    past(rows)
    rows(evidence)
    answer = (await site.tick("now")).json()
    after = (await controls.read(["process"]))["process"]
    assert (after.step, after.held, after.rolled_back, after.changed_by) == (INLINE, True, True, "tickover")
    assert (after.reason or "").startswith(f"{gate}: ")
    (finding,) = [f for f in answer["findings"] if f["code"] == "rolled-back"]
    assert "tickover rollout release process" in finding["remedy"]
    (told,) = rows("SELECT by, evidence FROM tickover.audit WHERE action = 'rollout.rolled_back'")
    assert (told["by"], len(told["evidence"]["windows"])) == ("tickover", 2)
    with pytest.raises(ControlError, match="is held"):
        await site.tickover.rollout.advance("process", "ada", "go", override=True)
    released = await site.tickover.rollout.release("process", "ada", "the disk was full")
    assert (released.held, released.step) == (False, INLINE)
    assert (await site.tickover.rollout.advance("process", "ada", "go")).step == CANARIES[0]


async def test_of_two_replicas_that_see_the_same_one_takes_it_back(
    serve: Serve, controls: Controls, rows: Rows
) -> None:
    """One audit row and one change, however many look at the same time."""
    sites = [await serve() for _ in range(3)]
    await put(controls, "process", CANARIES[0])
    past(rows)
    rows(FAILED)
    route = sites[0].tickover.contract.routes[0]
    found = await asyncio.gather(*(site.tickover.rollout.watch(route) for site in sites))
    assert any(found)
    assert rows("SELECT count(*) AS n FROM tickover.audit WHERE action = 'rollout.rolled_back'") == [{"n": 1}]
    assert [f.code for f in await sites[1].tickover.rollout.watch(route)] == ["rolled-back"]


async def test_a_shadow_that_ended_badly_is_to_be_seen_again(serve: Serve, controls: Controls, rows: Rows) -> None:
    """Nothing of it went the durable way yet, so no canary may come next; and while it is held nothing else is set."""
    site = await serve()
    await put(controls, "process", SHADOW)
    past(rows)
    rows(
        "INSERT INTO tickover.shadow_run (tick_id, function, sender, sent_at, start_by, send_error) "
        "SELECT id, 'process', '{}', requested_at, requested_at, 'refused' FROM tickover.tick"
    )
    await site.tick("now")
    after = (await controls.read(["process"]))["process"]
    assert (after.step, after.held, after.rolled_back) == (INLINE, True, False)
    assert (after.reason or "").startswith("parity: ")
    assert "15 of 15 shadows differ" in (after.reason or "")
    with pytest.raises(ControlError, match="is held"):
        await site.tickover.rollout.set_auto("process", "ada", "x", auto=True)
    await site.tickover.rollout.release("process", "ada", "the engine is well again")
    assert (await site.tickover.rollout.advance("process", "ada", "go")).step == SHADOW


async def test_going_back_by_itself_can_be_switched_off(serve: Serve, controls: Controls, rows: Rows) -> None:
    """The breach is shown then, and nothing is moved."""
    site = await serve(TICKOVER_AUTO_ROLLBACK="false")
    await put(controls, "process", DURABLE)
    past(rows)
    rows(FAILED)
    await site.tick("now")
    found = await standing(site)
    assert (found.control.step, found.breach is not None, found.verdict) == (DURABLE, True, Verdict.FAIL)


async def test_a_function_that_nobody_moves_is_left_alone(serve: Serve, controls: Controls, rows: Rows) -> None:
    """Nothing was set for it: its flag decides, and the circuit watches over it."""
    site = await serve()
    past(rows)
    rows(FAILED)
    await site.tick("now")
    assert (await controls.read(["process"]))["process"].step is None
    assert (await standing(site)).gates == []


async def test_with_auto_a_tick_advances_a_function_whose_gates_pass(
    serve: Serve, controls: Controls, rows: Rows
) -> None:
    """One step, by Tickover itself; without auto it stays."""
    site = await serve()
    await put(controls, "process", CANARIES[0])
    past(rows)
    await site.tick("t1")
    assert (await controls.read(["process"]))["process"].step == CANARIES[0]
    await site.tickover.rollout.set_auto("process", "ada", "at night as well", auto=True)
    again = await serve()  # another process, which has not looked yet
    await again.tick("t2")
    after = (await controls.read(["process"]))["process"]
    assert (after.step, after.changed_by, after.auto) == (CANARIES[1], "tickover", True)
    third = await serve()
    await third.tick("t3")
    assert (await controls.read(["process"]))["process"].step == CANARIES[1]


async def test_a_ledger_that_cannot_be_read_moves_nothing(serve: Serve, controls: Controls, rows: Rows) -> None:
    """The query fails: every gate is inconclusive and says why, and auto does not advance."""
    site = await serve()
    control = await put(controls, "process", CANARIES[0])
    await site.tickover.rollout.set_auto("process", "ada", "x", auto=True)
    past(rows)
    rows("ALTER TABLE tickover.tick RENAME COLUMN identity_source TO hidden")
    route = site.tickover.contract.routes[0]
    facts = await site.tickover.rollback.evidence.facts(route, route.functions[0], control)
    assert "identity_source" in (facts.unreadable or "")
    await site.tickover.rollout.watch(route)
    after = (await controls.read(["process"]))["process"]
    assert after.step == CANARIES[0]


async def test_over_http_operators_look_and_roll_back(serve: Serve, rows: Rows) -> None:
    """With their token; what they say is kept, and the next tick is inline."""
    site = await serve(TICKOVER_OPERATOR_TOKEN=TOKEN, BACKGROUND_JOBS_USE_INNGEST="true")
    shown = {"authorization": f"Bearer {TOKEN}"}
    looked = await site.client.get("/api/jobs/rollout", headers=shown)
    assert [f["inForce"] for f in looked.json()["functions"]] == ["durable", "durable"]
    answer = await site.client.post(
        "/api/jobs/rollback", headers=shown, json={"why": "the engine is odd", "function": "process", "by": "ada"}
    )
    assert (answer.status_code, answer.json()["functions"]) == (200, ["process"])
    (told,) = rows("SELECT subject, by, reason FROM tickover.audit")
    assert told == {"subject": "process", "by": "ada over HTTP", "reason": "the engine is odd"}
    tick = (await site.tick()).json()
    assert {f["function"]: f["path"] for f in tick["functions"]}["process"] == "inline"
    looked = await site.client.get("/api/jobs/rollout", headers=shown)
    (process, maintain) = looked.json()["functions"]
    assert (process["inForce"], process["held"], maintain["inForce"]) == ("inline", True, "durable")


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({}, {"why": "x"}, 401, "wrong-token"),
        ({"authorization": f"Bearer {SECRET}"}, {"why": "x"}, 401, "wrong-token"),
        ({"authorization": f"Basic {TOKEN}"}, {"why": "x"}, 401, "wrong-token"),
        ({"authorization": f"Bearer {TOKEN}"}, {}, 400, "no-reason"),
        ({"authorization": f"Bearer {TOKEN}"}, {"why": " "}, 400, "no-reason"),
        ({"authorization": f"Bearer {TOKEN}"}, {"why": 7}, 400, "no-json"),
        ({"authorization": f"Bearer {TOKEN}"}, ["why"], 400, "no-json"),
        ({"authorization": f"Bearer {TOKEN}"}, {"why": "x" * 20_000}, 413, "too-large"),
        ({"authorization": f"Bearer {TOKEN}"}, {"why": "x", "function": "none"}, 404, "unknown-function"),
    ],
)
async def test_a_request_that_may_not_roll_back_changes_nothing(
    serve: Serve, rows: Rows, headers: dict[str, str], body: object, status: int, code: str
) -> None:
    """Tried: no token, the cron secret, another scheme, no reason, no object, too much, and a function there is not."""
    site = await serve(TICKOVER_OPERATOR_TOKEN=TOKEN)
    answer = await site.client.post("/api/jobs/rollback", headers={"authorization": ""} | headers, json=body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:tickover:problem:{code}")
    assert rows("SELECT 1 FROM tickover.audit") == []


async def test_without_a_token_nobody_rolls_back_over_http(serve: Serve) -> None:
    """The answer says what to set, and what to use instead."""
    site = await serve()
    for answer in (
        await site.client.get("/api/jobs/rollout"),
        await site.client.post("/api/jobs/rollback", content=b"{"),
    ):
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:tickover:problem:no-token-configured")
        assert "tickover rollback" in answer.json()["detail"]


async def test_a_body_that_is_no_json_is_refused(serve: Serve) -> None:
    """With what to send instead."""
    site = await serve(TICKOVER_OPERATOR_TOKEN=TOKEN)
    answer: httpx.Response = await site.client.post(
        "/api/jobs/rollback", headers={"authorization": f"Bearer {TOKEN}"}, content=b'{"why": '
    )
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:tickover:problem:no-json")
