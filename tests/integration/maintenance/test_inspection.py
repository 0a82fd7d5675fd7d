"""What is missing in the tables that maintenance names is told at the start, with the statement that makes it."""

import asyncio
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from tests.integration.maintenance.conftest import Ask
from tests.runs import MakeRun
from tickover import Contract, Function, Responsibility, Route, Tickover, queue_health
from tickover.database import Database
from tickover.errors import TableError
from tickover.execution.run import Work
from tickover.maintenance.inspection import Finding, inspect, maintained, report
from tickover.maintenance.recovery import Evidence, StaleRecovery
from tickover.maintenance.retention import Child, Retention
from tickover.settings import Settings
from tickover.verify.offline import check
from tickover.verify.proof.lines import Verdict

PRUNE = Retention("shop.Parcel; x", since="moved", only={"kind": "plain"}, key="code", client="owner")
RECOVER = StaleRecovery(
    "shop.Parcel; x",
    stuck="leaving",
    after=timedelta(minutes=10),
    evidence=Evidence("shop.receipt", "parcel"),
    done="gone",
    undone="packed",
    state="the state",
    since="moved",
    key="code",
    client="owner",
)


def contract(*works: Work) -> Contract:
    """One function that carries them."""
    parts = [Responsibility(f"work-{place}", work) for place, work in enumerate(works)]
    function = Function("maintain", "background/maintenance.requested", tuple(parts))
    return Contract((Route("background-jobs", "BACKGROUND_JOBS_USE_INNGEST", tuple(p.id for p in parts), (function,)),))


async def look(database: Database, *works: Work) -> list[Finding]:
    """What is missing for them."""
    return await inspect(database, maintained(contract(*works)))


def statements(findings: list[Finding]) -> list[str]:
    """What mends it."""
    return [statement for found in findings for statement in found.statements]


async def carry_out(database: Database, findings: list[Finding]) -> None:
    """Do as it says: outside a transaction, one by one."""
    async with database.connection() as connection:
        for statement in statements(findings):
            await connection.execute(statement.encode())


@pytest.mark.usefixtures("ask")
async def test_a_missing_index_is_told_with_its_statement(database: Database) -> None:
    """For the walk of rows that are due, for stuck ones, for evidence, and for what a foreign key asks."""
    findings = await look(database, PRUNE, RECOVER, queue_health(timedelta(minutes=1)))
    assert [(found.responsibility, found.table) for found in findings] == [
        ("work-0", "shop.Parcel; x"),
        ("work-0", "shop.receipt"),
        ("work-1", "shop.Parcel; x"),
        ("work-1", "shop.receipt"),
    ]
    receipt = 'CREATE INDEX CONCURRENTLY ON "shop"."receipt" ("parcel")'
    assert statements(findings) == [
        'CREATE INDEX CONCURRENTLY ON "shop"."Parcel; x" ("kind", "moved", "code")',
        receipt,
        'CREATE INDEX CONCURRENTLY ON "shop"."Parcel; x" ("moved", "code") WHERE "the state" = \'leaving\'',
        receipt,
    ]


@pytest.mark.usefixtures("ask")
async def test_the_statements_make_what_is_missing(database: Database) -> None:
    """After them nothing is missing."""
    await carry_out(database, await look(database, PRUNE, RECOVER))
    assert await look(database, PRUNE, RECOVER) == []


async def test_partitions_get_their_indexes_one_by_one(database: Database, ask: Ask) -> None:
    """Without keeping writers out; the last statement makes it the whole's, so that new partitions have it too."""
    await ask("""
      CREATE TABLE shop.event (id bigint, at timestamptz) PARTITION BY RANGE (at);
      CREATE TABLE shop.event_1 PARTITION OF shop.event FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
      CREATE TABLE shop.event_2 PARTITION OF shop.event FOR VALUES FROM ('2026-02-01Z') TO ('2026-03-01Z');
    """)
    events = Retention("shop.event", since="at", client=None)
    findings = await look(database, events)
    assert statements(findings) == [
        'CREATE INDEX CONCURRENTLY ON "shop"."event_1" ("at", "id")',
        'CREATE INDEX CONCURRENTLY ON "shop"."event_2" ("at", "id")',
        'CREATE INDEX ON "shop"."event" ("at", "id")',
    ]
    await carry_out(database, findings)
    await ask("CREATE TABLE shop.event_3 PARTITION OF shop.event FOR VALUES FROM ('2026-03-01Z') TO ('2026-04-01Z')")
    assert await look(database, events) == []
    assert await ask("SELECT count(*) AS n FROM pg_indexes WHERE schemaname = 'shop' AND tablename = 'event_1'") == [
        {"n": 1}
    ]


async def test_what_goes_along_is_asked_about_too(database: Database, ask: Ask) -> None:
    """Through every table that cascades; not beyond one that does not."""
    await ask("""
      CREATE INDEX ON shop."Parcel; x" (kind, moved); CREATE INDEX ON shop.receipt (parcel);
      ALTER TABLE shop.receipt ADD id bigint PRIMARY KEY;
      CREATE TABLE shop.copy (id bigint PRIMARY KEY, receipt bigint REFERENCES shop.receipt ON DELETE CASCADE);
      CREATE TABLE shop.scan (copy bigint REFERENCES shop.copy ON DELETE SET NULL, receipt_id bigint);
    """)
    assert [found.table for found in await look(database, PRUNE)] == ["shop.copy", "shop.scan"]
    children = Retention(
        "shop.Parcel; x", since="moved", only=PRUNE.only, key="code", client=None, cascade=[Child("shop.scan", "copy")]
    )
    assert [found.table for found in await look(database, children)] == ["shop.scan", "shop.copy"]


@pytest.mark.usefixtures("ask")
@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"table": "shop.parcels"}, "retention of shop.parcels: shop.parcels: there is no such table"),
        ({"since": "movd"}, "has no column 'movd'; its columns are: code, kind, moved, owner, the state"),
        ({"key": "id", "client": "client_id"}, "has no column 'id', 'client_id'"),
        ({"only": {"sort": "x"}}, "has no column 'sort'"),
        ({"since": "kind"}, "shop.Parcel; x.kind is of type text; name a timestamp or a date"),
        ({"cascade": [Child("shop.receipt", "parcel_id")]}, "shop.receipt has no column 'parcel_id'"),
        ({"cascade": [Child("shop.bill", "parcel")]}, "shop.bill: there is no such table"),
    ],
)
async def test_a_wrong_name_is_told_and_refused(
    database: Database, make_run: MakeRun, changes: dict[str, Any], text: str
) -> None:
    """At the start, and when it runs; with what there is."""
    whole: dict[str, Any] = {"table": "shop.Parcel; x", "since": "moved", "key": "code", "client": "owner"}
    wrong = Retention(**(whole | changes))
    (found,) = await look(database, wrong)
    assert text in found.text
    assert found.statements == ()
    with pytest.raises(TableError, match="retention of shop"):
        await wrong(await make_run())


async def test_what_is_missing_is_logged(database: Database, ask: Ask) -> None:
    """An index as a warning with its statement, a wrong name as an error."""
    await ask("CREATE INDEX ON shop.receipt (parcel)")
    wrong = Retention("shop.parcels", since="moved")
    with capture_logs() as logs:
        await report(database, maintained(contract(PRUNE, wrong)))
    assert [(line["log_level"], line["event"], line["responsibility"]) for line in logs] == [
        ("warning", "maintenance.index_missing", "work-0"),
        ("error", "maintenance.table_unknown", "work-1"),
    ]
    assert logs[0]["remedy"] == 'CREATE INDEX CONCURRENTLY ON "shop"."Parcel; x" ("kind", "moved", "code")'


async def test_a_database_that_is_away_is_one_line(database_dsn: str) -> None:
    """The start goes on without."""
    away = Database(database_dsn.replace("/test_", "/gone_"), wait=0.1)
    await away.open()
    with capture_logs() as logs:
        await report(away, maintained(contract(PRUNE)))
    await away.close()
    assert [line["event"] for line in logs] == ["maintenance.not_inspected"]


@pytest.mark.usefixtures("ask")
async def test_the_application_looks_once_when_it_is_opened(database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it, and a second opening says nothing again."""
    monkeypatch.setenv("DATABASE_URL", database_dsn)
    monkeypatch.setenv("INNGEST_DEV", "1")
    tickover = Tickover(contract(PRUNE), app_id="shop", settings=Settings.read())
    with capture_logs() as logs:
        await tickover.open()
        assert tickover.inspection is not None
        await asyncio.wait_for(tickover.inspection, 20)
        await tickover.open()
    await tickover.close()
    assert [line["table"] for line in logs if line["event"] == "maintenance.index_missing"] == [
        "shop.Parcel; x",
        "shop.receipt",
    ]


async def test_check_tells_it_too(database: Database, database_dsn: str, ask: Ask, monkeypatch: Any) -> None:
    """A missing index is no fault of the deploy; a wrong name is; and it says when all is there."""
    monkeypatch.setenv("DATABASE_URL", database_dsn)
    monkeypatch.setenv("INNGEST_DEV", "1")
    await ask("CREATE INDEX ON shop.receipt (parcel)")

    async def lines(*works: Work) -> list[tuple[str, Verdict, bool]]:
        found = await check(lambda: Tickover(contract(*works), app_id="shop", settings=Settings.read()))
        return [(x.name, x.verdict, x.is_required) for x in found if x.name.startswith("maintenance")]

    assert await lines(PRUNE) == [("maintenance: work-0", Verdict.NOT_PROVEN, False)]
    assert await lines(Retention("shop.gone", since="at")) == [("maintenance: work-0", Verdict.FAIL, True)]
    await carry_out(database, await look(database, PRUNE))
    assert await lines(PRUNE) == [("maintenance", Verdict.PASS, True)]


async def test_catalogues_are_read_by_anybody(database: Database, ask: Ask, database_dsn: str) -> None:
    """A role without any right on the tables can tell what is missing."""
    await ask("DO $$ BEGIN CREATE ROLE onlooker LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    async with database.transaction() as connection:
        await connection.execute("GRANT USAGE ON SCHEMA shop TO onlooker")
    plain = Database(psycopg.conninfo.make_conninfo(database_dsn, user="onlooker"))
    await plain.open()
    try:
        assert len(await look(plain, PRUNE)) == 2
    finally:
        await plain.close()
