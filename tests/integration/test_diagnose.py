"""`tickover diagnose` with a real ledger, a real Valkey and a real engine in keys mode: each break is named."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.integration.conftest import Probe, Rows, Serve, probe_contract
from tests.integration.test_circuit import DEAD_ENGINE, let_pass
from tests.integration.test_with_engine import Deploy, Deployment, deploy
from tests.integration.test_wrong_signing_key import KEY as RIGHT_KEY
from tests.integration.test_wrong_signing_key import World, world
from tests.ports import free_port
from tickover import Run, Summary, Tickover
from tickover.errors import EnvironmentStateError
from tickover.settings import Settings
from tickover.verify.diagnosis import Diagnosis, diagnose
from tickover.verify.links import Link, Verdict
from tickover.verify.records import LOOKED_AT

__all__ = ["deploy", "world"]  # fixtures

KEY = "background-jobs:v1:id:"


async def look(probe: Probe, key: str | None = None, **environment: str) -> Diagnosis:
    """Diagnose as the command does: from the environment, in a process that is not the application's."""
    patch = pytest.MonkeyPatch()
    for name, value in environment.items():
        patch.setenv(name, value)
    tickover = Tickover(probe_contract(probe), app_id="probe", settings=Settings.read())
    patch.undo()
    await tickover.open()
    try:
        return await diagnose(tickover, key)
    finally:
        await tickover.close()


def verdicts(links: Sequence[Link], name: str) -> set[Verdict]:
    """What is thought of a link, of all functions."""
    return {link.verdict for link in links if link.name == name}


def answer(found: Diagnosis) -> tuple[str, str]:
    """The first broken link, and what to do."""
    assert found.broken is not None, [(link.name, link.verdict, link.seen) for link in found.links]
    return found.broken.name, found.broken.remedy or ""


def wants(found: Diagnosis, name: str, remedy: str) -> None:
    """This link is the answer, with this in its remedy."""
    said = answer(found)
    assert said[0] == name, said
    assert remedy in said[1]


async def fault(deployment: Deployment, kind: str, **options: Any) -> None:
    """Let the engine fail so."""
    answered = await deployment.client.post(f"{deployment.engine}/faults", json={"kind": kind, **options})
    assert answered.status_code == 201, answered.text


async def test_a_tick_that_went_well_has_no_broken_link(deploy: Deploy, probe: Probe) -> None:
    """Every link of both functions holds, by the ledger's word and by the engine's own."""
    deployment = await deploy()
    await deployment.tick()
    await deployment.ended()
    found = await look(probe)
    assert {link.verdict for link in found.links} == {Verdict.OK}, found.links
    assert "all went well" in found.why
    assert len(found.links) == 4 + 2 * 8 + 3  # shared; of each function; responsibilities


async def test_f02_a_wrong_signing_key_is_named(world: World, probe: Probe) -> None:
    """The engine calls us and we answer 401: check INNGEST_SIGNING_KEY; before the recovery, and after it."""
    world.url.current = world.wrong
    await world.tick("t1")
    await world.given_up()
    wants(await look(probe, KEY + "t1"), "signature accepted", "the engine calls this application and is answered 401")
    let_pass(world.rows, "4 minutes")
    await world.tick("t2")
    found = await look(probe, KEY + "t1")
    wants(found, "signature accepted", "INNGEST_SIGNING_KEY")
    assert verdicts(found.links, "claim won") == {Verdict.OK}
    assert any("our INNGEST_SIGNING_KEY is not one of its own" in link.seen for link in found.links)
    assert [finding.code for finding in found.findings] == ["calls-refused"]


async def test_f02_the_engines_own_word_names_it_when_no_refusal_is_on_record(world: World, probe: Probe) -> None:
    """The counters are long forgotten; the run that failed still says 401."""
    world.url.current = world.wrong
    await world.tick("t1")
    await world.given_up()
    world.rows("DELETE FROM tickover.refusal")
    found = await look(probe, KEY + "t1", INNGEST_SIGNING_KEY=RIGHT_KEY)
    wants(found, "signature accepted", "INNGEST_SIGNING_KEY")
    assert verdicts(found.links, "event known to the engine") == {Verdict.OK}


async def test_a_wrong_event_key_is_named(deploy: Deploy, probe: Probe) -> None:
    """The send is the first broken link; what came after it was done by the fallback."""
    deployment = await deploy(INNGEST_EVENT_KEY="another-key")
    await deployment.tick()
    found = await look(probe)
    wants(found, "send", "INNGEST_EVENT_KEY")
    assert "did not go well" in found.why
    assert verdicts(found.links, "event known to the engine") == {Verdict.NOT_REACHED}
    assert verdicts(found.links, "claim won") == verdicts(found.links, "result recorded") == {Verdict.OK}


async def test_an_engine_that_is_down_is_named(serve: Serve, probe: Probe, valkey_url: str) -> None:
    """Nobody listens there; later ticks are inline, for the circuit is open, and their send is not needed."""
    site = await serve(**DEAD_ENGINE, REDIS_URL=valkey_url)
    for key in ("t1", "t2", "t3", "t4"):
        await site.tick(key)
    found = await look(probe)
    wants(found, "send", "INNGEST_BASE_URL")
    assert found.tick is not None
    assert found.tick.dispatch_key == KEY + "t3"
    inline = await look(probe, KEY + "t4")
    (send,) = [link for link in inline.links if link.name == "send"]
    assert (send.verdict, send.seen) == (Verdict.NOT_NEEDED, "the circuit is open: 3 sends failed in a row (refused)")
    assert inline.broken is None
    assert inline.circuits["background-jobs"].state == "open"


async def test_f06_a_function_that_the_engine_has_forgotten_is_named(deploy: Deploy, probe: Probe) -> None:
    """It takes the event and knows no function: said at once, long before anything is late."""
    deployment = await deploy()
    await fault(deployment, "registration-forgotten")
    await deployment.tick()
    found = await look(probe, KEY + "t1")
    wants(found, "function registered at the URL we serve", "sync this deployment")
    assert verdicts(found.links, "event known to the engine") == {Verdict.OK}
    assert verdicts(found.links, "call reached us") == {Verdict.NOT_REACHED}


async def test_r03_a_function_registered_elsewhere_is_named(deploy: Deploy, probe: Probe) -> None:
    """The engine would call another host than the one that is served."""
    deployment = await deploy()
    await fault(deployment, "call-never")
    await deployment.tick()
    found = await look(probe, KEY + "t1", INNGEST_SERVE_ORIGIN="https://we.example")
    wants(found, "function registered at the URL we serve", "https://we.example/api/inngest")


async def test_f05_a_run_that_is_never_called_is_named(deploy: Deploy, probe: Probe, rows: Rows) -> None:
    """Unknown while it may still come; the missing call, once it is late; and still so when recovery did the work."""
    deployment = await deploy()
    await fault(deployment, "call-never")
    await deployment.tick()
    early = await look(probe, KEY + "t1", INNGEST_SERVE_ORIGIN=str(deployment.client.base_url).rstrip("/"))
    assert early.broken is None
    (environment,) = [link for link in early.links if link.name == "environment allowed"]
    assert "serves 2 functions in mode cloud" in environment.seen
    assert verdicts(early.links, "call reached us") == {Verdict.UNKNOWN}
    let_pass(rows, "4 minutes")
    wants(await look(probe), "call reached us", "look whether the engine reaches")
    await deployment.tick("t2")
    late = await look(probe, KEY + "t1")
    wants(late, "call reached us", "")
    assert verdicts(late.links, "result recorded") == {Verdict.OK}


async def test_f11_a_deduplicated_event_is_no_loss(deploy: Deploy, probe: Probe, rows: Rows) -> None:
    """The engine took it for a repeat of another's; recovery, or a later run, did the work, and no link is broken."""
    deployment = await deploy()
    await deployment.tick()
    await deployment.ended()
    rows("DELETE FROM tickover.tick")  # so the same tick is new here, and known to the engine
    await deployment.tick()
    let_pass(rows, "4 minutes")
    wants(await look(probe), "call reached us", "two deployments")
    await deployment.tick("t2")
    found = await look(probe, KEY + "t1")
    assert found.broken is None, answer(found)
    said = [link.seen for link in found.links if link.name == "deduplicated"]
    assert len(said) == 2
    assert all("no loss" in text and text.endswith("did its work") for text in said), said


async def test_a_failing_responsibility_is_named(serve: Serve, probe: Probe, valkey_url: str) -> None:
    """Which one, with its error; the other function is well."""
    site = await serve(REDIS_URL=valkey_url)

    async def fail(_: Run) -> Summary:
        raise OSError("disk full")

    probe.bodies["prune"] = fail
    await site.tick()
    found = await look(probe)
    wants(found, "responsibility prune", "deliver the tick again")
    assert found.broken is not None
    assert found.broken.function == "maintain"
    assert "disk full" in found.broken.seen
    assert verdicts(found.links, "result recorded") == {Verdict.OK, Verdict.NOT_REACHED}


async def test_a_lease_that_another_tick_holds_is_named(
    serve: Serve, probe: Probe, rows: Rows, valkey_url: str
) -> None:
    """The function runs for another tick; whoever ends next does this one's work."""
    site = await serve(REDIS_URL=valkey_url)
    await site.tick("t1")
    rows("UPDATE tickover.obligation SET state = 'running', lease_expires_at = now() + interval '1 minute'")
    await site.tick("t2")
    found = await look(probe)
    wants(found, "claim won", "whoever ends next does this work too")
    assert found.broken is not None
    assert KEY + "t1" in found.broken.seen


async def test_a_process_that_died_is_named(serve: Serve, probe: Probe, rows: Rows, valkey_url: str) -> None:
    """The claim was won, the lease has run out, and no result came."""
    site = await serve(REDIS_URL=valkey_url)
    await site.tick("t1")
    rows("DELETE FROM tickover.responsibility_run")
    rows("UPDATE tickover.obligation SET state = 'running', lease_expires_at = now() - interval '1 minute'")
    found = await look(probe)
    wants(found, "result recorded", "the end of a process")
    assert verdicts(found.links, "claim won") == {Verdict.OK}


async def test_i6_redis_that_is_away_is_named_and_nothing_else_is_broken(serve: Serve, probe: Probe) -> None:
    """The work is done; only its status is not there."""
    site = await serve(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    await site.tick()
    found = await look(probe)
    wants(found, "status written", "REDIS_URL")
    assert verdicts(found.links, "result recorded") == {Verdict.OK}


async def test_an_unknown_key_is_told_with_what_comes_close(serve: Serve, probe: Probe) -> None:
    """A key with a letter wrong, or its end alone."""
    site = await serve()
    await site.tick("t-2026")
    for wrong in ("background-jobs:v1:id:t-2025", "t-2026"):
        with pytest.raises(EnvironmentStateError, match=f"no tick '{wrong}' is recorded; there are {KEY}t-2026"):
            await look(probe, wrong)


async def test_without_any_tick_it_is_said_what_to_do(serve: Serve, probe: Probe) -> None:
    """Nothing came: let cron call. It called and was refused: that is the broken link."""
    site = await serve()
    with pytest.raises(
        EnvironmentStateError, match="no tick was recorded yet: let cron call /api/cron/background-jobs"
    ):
        await look(probe)
    await site.client.post("/api/cron/background-jobs", headers={"authorization": "Bearer wrong"})
    found = await look(probe)
    assert found.tick is None
    wants(found, "cron authenticated", "CRON_SECRET")


async def test_the_newest_troubled_tick_is_found_within_a_bound(serve: Serve, probe: Probe, rows: Rows) -> None:
    """It is read by the index, however many ticks there are; beyond the bound none is looked for."""
    site = await serve()
    await site.tick("t1")
    rows("UPDATE tickover.obligation SET state = 'failed', error = 'x'")
    rows("UPDATE tickover.tick SET requested_at = now() - interval '1 day'")
    newer = (
        "INSERT INTO tickover.tick (dispatch_key, route, identity_source, mode, reason, correlation_id, requested_at) "
        "SELECT 'k' || n, 'background-jobs', 'test', 'inline', 'x', 'c', now() - n * interval '1 s' "
        "FROM generate_series(1, %s) AS n"
    )
    rows(newer, LOOKED_AT - 1)
    rows("ANALYZE tickover.tick")
    found = await look(probe)
    assert found.tick is not None
    assert found.tick.dispatch_key == KEY + "t1"
    rows(newer.replace("'k'", "'j'"), 1)
    assert "all went well" in (await look(probe)).why
