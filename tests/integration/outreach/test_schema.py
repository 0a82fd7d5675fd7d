"""The schema says what the code says."""

import re

import pytest

from tests.integration.outreach.conftest import Ask, Office
from tickover import clock
from tickover.database import Database
from tickover.outreach.states import MOVES, Channel, Direction, DraftState, Interest, Source
from tickover.outreach.store import Inbox

LISTS = {
    "ai_draft_state_check": DraftState,
    "ai_draft_channel_check": Channel,
    "message_channel_check": Channel,
    "message_direction_check": Direction,
    "message_interest_check": Interest,
    "lead_memory_entry_source_check": Source,
    "workspace_memory_entry_source_check": Source,
}
CHECK = "SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint WHERE conname = %(name)s"


@pytest.mark.parametrize("name", LISTS)
async def test_the_database_knows_the_same_words(ask: Ask, name: str) -> None:
    """Every closed list of the schema is its enum."""
    (row,) = await ask(CHECK, name=name)
    assert set(re.findall(r"'([a-z]+)'", row["text"])) == {str(word) for word in LISTS[name]}


@pytest.mark.parametrize("state", DraftState)
@pytest.mark.parametrize("target", DraftState)
async def test_a_draft_moves_along_the_table_only(
    database: Database, office: Office, state: DraftState, target: DraftState
) -> None:
    """Every pair left out of the table is refused by the statement too."""
    draft_id = await office.draft(state)
    async with database.transaction() as connection:
        moved = await Inbox(connection, "acme").move_draft(draft_id, target, clock.now())
    assert moved is (target in MOVES[state])
    assert await office.draft_states() == {draft_id: target if moved else state}
