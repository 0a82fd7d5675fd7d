"""Sealed databases and Redis: who may act in them, and that nobody else leaves a trace."""

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg_pool import PoolTimeout
from redis.asyncio import Redis
from structlog.testing import capture_logs

from tests.clocks import SetClock
from tests.conftest import database_uri
from tests.integration.conftest import Probe, Rows, Serve, Site
from tests.integration.isolation.calls import ACCEPTED, CALL, call_body, signed
from tests.integration.isolation.conftest import ORIGIN, PREVIEW, PRODUCTION, Snapshot, contents
from tickover import Run, Summary
from tickover.database import Database
from tickover.engine.signing import sync_body
from tickover.errors import SealError, WrongEnvironmentError
from tickover.isolation.environment import resolve
from tickover.isolation.guard import Guard, Variables
from tickover.isolation.sealing import Wish, seal_stores
from tickover.isolation.seals import Seals
from tickover.migrations import migrate
from tickover.status.link import RedisLink

SEALED = "SELECT kind, name FROM tickover.seal"
OF_PRODUCTION = [{"kind": "production", "name": "production"}]
SYNC = sync_body(f"{ORIGIN}/api/inngest")


def guard_of(database: Database, redis: str | None, variables: dict[str, str], time: SetClock) -> Guard:
    """A process's guard."""
    seals = Seals(database, RedisLink(redis, 1.0))
    return Guard(resolve(variables), Variables(variables, {}), seals, is_serving=True, monotonic=time)


def moved(site: Site) -> None:
    """Let the guard of a process look again."""
    site.tickover.guard._looks_at = 0.0


async def test_i5_productions_first_start_seals_both_stores_and_says_so_once(
    serve: Serve, rows: Rows, redis: "Redis", valkey_url: str
) -> None:
    """With an audit row; a second start, and a second look, find them sealed already."""
    with capture_logs() as logs:
        site = await serve(**PRODUCTION, REDIS_URL=valkey_url)
        moved(site)
        assert (await site.tick()).status_code == 200
        await serve(**PRODUCTION, REDIS_URL=valkey_url)
    sealed = [log["store"] for log in logs if log["event"] == "store.sealed"]
    assert sorted(sealed) == ["database", "redis"]
    assert rows(SEALED) == OF_PRODUCTION
    assert await redis.get("tickover:seal") == "production:production"
    audit = rows("SELECT action, subject, by FROM tickover.audit WHERE action LIKE 'store.%%'")
    assert audit == [{"action": "store.sealed", "subject": "database", "by": "production's first start"}]


async def test_others_seal_nothing_by_themselves(serve: Serve, rows: Rows, redis: "Redis", valkey_url: str) -> None:
    """A preview's start leaves both as they are."""
    site = await serve(**PREVIEW, REDIS_URL=valkey_url)
    assert (await site.tick()).status_code == 200
    assert rows(SEALED) == []
    assert await redis.get("tickover:seal") is None


async def test_production_before_its_schema_is_there_is_sealed_after_it(postgres: str) -> None:
    """The first `tickover migrate` of production finds a database without a place for a seal, and goes on."""
    dsn = database_uri(postgres, "before_its_schema")
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE before_its_schema")
    database, time = Database(dsn, size=2), SetClock()
    await database.open()
    guard = guard_of(database, None, PRODUCTION, time)
    try:
        assert not (await guard.require()).is_refused
        await asyncio.to_thread(migrate, dsn)
        assert contents(dsn)["seal"] == []
        time.seconds += 10.0
        await guard.require()
        assert len(contents(dsn)["seal"]) == 1
    finally:
        await database.close()
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute("DROP DATABASE before_its_schema WITH (FORCE)")


@pytest.mark.parametrize("who", [PREVIEW, PREVIEW | {"TICKOVER_ENV": ""}, PREVIEW | {"TICKOVER_ENV": "test"}])
async def test_i5_a_foreign_database_is_left_as_it_is(
    serve: Serve, seal: Callable[..., None], snapshot: Snapshot, rows: Rows, probe: Probe, who: dict[str, str]
) -> None:
    """Ticks, calls, syncs, refused requests and the watch change no row of any table, and run nothing."""
    rows(ACCEPTED)
    rows("UPDATE tickover.obligation SET start_by = now() - interval '1 minute'")
    seal()
    before = snapshot()
    site = await serve(**who | {"INNGEST_ENV": "production", "BACKGROUND_JOBS_USE_INNGEST": "true"})
    tick = await site.tick()
    assert (tick.status_code, tick.headers["content-type"]) == (409, "application/problem+json")
    body = tick.json()
    assert body["type"] == "urn:tickover:problem:wrong-environment"
    assert [found["code"] for found in body["contradictions"]] == ["production-environment", "foreign-database"]
    assert all(found["remedy"] for found in body["contradictions"])
    assert (await site.client.post(CALL, **signed(call_body()))).status_code == 409
    sync = await site.client.put("/api/inngest", **signed(SYNC))
    assert (sync.status_code, sync.json()["type"]) == (403, "urn:tickover:problem:may-not-sync")
    wrong = await site.client.post("/api/cron/background-jobs", headers={"authorization": "Bearer wrong"})
    assert wrong.status_code == 401
    assert (await site.client.put("/api/inngest", content=SYNC)).status_code == 403
    stranger = await site.client.post(CALL, **signed(call_body(), "ff" * 32))
    assert (stranger.status_code, "contradictions" in stranger.text) == (401, False), "strangers are told nothing"
    with pytest.raises(WrongEnvironmentError):
        await site.tickover.watch.once()
    assert (snapshot(), probe.ran()) == (before, [])


async def test_i5_a_database_that_is_sealed_meanwhile_is_noticed(
    serve: Serve, seal: Callable[..., None], snapshot: Snapshot, redis: "Redis", valkey_url: str
) -> None:
    """Within ten seconds, and so is Redis; and when the seal is its own again, the process acts again."""
    site = await serve(**PREVIEW, REDIS_URL=valkey_url)
    time = SetClock()
    site.tickover.guard._monotonic = time
    site.tickover.guard._looks_at = 0.0
    assert (await site.tick("t1")).status_code == 200
    seal()
    await redis.set("tickover:seal", "production:production")
    time.seconds += 10.0
    before = snapshot()
    refused = await site.tick("t2")
    assert [found["code"] for found in refused.json()["contradictions"]] == ["foreign-database", "foreign-redis"]
    assert snapshot() == before
    seal("preview", "fix")
    await redis.set("tickover:seal", "preview:fix")
    time.seconds += 10.0
    assert (await site.tick("t3")).status_code == 200


async def test_the_stores_are_asked_every_ten_seconds_and_what_is_wrong_is_said_once(
    database: Database, seal: Callable[..., None]
) -> None:
    """However many ask; said again only when it was mended and came back."""
    time = SetClock()
    guard = guard_of(database, None, PREVIEW, time)
    with capture_logs() as logs:
        seal()
        for _ in range(3):
            assert {(await guard.verdict()).is_refused for _ in range(3)} == {True}
            time.seconds += 10.0
        seal("preview", "fix")
        assert not (await guard.verdict()).is_refused
        seal()
        time.seconds += 9.9
        assert not (await guard.verdict()).is_refused
        time.seconds += 0.1
        assert (await guard.verdict()).is_refused
    told = [log["code"] for log in logs if log["event"] == "environment.contradiction"]
    assert told == ["foreign-database", "foreign-database"]


async def test_i5_a_foreign_redis_gets_no_status(
    serve: Serve, snapshot: Snapshot, redis: "Redis", valkey_url: str
) -> None:
    """Sealed before the start, it refuses ticks; nothing is written."""
    await redis.set("tickover:seal", "production:production")
    before = snapshot()
    site = await serve(**PREVIEW, REDIS_URL=valkey_url)
    assert (await site.tick()).status_code == 409
    assert (snapshot(), await redis.keys()) == (before, ["tickover:seal"])


async def test_i5_a_redis_that_is_sealed_after_the_start_gets_no_status(
    serve: Serve, redis: "Redis", valkey_url: str
) -> None:
    """Not even from the tick that was let in a moment before; each write looks at the seal."""
    site = await serve(**PREVIEW, REDIS_URL=valkey_url)
    await site.tickover.guard.verdict()
    await redis.set("tickover:seal", "production:production")
    with capture_logs() as logs:
        assert (await site.tick()).status_code == 200
    assert await redis.keys() == ["tickover:seal"]
    assert [log["environment"] for log in logs if log["event"] == "status.foreign_redis"] == ["preview:fix"]
    assert (await site.client.get("/api/jobs/status")).json()["source"] == "ledger"


async def test_i5_a_redis_that_was_away_at_the_start_gets_no_status(
    serve: Serve, redis: "Redis", valkey_url: str
) -> None:
    """It decides nothing while it is away (invariant 6), and is looked at when it is back."""
    await redis.set("tickover:seal", "production:production")
    site = await serve(**PREVIEW, REDIS_URL=valkey_url.replace("//", "//x:wrong@"))
    assert (await site.tick("t1")).status_code == 200
    site.tickover.redis._redis = Redis.from_url(valkey_url, decode_responses=True)
    site.tickover.redis._rests_until = 0.0
    assert (await site.tick("t2")).status_code == 200
    moved(site)
    site.tickover.redis._rests_until = 0.0
    assert (await site.tick("t3")).status_code == 409
    assert await redis.keys() == ["tickover:seal"]


async def test_i5_a_copy_keeps_its_seal_and_is_told_from_the_original(
    database_dsn: str, postgres: str, seal: Callable[..., None]
) -> None:
    """Production's copy is nobody's: not production's either, until somebody adopts it; the original cannot be."""
    seal()
    name = database_dsn.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE copy_of_{name} TEMPLATE {name}".encode())
    databases = Database(database_dsn, size=2), Database(database_uri(postgres, f"copy_of_{name}"), size=2)
    original, copy = databases
    try:
        for database in databases:
            await database.open()
        for who in (PRODUCTION, PREVIEW):
            verdict = await guard_of(copy, None, who, SetClock()).verdict()
            assert [found.code for found in verdict.contradictions] == ["copied-database"]
        adopt = Wish(resolve(PREVIEW), ["database"], "a test", "a rehearsal", adopt=True)
        with pytest.raises(SealError, match="no copy"):
            await seal_stores(Seals(original, RedisLink(None, 1.0)), adopt)
        assert [outcome.was for outcome in await seal_stores(Seals(copy, RedisLink(None, 1.0)), adopt)] == [
            "production"
        ]
        assert not (await guard_of(copy, None, PREVIEW, SetClock()).verdict()).is_refused
        assert (await guard_of(copy, None, PRODUCTION, SetClock()).verdict()).is_refused
        assert not (await guard_of(original, None, PRODUCTION, SetClock()).verdict()).is_refused
    finally:
        for database in databases:
            await database.close()
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE copy_of_{name} WITH (FORCE)".encode())


async def test_two_productions_that_start_at_once_seal_once(
    database_dsn: str, rows: Rows, redis: "Redis", valkey_url: str
) -> None:
    """One row, one audit row, one line in the log for each store, whoever was faster."""
    databases = [Database(database_dsn, size=2) for _ in range(6)]
    for database in databases:
        await database.open()
    guards = [guard_of(database, valkey_url, PRODUCTION, SetClock()) for database in databases]
    with capture_logs() as logs:
        verdicts = await asyncio.gather(*(guard.require() for guard in guards))
    for database in databases:
        await database.close()
    for guard in guards:
        await guard._seals._redis.close()
    assert {verdict.is_refused for verdict in verdicts} == {False}
    assert sorted(log["store"] for log in logs if log["event"] == "store.sealed") == ["database", "redis"]
    assert rows("SELECT count(*) FROM tickover.audit") == [{"count": 1}]
    assert rows(SEALED) == OF_PRODUCTION
    assert await redis.get("tickover:seal") == "production:production"


async def test_of_two_environments_that_seal_at_once_one_wins(database: Database, rows: Rows) -> None:
    """The other is told, and wrote nothing."""
    seals = Seals(database, RedisLink(None, 1.0))
    wishes = [Wish(resolve({"TICKOVER_ENV": who}), ["database"], who, "first") for who in ("production", "preview:fix")]
    found = await asyncio.gather(*(seal_stores(seals, wish) for wish in wishes), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in found) == ["SealError", "list"]
    assert rows("SELECT by = kind || CASE WHEN kind = name THEN '' ELSE ':' || name END AS own FROM tickover.seal") == [
        {"own": True}
    ]
    assert rows("SELECT count(*) FROM tickover.audit") == [{"count": 1}]


async def test_i5_by_force_a_seal_is_written_over_and_the_audit_says_so(
    database: Database, seal: Callable[..., None], rows: Rows, redis: "Redis", valkey_url: str
) -> None:
    """Who did it, why, and what stood there before, of both stores; without force neither changes."""
    seal()
    await redis.set("tickover:seal", "preview:other")
    link = RedisLink(valkey_url, 1.0)
    mine = resolve(PREVIEW)
    with pytest.raises(SealError) as caught:
        await seal_stores(Seals(database, link), Wish(mine, ["database", "redis"], "me", "moving"))
    assert str(caught.value).count("--force") == 2
    assert rows(SEALED) == OF_PRODUCTION
    await seal_stores(Seals(database, link), Wish(mine, ["database", "redis"], "me", "moving", force=True))
    await link.close()
    assert rows(SEALED) == [{"kind": "preview", "name": "fix"}]
    assert await redis.get("tickover:seal") == "preview:fix"
    audit = rows("SELECT action, subject, by, reason, evidence->>'was' AS was FROM tickover.audit ORDER BY id")
    same: dict[str, Any] = {"action": "store.resealed", "by": "me", "reason": "moving"}
    assert audit == [
        {**same, "subject": "database", "was": "production"},
        {**same, "subject": "redis", "was": "preview 'other'"},
    ]


async def test_sealing_again_changes_nothing(database: Database, rows: Rows, redis: "Redis", valkey_url: str) -> None:
    """It is kept as it is, without another audit row."""
    link = RedisLink(valkey_url, 1.0)
    wish = Wish(resolve(PREVIEW), ["database", "redis"], "me", "mine")
    assert [outcome.sealing for outcome in await seal_stores(Seals(database, link), wish)] == ["sealed", "sealed"]
    assert [outcome.sealing for outcome in await seal_stores(Seals(database, link), wish)] == ["kept", "kept"]
    await link.close()
    assert await redis.get("tickover:seal") == "preview:fix"
    assert rows("SELECT count(*) FROM tickover.audit") == [{"count": 1}]


async def test_a_redis_that_is_away_is_not_sealed_and_said(database: Database, rows: Rows) -> None:
    """The database is; what became of Redis is told as nothing."""
    wish = Wish(resolve(PREVIEW), ["database", "redis"], "me", "mine")
    outcomes = await seal_stores(Seals(database, RedisLink("redis://127.0.0.1:9", 0.5)), wish)
    assert [(outcome.store, outcome.sealing) for outcome in outcomes] == [("database", "sealed"), ("redis", None)]
    assert rows(SEALED) == [{"kind": "preview", "name": "fix"}]


async def test_without_a_database_nothing_is_known_and_nothing_done(probe: Probe) -> None:
    """The start goes on and says so; whoever wants to act is told that the database is away."""
    away = Database("postgresql://127.0.0.1:9/none", wait=0.2)
    await away.open()
    guard = guard_of(away, None, PRODUCTION, SetClock())
    try:
        with capture_logs() as logs:
            await guard.start()
        with pytest.raises(PoolTimeout):
            await guard.require()
    finally:
        await away.close()
    assert [log["event"] for log in logs] == ["seals.unread", "environment.resolved"]
    assert probe.ran() == []


async def test_the_own_database_is_as_open_as_ever(
    serve: Serve, seal: Callable[..., None], rows: Rows, probe: Probe
) -> None:
    """What is refused elsewhere is done here: the tests above refuse for the seal's sake alone."""
    seal("preview", "fix")
    rows(ACCEPTED)
    site = await serve(**PREVIEW)

    async def more(_: Run) -> Summary:
        return Summary(looked_at=1, changed=1)

    probe.bodies["queue-drain"] = more
    assert (await site.client.post(CALL, **signed(call_body()))).status_code == 200
    assert (await site.tick()).status_code == 200
    assert rows("SELECT DISTINCT state FROM tickover.obligation") == [{"state": "succeeded"}]
