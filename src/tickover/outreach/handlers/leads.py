"""Job kinds `lead_scoring` and `conversation_sync`: keep a lead's figures in line with its messages."""

from tickover import clock
from tickover.jobs.handler import Job
from tickover.outreach.handlers.payload import missing, subject_of
from tickover.outreach.reading.scoring import score
from tickover.outreach.store import Inbox


async def lead_scoring(job: Job) -> None:
    """Score the lead that the payload's `lead_id` names.

    Raises:
        PayloadError: the payload names no lead of the job's client.
    """
    client_id, lead_id = subject_of(job.client_id, job.payload, "lead_id")
    now = clock.now()
    async with job.transaction() as connection:
        inbox = Inbox(connection, client_id)
        await inbox.lock_lead(lead_id)  # of two jobs for one lead, the later one sees more and writes last
        facts = await inbox.lead_facts(lead_id)
        if facts is None:
            raise missing("lead", lead_id, client_id)
        await inbox.score_lead(lead_id, score(facts, now), now)


async def conversation_sync(job: Job) -> None:
    """Count the messages of the lead that the payload's `lead_id` names, and see that its due drafts have a job.

    Raises:
        PayloadError: the payload names no lead of the job's client.
    """
    client_id, lead_id = subject_of(job.client_id, job.payload, "lead_id")
    async with job.transaction() as connection:
        inbox = Inbox(connection, client_id)
        await inbox.lock_lead(lead_id)
        if not await inbox.sync_lead(lead_id):
            raise missing("lead", lead_id, client_id)
        for draft_id in await inbox.unsent_drafts(lead_id, clock.now()):
            await inbox.enqueue("ai_auto_send_delayed", {"draft_id": draft_id}, dedupe_key=f"draft:{draft_id}")
