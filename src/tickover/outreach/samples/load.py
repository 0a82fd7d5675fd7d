"""Load the sample data: about 200 messages with their jobs, and everything that maintenance has to look after."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import product

from tickover import clock
from tickover.database import Async, Database
from tickover.outreach.samples.messages import sample_lead, sample_message
from tickover.outreach.samples.phrases import CLIENTS
from tickover.outreach.samples.store import add_leads, receive_messages, run
from tickover.outreach.states import Channel, Direction, DraftState, Source

LEADS = 48
MESSAGES = 200

_RUN_AGES_DAYS = (1, 12, 29, 31, 45, 90)
_STAGES = ("reading", "intent", "draft")
_DRAFTS = (  # each for every fourth lead: state, minutes since its last move, whether its message went out
    (DraftState.SENDING, 25, True),
    (DraftState.SENDING, 45, False),
    (DraftState.SENDING, 2, False),
    (DraftState.APPROVED, 5, False),
    (DraftState.PENDING, 600, False),
    (DraftState.SENT, 900, True),
    (DraftState.REJECTED, 1200, False),
)
_EXPIRY_DAYS = (None, -40, -1, 20)


async def load_samples(database: Database) -> None:
    """Load the sample data in one transaction. Where it is loaded already, nothing is added.

    Args:
        database: at the newest revision of both histories.
    """
    now = clock.now()
    leads = [sample_lead(number) for number in range(LEADS)]
    async with database.transaction() as connection:
        lead_ids = await add_leads(connection, leads, replayed=False)
        if not lead_ids:
            return
        arrived = now - timedelta(hours=4)
        messages = [
            sample_message(number, leads[number % LEADS], arrived + timedelta(minutes=number))
            for number in range(MESSAGES)
        ]
        await receive_messages(connection, messages)
        await _load_drafts(connection, lead_ids, now)
        await _load_memories(connection, lead_ids, now)
        ages = [now - timedelta(days=days) for days in _RUN_AGES_DAYS]
        await run(connection, "add_pipeline_runs", {"lead_id": lead_ids, "created_at": ages, "stage": list(_STAGES)})
        kinds = ["lead_scoring", "conversation_sync"]
        await run(connection, "enqueue_for_leads", {"lead_id": lead_ids, "kind": kinds})


async def _load_drafts(connection: Async, lead_ids: Sequence[int], now: datetime) -> None:
    for place, (state, minutes, went_out) in enumerate(_DRAFTS):
        chosen = lead_ids[place % 4 :: 4]
        parameters = {
            "lead_id": chosen,
            "state": [state] * len(chosen),
            "since": [now - timedelta(minutes=minutes)] * len(chosen),
            "channel": Channel.EMAIL,
            "subject": "Your leads, answered in time",
            "body": "Hi,\n\nis this still of interest to you?\n\nBest regards",
        }
        ids = await run(connection, "add_drafts", parameters)
        if went_out:
            await run(connection, "add_sent_messages", {"ids": ids, "outbound": Direction.OUTBOUND})
        if state is DraftState.APPROVED:
            await run(connection, "enqueue_sending", {"ids": ids})


async def _load_memories(connection: Async, lead_ids: Sequence[int], now: datetime) -> None:
    """For every lead and every client: entries of each source, without expiry, expired, and to expire."""
    entries = list(product(Source, _EXPIRY_DAYS))
    columns = {
        "source": [source for source, _ in entries],
        "topic": [f"{source}-{place}" for place, (source, _) in enumerate(entries)],
        "content": [f"A {source} entry of the sample data." for source, _ in entries],
        "expires_at": [None if days is None else now + timedelta(days=days) for _, days in entries],
    }
    await run(connection, "add_lead_memories", {**columns, "lead_id": lead_ids})
    await run(connection, "add_workspace_memories", {**columns, "client_id": list(CLIENTS)})
