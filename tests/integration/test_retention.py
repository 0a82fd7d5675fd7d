"""The ledger forgets what is old and owes nothing, a bounded number at a time, and nothing else."""

from datetime import timedelta

from tests.integration.conftest import Rows, Serve
from tickover.database import Database
from tickover.ledger.states import ENDED, State
from tickover.ledger.store import Ledger
from tickover.sql import statement

OLD = """
INSERT INTO tickover.tick (dispatch_key, route, identity_source, mode, reason, correlation_id, requested_at)
SELECT 't-' || n, 'background-jobs', 'clock', 'inline', 'a test', 'c', now() - %s::interval
FROM generate_series(1, %s) n
"""
OWED = """
INSERT INTO tickover.obligation (tick_id, function, state, start_by)
SELECT id, 'maintain', %s, now() FROM tickover.tick WHERE dispatch_key = %s
"""


async def test_each_state_that_has_ended_is_forgotten_and_no_other(database: Database, rows: Rows) -> None:
    """Work that is owed outlives every retention."""
    states = list(State)
    rows(OLD, "31 days", len(states))
    for number, state in enumerate(states, 1):
        rows(OWED, str(state), f"t-{number}")
    assert await Ledger(database, lease_s=30).forget(timedelta(days=30)) == len(ENDED)
    left = rows("SELECT state FROM tickover.obligation ORDER BY id")
    assert [row["state"] for row in left] == [str(state) for state in states if state not in ENDED]


async def test_what_is_young_is_kept_and_what_is_old_goes_bit_by_bit(database: Database, rows: Rows) -> None:
    """500 ticks at a time, oldest first."""
    rows(OLD, "31 days", 1_250)
    rows(OLD.replace("'t-'", "'young-'"), "29 days", 20)
    ledger = Ledger(database, lease_s=30)
    assert [await ledger.forget(timedelta(days=30)) for _ in range(4)] == [500, 500, 250, 0]
    assert rows("SELECT count(*) AS left FROM tickover.tick") == [{"left": 20}]


async def test_what_covered_others_can_be_forgotten_and_they_stand(database: Database, rows: Rows) -> None:
    """They lose the pointer to it, not the fact that they were covered."""
    rows(OLD, "31 days", 1)
    rows(OLD.replace("'t-'", "'young-'"), "1 day", 1)
    rows(OWED, "succeeded", "t-1")
    rows(OWED, "covered", "young-1")
    rows(
        "UPDATE tickover.obligation SET covered_by = (SELECT min(id) FROM tickover.obligation) WHERE state = 'covered'"
    )
    assert await Ledger(database, lease_s=30).forget(timedelta(days=30)) == 1
    assert rows("SELECT state, covered_by FROM tickover.obligation") == [{"state": "covered", "covered_by": None}]


async def test_old_announcements_of_circuits_go_and_what_was_changed_by_hand_stays(
    database: Database, rows: Rows
) -> None:
    """The audit does not grow for ever by itself."""
    rows(
        "INSERT INTO tickover.audit (at, action, subject, by, reason, evidence) "
        "SELECT now() - age * interval '1 day', action, 'r', 'x', '', '{}' "
        "FROM unnest('{10,40}'::int[]) AS age, "
        "unnest('{circuit.opened,circuit.closed,stage.changed}'::text[]) AS action"
    )
    await Ledger(database, lease_s=30).forget(timedelta(days=30))
    kept = rows("SELECT action, count(*) AS n FROM tickover.audit GROUP BY 1 ORDER BY 1")
    assert [(row["action"], row["n"]) for row in kept] == [
        ("circuit.closed", 1),
        ("circuit.opened", 1),
        ("stage.changed", 2),
    ]


async def test_a_tick_forgets_by_itself(serve: Serve, rows: Rows) -> None:
    """After so many days as are set."""
    rows(OLD, "3 days", 5)
    site = await serve(TICKOVER_LEDGER_RETENTION_DAYS="2")
    assert (await site.tick("t1")).status_code == 200
    assert rows("SELECT dispatch_key FROM tickover.tick") == [{"dispatch_key": "background-jobs:v1:id:t1"}]


async def test_a_process_forgets_every_ten_minutes(serve: Serve, rows: Rows) -> None:
    """Not at each of its ticks, which would cost each a little."""
    site = await serve()
    housekeeping = site.tickover.handler._housekeeping
    left = "SELECT count(*) AS left FROM tickover.tick WHERE dispatch_key LIKE 't-%%'"
    await site.tick("t1")
    rows(OLD, "31 days", 5)
    await site.tick("t2")
    assert rows(left) == [{"left": 5}]
    now = housekeeping._monotonic()
    housekeeping._monotonic = lambda: now + 600.0
    await site.tick("t3")
    assert rows(left) == [{"left": 0}]


async def test_the_ledger_forgets_by_index_however_large_it_is(database: Database, rows: Rows) -> None:
    """Neither the choice nor what hangs on a tick reads a whole table."""
    rows(OLD, "1 day", 20_000)
    rows(
        "INSERT INTO tickover.obligation (tick_id, function, state, start_by) "
        "SELECT id, 'maintain', 'succeeded', now() FROM tickover.tick"
    )
    rows("ANALYZE tickover.tick, tickover.obligation")
    parameters = {"keep": timedelta(days=30), "most": 500, "unended": ["owed"]}
    async with database.connection() as connection:
        plan = await (await connection.execute(b"EXPLAIN " + statement("ledger/forget_ticks"), parameters)).fetchall()
    assert "Seq Scan" not in "\n".join(line for (line,) in plan), plan
    covering = rows("EXPLAIN SELECT FROM tickover.obligation WHERE covered_by = 1")
    assert "obligation_covered" in str(covering)


async def test_a_tick_is_answered_though_the_ledger_cannot_forget(serve: Serve, rows: Rows) -> None:
    """As where a trigger of the database's owner forbids it: it is logged, and the work is done."""
    rows(OLD, "31 days", 1)
    rows("CREATE RULE keep AS ON DELETE TO tickover.tick DO INSTEAD SELECT 1 / 0")
    site = await serve()
    assert (await site.tick("t1")).json()["mode"] == "inline"
