"""The engine runs it dry while the tick does the work: what it sees is compared, what it writes is refused."""

from typing import Any

import psycopg
import pytest

from tests.integration.conftest import Probe, Rows, Serve
from tests.integration.rollout.conftest import put
from tests.integration.test_circuit import let_pass
from tests.integration.test_with_engine import Deploy, Deployment
from tests.waiting import eventually
from tickover import Run, Summary
from tickover.database import Database, ReadOnlyDatabase
from tickover.ledger.states import Path
from tickover.rollout.controls import Controls
from tickover.rollout.gates import Verdict
from tickover.rollout.stages import INLINE, SHADOW


async def shadowed(deployment: Deployment, count: int = 1) -> list[dict[str, Any]]:
    """Wait until so many dry runs have ended; all of them."""

    async def over() -> bool:
        return len(deployment.rows("SELECT 1 FROM tickover.shadow_run WHERE finished_at IS NOT NULL")) >= count

    await eventually(over)
    return deployment.rows("SELECT function, sender, runner, send_error, summaries FROM tickover.shadow_run")


async def parity(deployment: Deployment) -> tuple[Verdict, str | None]:
    """What the gate says of the shadow of `process`."""
    standings = await deployment.tickover.rollout.standings()
    gates = next(standing.gates for standing in standings if standing.function == "process")
    return next((gate.verdict, gate.missing) for gate in gates if gate.name == "parity")


async def test_i9_a_shadow_runs_dry_beside_the_tick_that_does_the_work(
    deploy: Deploy, probe: Probe, controls: Controls
) -> None:
    """The work is done once, inline; both sides are the same deployment, and they agree."""
    deployment = await deploy(TICKOVER_CODE_VERSION="1f2e")
    await put(controls, "process", SHADOW)
    answer = (await deployment.tick()).json()
    assert [(f["function"], f["path"]) for f in answer["functions"]] == [("maintain", "durable"), ("process", "inline")]
    (row,) = await shadowed(deployment)
    assert row["sender"] == row["runner"]
    assert row["sender"]["code"] == "1f2e"
    assert row["summaries"]["queue-drain"]["error"] is None
    runs = [(run.path, run.dry) for run in probe.runs if run.responsibility == "queue-drain"]
    assert sorted(runs) == [(Path.INLINE, False), (Path.SHADOW, True)]
    assert await parity(deployment) == (Verdict.PASS, None)


@pytest.mark.parametrize("how", ["batch", "connection", "transaction", "sync_batch"])
async def test_i9_a_shadow_that_writes_gets_the_databases_error(
    deploy: Deploy, probe: Probe, controls: Controls, rows: Rows, how: str
) -> None:
    """However it tries: the tick's own work is unharmed, and the gate fails with that reason."""
    deployment = await deploy()
    rows("CREATE TABLE marks (path text)")
    insert = "INSERT INTO marks VALUES (%s)"

    async def write(run: Run) -> Summary:
        if how == "sync_batch":
            with run.sync_batch() as connection:
                connection.execute(insert, (run.path,))
        else:
            opened = run.batch() if how == "batch" else getattr(run.database, how)()
            async with opened as writer:
                await writer.execute(insert, (run.path,))
        return Summary(looked_at=1, changed=1)

    probe.bodies["queue-drain"] = write
    await put(controls, "process", SHADOW)
    answer = (await deployment.tick()).json()
    assert {f["function"]: f["state"] for f in answer["functions"]}["process"] == "succeeded"
    (row,) = await shadowed(deployment)
    error = row["summaries"]["queue-drain"]["error"]
    assert error == "ReadOnlySqlTransaction: cannot execute INSERT in a read-only transaction"
    assert rows("SELECT path FROM marks") == [{"path": "inline"}]
    verdict, missing = await parity(deployment)
    assert verdict is Verdict.FAIL
    assert error in (missing or "")


async def test_i9_nobody_can_turn_the_protection_off(database: Database, rows: Rows) -> None:
    """Tried: to make the transaction writable again, and to set the session's default."""
    rows("CREATE TABLE marks (path text)")
    read_only = ReadOnlyDatabase(database)

    async def tried(*texts: str) -> None:
        async with read_only.connection() as connection:
            for text in texts:
                await connection.execute(text.encode())

    write = "INSERT INTO marks VALUES ('x')"
    with pytest.raises(psycopg.errors.ActiveSqlTransaction):
        await tried("SET TRANSACTION READ WRITE", write)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        await tried("SET default_transaction_read_only = off", write)
    assert rows("SELECT * FROM marks") == []
    async with database.transaction() as connection:  # the pool's connections are as they were
        await connection.execute("INSERT INTO marks VALUES ('y')")


async def test_a_shadow_that_saw_something_else_fails_the_gate(
    deploy: Deploy, probe: Probe, controls: Controls
) -> None:
    """Inline looked at a hundred items, the shadow counted none of them."""
    deployment = await deploy()

    async def differ(run: Run) -> Summary:
        return Summary(looked_at=0 if run.dry else 100, changed=0, left=0 if run.dry else 100)

    probe.bodies["queue-drain"] = differ
    await put(controls, "process", SHADOW)
    await deployment.tick()
    await shadowed(deployment)
    verdict, missing = await parity(deployment)
    assert verdict is Verdict.FAIL
    assert "queue-drain: counted 0, where inline saw 100" in (missing or "")


async def test_an_engine_that_cannot_be_asked_harms_no_tick(serve: Serve, controls: Controls, rows: Rows) -> None:
    """The work is done, the failure is kept, and the circuit has nothing to do with it."""
    site = await serve(
        BACKGROUND_JOBS_USE_INNGEST="true", INNGEST_BASE_URL="http://127.0.0.1:9", TICKOVER_SEND_TIMEOUT="0.3"
    )
    for function in ("process", "maintain"):
        await put(controls, function, SHADOW)
    for n in range(5):
        answer = (await site.tick(f"t{n}")).json()
        assert (answer["mode"], answer["sendError"]) == ("inline", None)
        assert {f["state"] for f in answer["functions"]} == {"succeeded"}
    kept = rows("SELECT DISTINCT send_error FROM tickover.shadow_run")
    assert [row["send_error"].partition(":")[0] for row in kept] == ["refused"]
    assert str((await site.tickover.breaker.look("background-jobs")).circuit.state) == "closed"


async def test_a_shadow_that_was_never_started_is_no_agreement(serve: Serve, controls: Controls, rows: Rows) -> None:
    """It is waited for until it should have begun, and then it counts against."""
    site = await serve(
        BACKGROUND_JOBS_USE_INNGEST="true", INNGEST_BASE_URL="http://127.0.0.1:9", TICKOVER_SEND_TIMEOUT="0.3"
    )
    await put(controls, "process", SHADOW)
    await site.tick()
    rows("UPDATE tickover.shadow_run SET send_error = NULL")
    first = next(s for s in await site.tickover.rollout.standings() if s.function == "process")
    assert next(g.verdict for g in first.gates if g.name == "parity") is Verdict.INCONCLUSIVE
    let_pass(rows, "4 minutes")
    then = next(s for s in await site.tickover.rollout.standings() if s.function == "process")
    gate = next(g for g in then.gates if g.name == "parity")
    assert (gate.verdict, "not started in time" in (gate.missing or "")) == (Verdict.FAIL, True)


async def test_a_shadow_that_wakes_after_its_stage_is_over_runs_nothing(
    deploy: Deploy, probe: Probe, controls: Controls, rows: Rows
) -> None:
    """The function is inline again when its event comes to be called for."""
    deployment = await deploy()
    await put(controls, "process", SHADOW)
    await deployment.tick("t1")
    await shadowed(deployment)
    rows("UPDATE tickover.shadow_run SET finished_at = NULL, started_at = NULL, summaries = NULL")
    await put(controls, "process", INLINE)
    begun = await deployment.tickover.shadows.begin("background-jobs:v1:id:t1", "process", "run-2")
    assert begun is None
    assert rows("SELECT started_at FROM tickover.shadow_run") == [{"started_at": None}]
    assert len([run for run in probe.runs if run.dry]) == 1
