"""The contract's maintenance over the application's own tables."""

from collections.abc import Awaitable, Callable
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.outreach.conftest import Ask, Office
from tests.runs import MakeRun
from tickover import Run, Summary
from tickover.database import Database
from tickover.maintenance.inspection import inspect, maintained
from tickover.maintenance.needs import tells_apart
from tickover.maintenance.tables import list_indexes
from tickover.outreach.contract import contract
from tickover.outreach.settings import OutreachSettings
from tickover.outreach.states import Source

Body = Callable[[Run], Awaitable[Summary]]
ADD_MEMORIES = {
    "lead": """
INSERT INTO outreach.lead_memory_entry (client_id, lead_id, source, topic, content, expires_at)
VALUES (%(client_id)s, %(lead_id)s, %(source)s, %(topic)s, 'x', now() + make_interval(hours => %(hours)s))""",
    "workspace": """
INSERT INTO outreach.workspace_memory_entry (client_id, source, topic, content, expires_at)
VALUES (%(client_id)s, %(source)s, %(topic)s, 'x', now() + make_interval(hours => %(hours)s))""",
}
TOPICS = {
    "lead": "SELECT topic FROM outreach.lead_memory_entry",
    "workspace": "SELECT topic FROM outreach.workspace_memory_entry",
}
FORGET = "TRUNCATE outreach.lead_memory_entry, outreach.workspace_memory_entry"
ADD_RUN = """
WITH run AS (INSERT INTO outreach.draft_pipeline_run (client_id, lead_id, created_at)
  VALUES ('acme', %(lead_id)s, now() - make_interval(hours => %(hours)s)) RETURNING id)
INSERT INTO outreach.draft_pipeline_artifact (run_id, client_id, stage, content)
SELECT run.id, 'acme', stage, '{}' FROM run, unnest(ARRAY['reading', 'draft']) stage
"""


def body(responsibility: str, **changes: Any) -> Body:
    """What the contract carries out under that name."""
    functions = contract(OutreachSettings(**changes)).functions
    works: dict[str, Any] = {part.id: part.run for function in functions for part in function.responsibilities}
    return works[responsibility]  # type: ignore[no-any-return]


async def test_nothing_that_maintenance_needs_is_missing(database: Database) -> None:
    """Every table, column and index is there, and every walk can tell rows of one time apart."""
    works = maintained(contract(OutreachSettings()))
    assert list(works) == [
        "stale-draft-recovery",
        "prune-draft-pipeline-runs",
        "prune-lead-memory",
        "prune-workspace-memory",
    ]
    assert await inspect(database, works) == []
    async with database.connection() as connection:
        for need in [need for work in works.values() for need in work.needs() if need.then is not None]:
            indexes = await list_indexes(connection, need.table)
            assert any(tells_apart(index, need) for index in indexes), need


async def test_stale_drafts_are_recovered_by_their_messages(office: Office, make_run: MakeRun) -> None:
    """With an outbound message sent, without one approved and counted apart; all others stay."""
    went_out, lost = await office.draft("sending", minutes=11), await office.draft("sending", minutes=11)
    fresh, pending = await office.draft("sending", minutes=9), await office.draft("pending", minutes=99)
    await office.message(direction="outbound", body="Hi", draft_id=went_out)
    summary = await body("stale-draft-recovery")(await make_run())
    assert await office.draft_states() == {went_out: "sent", lost: "approved", fresh: "sending", pending: "pending"}
    assert summary.as_json() == {
        "looked_at": 2,
        "changed": 2,
        "left": 0,
        "error": None,
        "sent": 1,
        "missing_messages": 1,
        "errors": 0,
    }


async def test_i10_at_most_a_hundred_drafts_are_recovered_a_run(office: Office, make_run: MakeRun) -> None:
    """The rest is left for the next one."""
    for _ in range(103):
        await office.draft("sending", minutes=11)
    summary = await body("stale-draft-recovery")(await make_run())
    assert (summary.changed, summary.left) == (100, 3)
    assert (await body("stale-draft-recovery")(await make_run())).changed == 3


async def test_one_bad_draft_does_not_stop_the_others(office: Office, ask: Ask, make_run: MakeRun) -> None:
    """It is counted and reported; the others are recovered."""
    bad, good = await office.draft("sending", minutes=12), await office.draft("sending", minutes=11)
    await ask(f"ALTER TABLE outreach.ai_draft ADD CHECK (id <> {bad} OR state = 'sending')")
    summary = await body("stale-draft-recovery")(await make_run())
    assert await office.draft_states() == {bad: "sending", good: "approved"}
    assert summary.details["errors"] == 1
    assert summary.error is not None


@pytest.mark.parametrize(("days", "kept"), [(30, 2), (1, 0), (40, 4)])
async def test_old_pipeline_runs_go_with_their_artifacts(
    office: Office, ask: Ask, make_run: MakeRun, days: int, kept: int
) -> None:
    """Of runs of 25 hours, 29 days, 31 days and 39 days, those younger than the setting stay."""
    for hours in (25, 29 * 24, 31 * 24, 39 * 24):
        await ask(ADD_RUN, lead_id=office.lead_id, hours=hours)
    run = body("prune-draft-pipeline-runs", draft_pipeline_run_retention_days=days)
    assert (await run(await make_run())).changed == 4 - kept
    assert await office.count("draft_pipeline_run") == kept
    assert await office.count("draft_pipeline_artifact") == 2 * kept


@pytest.mark.parametrize("scope", ["lead", "workspace"])
async def test_only_expired_guesses_go(office: Office, ask: Ask, make_run: MakeRun, scope: str) -> None:
    """Of every source with every expiry, one kind of entry goes: inference, expired."""
    for source, hours in product(Source, (None, -1, -9000, 1)):
        topic = f"{source} {hours}"
        await ask(
            ADD_MEMORIES[scope], client_id="acme", lead_id=office.lead_id, source=source, topic=topic, hours=hours
        )
    summary = await body(f"prune-{scope}-memory")(await make_run())
    left = {row["topic"] for row in await ask(TOPICS[scope])}
    every = {f"{source} {hours}" for source, hours in product(Source, (None, -1, -9000, 1))}
    assert every - left == {"inference -1", "inference -9000"}
    assert summary.changed == 2


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    scope=st.sampled_from(["lead", "workspace"]),
    entries=st.lists(
        st.tuples(
            st.sampled_from(["acme", "birch"]),
            st.sampled_from(Source),
            st.none() | st.integers(-5000, -1) | st.integers(1, 5000),
        ),
        max_size=15,
    ),
    client_id=st.none() | st.sampled_from(["acme", "birch"]),
)
async def test_manual_system_and_unexpiring_memories_are_never_touched(
    office: Office,
    ask: Ask,
    make_run: MakeRun,
    scope: str,
    entries: list[tuple[str, Source, int | None]],
    client_id: str | None,
) -> None:
    """Whatever the entries, and whosever the run: exactly the expired guesses in its scope go."""
    await ask(FORGET)
    for place, (owner, source, hours) in enumerate(entries):
        values = {"client_id": owner, "lead_id": office.lead_id, "source": source, "topic": str(place), "hours": hours}
        await ask(ADD_MEMORIES[scope], **values)
    await body(f"prune-{scope}-memory")(await make_run(client_id=client_id))
    left = {int(row["topic"]) for row in await ask(TOPICS[scope])}
    due = {
        place
        for place, (owner, source, hours) in enumerate(entries)
        if source is Source.INFERENCE and hours is not None and hours < 0 and client_id in {None, owner}
    }
    assert left == set(range(len(entries))) - due
