"""Partitions whose time is over go as a whole, where nothing but time decides and nobody is in the way."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clocks import StandingClock
from tests.integration.maintenance.conftest import Ask
from tests.runs import MakeRun, take_over
from tickover import Summary, clock
from tickover.database import Database
from tickover.errors import LeaseLostError
from tickover.maintenance.retention import Child, Retention

NOW = datetime(2026, 5, 15, 12, tzinfo=UTC)
MAKE = """
CREATE TABLE shop.event (
  id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, owner text NOT NULL DEFAULT 'a', PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE INDEX ON shop.event (at, id);
CREATE TABLE shop."event; jan" PARTITION OF shop.event FOR VALUES FROM (MINVALUE) TO ('2026-02-01Z');
CREATE TABLE shop.event_feb PARTITION OF shop.event FOR VALUES FROM ('2026-02-01Z') TO ('2026-03-01Z');
CREATE TABLE shop.event_mar PARTITION OF shop.event FOR VALUES FROM ('2026-03-01Z') TO ('2026-04-01Z');
CREATE TABLE shop.event_apr PARTITION OF shop.event FOR VALUES FROM ('2026-04-01Z') TO ('2026-05-01Z')
  PARTITION BY HASH (id);
CREATE TABLE shop.event_apr_0 PARTITION OF shop.event_apr FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE shop.event_apr_1 PARTITION OF shop.event_apr FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE shop.event_rest PARTITION OF shop.event FOR VALUES FROM ('2026-05-01Z') TO (MAXVALUE);
INSERT INTO shop.event (at) SELECT generate_series('2026-01-01Z'::timestamptz, '2026-05-14Z', '1 day');
"""
PARTITIONS = """
SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'shop.event'::regclass ORDER BY 1
"""
REST = ["event_apr", "event_rest"]


def retention(days: int, **changes: Any) -> Retention:
    """Events are kept for so many days."""
    whole: dict[str, Any] = {"table": "shop.event", "since": "at", "keep": timedelta(days=days), "client": "owner"}
    return Retention(**(whole | changes))


@pytest.fixture
async def events(ask: Ask) -> Ask:
    """One event a day since January, in a partition for each month, and one for the rest."""
    await ask(MAKE)
    return ask


async def partitions(ask: Ask) -> list[str]:
    """Those that are left."""
    return [row["name"] for row in await ask(PARTITIONS)]


async def oldest(ask: Ask) -> datetime:
    """The time of the oldest event that is left."""
    ((row),) = await ask("SELECT min(at) AS at FROM shop.event")
    return row["at"]  # type: ignore[no-any-return]


async def prune(make_run: MakeRun, of: Retention, **options: Any) -> Summary:
    """One run in the middle of May."""
    run = await make_run(**options)
    with clock.taken_from(StandingClock(NOW)):
        return await of(run)


def dropped(summary: Summary) -> Any:
    """Which partitions were dropped, and which could not be."""
    return summary.details["partitions_dropped"], summary.details["partitions_busy"]


async def test_partitions_that_are_past_are_dropped(events: Ask, make_run: MakeRun) -> None:
    """The one that lies across the limit is pruned by rows; no table is left behind."""
    summary = await prune(make_run, retention(60))
    assert dropped(summary) == (["shop.event; jan", "shop.event_feb"], [])
    assert (summary.changed, summary.left) == (16, 0)
    assert await partitions(events) == ["event_apr", "event_mar", "event_rest"]
    assert await oldest(events) == datetime(2026, 3, 17, tzinfo=UTC)
    assert await events("SELECT to_regclass('shop.event_feb') AS feb") == [{"feb": None}]


async def test_a_partition_that_ends_at_the_limit_is_past(events: Ask, make_run: MakeRun) -> None:
    """Its end is no time of it; one with partitions of its own goes with them."""
    keep = NOW - datetime(2026, 5, 1, tzinfo=UTC)
    summary = await prune(make_run, retention(0, keep=keep))
    assert (summary.changed, await partitions(events)) == (0, ["event_rest"])
    again = await prune(make_run, retention(0, keep=keep))
    assert (again.looked_at, "partitions_dropped" in again.details) == (0, False)


@pytest.mark.parametrize(
    ("changes", "options"), [({"only": {"owner": "a"}}, {}), ({"where": "owner = 'a'"}, {}), ({}, {"client_id": "a"})]
)
async def test_where_more_than_time_decides_rows_are_deleted(
    events: Ask, make_run: MakeRun, changes: Mapping[str, Any], options: Mapping[str, Any]
) -> None:
    """A condition, or a run of one client: what it does not meet stays."""
    await events("UPDATE shop.event SET owner = 'b' WHERE at = '2026-01-05Z'")
    summary = await prune(make_run, retention(0, **changes), **options)
    assert (summary.changed, await events("SELECT owner FROM shop.event")) == (133, [{"owner": "b"}])
    assert len(await partitions(events)) == 5


async def test_the_default_partition_is_pruned_by_rows(events: Ask, make_run: MakeRun) -> None:
    """What lies in it may be of any time."""
    await events("""
      DROP TABLE shop.event_feb; CREATE TABLE shop.event_default PARTITION OF shop.event DEFAULT;
      INSERT INTO shop.event (at) VALUES ('2026-02-07Z'), ('2026-02-08Z');
    """)
    summary = await prune(make_run, retention(60))
    assert dropped(summary)[0] == ["shop.event; jan"]
    assert summary.changed == 2 + 16
    assert "event_default" in await partitions(events)


@pytest.mark.parametrize("by", ["HASH (id)", "RANGE (id)", "RANGE (at, id)"])
async def test_partitions_by_other_columns_are_pruned_by_rows(ask: Ask, make_run: MakeRun, by: str) -> None:
    """All of them, each walked by itself."""
    bounds = {"HASH (id)": "WITH (MODULUS 1, REMAINDER 0)", "RANGE (id)": "FROM (1) TO (999)"}
    await ask(f"""
      CREATE TABLE shop.event (id bigint, at timestamptz, owner text DEFAULT 'a') PARTITION BY {by};
      CREATE TABLE shop.event_0 PARTITION OF shop.event
        FOR VALUES {bounds.get(by, "FROM ('2026-01-01Z', 1) TO ('2026-02-01Z', 1)")};
      INSERT INTO shop.event SELECT n, '2026-01-01Z'::timestamptz + n * interval '1 day' FROM generate_series(1, 20) n;
    """)  # noqa: S608 - our own words
    summary = await prune(make_run, retention(0))
    assert (summary.changed, summary.left, await partitions(ask)) == (20, 0, ["event_0"])


@pytest.mark.usefixtures("events")
async def test_a_partition_in_use_waits_for_the_next_tick(database: Database, make_run: MakeRun) -> None:
    """The lock is not waited for for long; what is not in the way goes."""
    async with database.transaction() as connection:
        await connection.execute("SELECT FROM shop.event_feb")
        summary = await prune(make_run, retention(60))
        # The whole table is locked by whoever reads one partition through it only, so January could go.
        assert dropped(summary) == (["shop.event; jan"], ["shop.event_feb"])
        assert (summary.changed, summary.left) == (16, 28)
    assert dropped(await prune(make_run, retention(60))) == (["shop.event_feb"], [])


async def test_nobody_waits_long_behind_a_drop(database: Database, events: Ask, make_run: MakeRun) -> None:
    """While the whole table is read, no partition goes; the limit of the wait stands in the batch itself."""
    async with database.transaction() as connection:
        await connection.execute("SELECT FROM shop.event")
        summary = await prune(make_run, retention(60))
        assert dropped(summary) == ([], ["shop.event; jan", "shop.event_feb"])
    assert len(await partitions(events)) == 5


async def test_a_partition_that_is_referred_to_is_emptied_first(events: Ask, make_run: MakeRun) -> None:
    """What hangs on its rows goes with them, as the foreign key says; then it is dropped."""
    await events("""
      CREATE TABLE shop.note (event_id bigint, at timestamptz,
        FOREIGN KEY (event_id, at) REFERENCES shop.event ON DELETE CASCADE);
      CREATE INDEX ON shop.note (event_id, at);
      INSERT INTO shop.note SELECT id, at FROM shop.event WHERE extract(day FROM at) <= 2;
    """)
    summary = await prune(make_run, retention(60))
    assert dropped(summary) == (["shop.event; jan", "shop.event_feb"], [])
    assert summary.changed == 31 + 28 + 16
    assert await events("SELECT count(*) AS n FROM shop.note") == [{"n": 4}]


async def test_children_that_are_declared_go_before_a_partition(events: Ask, make_run: MakeRun) -> None:
    """Without a foreign key nothing but the declaration tells of them, so the rows go one by one first."""
    await events("CREATE TABLE shop.note (event_id bigint); INSERT INTO shop.note SELECT id FROM shop.event")
    summary = await prune(make_run, retention(60, cascade=[Child("shop.note", "event_id")]))
    assert dropped(summary)[0] == ["shop.event; jan", "shop.event_feb"]
    assert await events("SELECT count(*) AS n FROM shop.note WHERE event_id NOT IN (SELECT id FROM shop.event)") == [
        {"n": 0}
    ]


async def test_a_run_goes_on_in_the_partition_where_the_one_before_stopped(events: Ask, make_run: MakeRun) -> None:
    """Earlier ones are not walked again; a place in one that is gone is the beginning."""
    await prune(make_run, retention(0, only={"owner": "a"}, limit=40))
    ((kept),) = await events("SELECT position FROM tickover.progress")
    assert kept["position"]["part"] == "shop.event_feb"
    await events("INSERT INTO shop.event (at) VALUES ('2026-01-01Z')")
    await prune(make_run, retention(0, only={"owner": "a"}, limit=30))
    assert await oldest(events) == datetime(2026, 1, 1, tzinfo=UTC)
    await events("DROP TABLE shop.event_mar")
    await prune(make_run, retention(0, only={"owner": "a"}))
    assert await events("SELECT FROM shop.event") == []


async def test_i9_a_dry_run_drops_nothing(events: Ask, make_run: MakeRun) -> None:
    """It counts the rows."""
    summary = await prune(make_run, retention(60), dry=True)
    assert (summary.changed, summary.left) == (0, 31 + 28 + 16)
    assert len(await partitions(events)) == 5


async def test_i3_who_lost_the_lease_drops_nothing(database: Database, events: Ask, make_run: MakeRun) -> None:
    """A drop is a batch like any other."""
    run = await make_run()
    await take_over(database, run)
    with pytest.raises(LeaseLostError), clock.taken_from(StandingClock(NOW)):
        await retention(60)(run)
    assert len(await partitions(events)) == 5
