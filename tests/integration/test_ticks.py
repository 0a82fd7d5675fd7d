"""Ticks, from HTTP to the ledger, with a real PostgreSQL and no engine."""

from typing import Any

import pytest

from tests.integration.conftest import SECRET, Probe, Rows, Serve
from tickover import Run, Summary


async def test_with_the_flag_off_the_work_is_done_inline(serve: Serve, probe: Probe, rows: Rows) -> None:
    """200, mode inline, every responsibility once, and the ledger says so."""
    site = await serve()
    answer = await site.tick()
    body = answer.json()
    assert (answer.status_code, body["mode"]) == (200, "inline")
    assert body["reason"] == "BACKGROUND_JOBS_USE_INNGEST is off"
    assert [(f["function"], f["path"], f["state"]) for f in body["functions"]] == [
        ("process", "inline", "succeeded"),
        ("maintain", "inline", "succeeded"),
    ]
    assert probe.ran() == ["queue-drain", "prune", "queue-health"]
    assert rows("SELECT state, count(*) FROM tickover.obligation GROUP BY 1") == [{"state": "succeeded", "count": 2}]


async def test_f10_a_tick_delivered_twice_is_done_once(serve: Serve, probe: Probe) -> None:
    """The second delivery is answered 200 as a duplicate, with the first one's correlation id, and runs nothing."""
    site = await serve()
    first = (await site.tick()).json()
    second = await site.tick()
    assert (second.status_code, second.json()["mode"]) == (200, "duplicate")
    assert second.json()["correlationId"] == first["correlationId"]
    assert len(probe.ran()) == 3


async def test_i11_a_tick_that_came_to_nothing_is_taken_up_anew(serve: Serve, probe: Probe) -> None:
    """A failed inline tick answers 500; called again, it runs only what has not succeeded."""
    site = await serve()

    async def fail(_: Run) -> Summary:
        raise RuntimeError("no disk")

    probe.bodies["prune"] = fail
    first = await site.tick()
    assert first.status_code == 500
    assert first.headers["content-type"] == "application/problem+json"
    assert "no disk" in first.json()["functions"][1]["error"]
    assert probe.ran() == ["queue-drain", "prune", "queue-health"]
    del probe.bodies["prune"]
    second = await site.tick()
    assert (second.status_code, second.json()["mode"]) == (200, "inline")
    assert probe.ran() == ["queue-drain", "prune", "queue-health", "prune"]


async def test_i1_a_dead_engine_makes_the_tick_fall_back(serve: Serve, probe: Probe, rows: Rows) -> None:
    """Nobody listens where the engine should be: 200, mode fallback, the work done, the failure kept."""
    site = await serve(
        BACKGROUND_JOBS_USE_INNGEST="true\n", INNGEST_BASE_URL="http://127.0.0.1:9/", TICKOVER_SEND_TIMEOUT="0.3"
    )
    answer = await site.tick()
    body = answer.json()
    assert (answer.status_code, body["mode"]) == (200, "fallback")
    assert (body["sendError"]["kind"], body["sendError"]["httpStatus"]) == ("refused", None)
    assert {f["path"] for f in body["functions"]} == {"fallback"}
    assert probe.ran() == ["queue-drain", "prune", "queue-health"]
    assert rows("SELECT mode, error->>'kind' AS kind FROM tickover.tick") == [{"mode": "fallback", "kind": "refused"}]


async def test_force_inline_beats_the_flag(serve: Serve) -> None:
    """With both variables on, nothing is sent and the reason says why."""
    site = await serve(BACKGROUND_JOBS_USE_INNGEST="1", BACKGROUND_JOBS_FORCE_INLINE="yes")
    body = (await site.tick()).json()
    assert (body["mode"], body["reason"]) == ("inline", "BACKGROUND_JOBS_FORCE_INLINE is on")


@pytest.mark.parametrize(
    ("path", "options", "status", "code"),
    [
        ("/api/cron/no-such-route", {}, 404, "unknown-route"),
        ("/api/cron/background-jobs?clientId=a:b", {}, 400, "bad-client-id"),
        ("/api/cron/background-jobs?clientId=global", {}, 400, "bad-client-id"),
        ("/api/cron/background-jobs?clientId=" + "x" * 65, {}, 400, "bad-client-id"),
        ("/api/cron/background-jobs", {"json": {"clientId": 7}}, 400, "bad-client-id"),
        ("/api/cron/background-jobs", {"content": b"\xff{"}, 400, "bad-body"),
        ("/api/cron/background-jobs", {"content": b"[" * 50_000}, 400, "bad-body"),
        ("/api/cron/background-jobs", {"json": ["a list"]}, 400, "bad-body"),
        ("/api/cron/background-jobs", {"content": b"x" * 1_000_000}, 413, "body-too-large"),
        ("/api/cron/background-jobs", {"headers": {"idempotency-key": "a b"}}, 400, "bad-execution-id"),
        ("/api/cron/background-jobs", {"headers": {"x-tickover-scheduled-at": "noon"}}, 400, "bad-scheduled-time"),
        (
            "/api/cron/background-jobs",
            {"headers": {"x-tickover-scheduled-at": "9999-12-31T23:59:59Z"}},
            400,
            "bad-scheduled-time",
        ),
        ("/api/cron/background-jobs", {"headers": {"authorization": "Bearer wrong"}}, 401, "wrong-secret"),
        ("/api/cron/background-jobs", {"headers": {"authorization": ""}}, 401, "wrong-secret"),
    ],
)
async def test_bad_requests_are_refused_as_problem_documents(
    serve: Serve, probe: Probe, rows: Rows, path: str, options: dict[str, Any], status: int, code: str
) -> None:
    """Each is answered with its own code and a text, runs nothing and records nothing."""
    site = await serve()
    answer = await site.client.post(path, **options)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:tickover:problem:{code}"
    assert answer.json()["detail"]
    assert probe.runs == []
    assert rows("SELECT * FROM tickover.tick") == []


async def test_without_a_secret_configured_every_tick_is_refused(serve: Serve) -> None:
    """A blank CRON_SECRET counts as none: 401, whatever is shown."""
    site = await serve(CRON_SECRET=" \n")
    assert (await site.tick()).json()["type"] == "urn:tickover:problem:no-secret-configured"


async def test_get_and_the_other_header_work_too(serve: Serve) -> None:
    """A scheduler that can only GET, and one that sends x-cron-secret, are served, without a body."""
    site = await serve()
    answer = await site.client.get("/api/cron/background-jobs", headers={"authorization": "", "x-cron-secret": SECRET})
    assert answer.json()["identitySource"] == "clock"


async def test_a_client_id_narrows_the_tick(serve: Serve, probe: Probe) -> None:
    """Every responsibility is told the client, and the tick is another one than the global tick."""
    site = await serve()
    narrowed = await site.client.post("/api/cron/background-jobs?clientId=acme", headers={"idempotency-key": "t1"})
    everyone = await site.tick("t1")
    assert narrowed.json()["dispatchKey"] == "background-jobs:v1:id:t1:client:acme"
    assert everyone.json()["mode"] == "inline"
    assert [run.client_id for run in probe.runs] == ["acme"] * 3 + [None] * 3


async def test_f08_a_tick_that_finds_its_function_busy_is_taken_up_by_whoever_ends_next(
    serve: Serve, probe: Probe, rows: Rows
) -> None:
    """While the first tick drains, the second comes: it waits for nobody, and the first carries it out at its end."""
    site = await serve()
    inner = []

    async def meanwhile(_: Run) -> Summary:
        del probe.bodies["queue-drain"]
        inner.append((await site.tick("t2")).json())
        return Summary()

    probe.bodies["queue-drain"] = meanwhile
    first = (await site.tick("t1")).json()
    assert [(f["function"], f["state"]) for f in inner[0]["functions"]] == [
        ("process", "owed"),
        ("maintain", "succeeded"),
    ]
    assert [(r["function"], r["dispatchKey"][-2:], r["state"]) for r in first["recovered"]] == [
        ("process", "t2", "succeeded")
    ]
    states = rows("SELECT function, state FROM tickover.obligation ORDER BY id")
    # The second tick's maintenance ran before the first one's began, and so covered it.
    assert [row["state"] for row in states] == ["succeeded", "covered", "succeeded", "succeeded"]
