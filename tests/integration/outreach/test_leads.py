"""A lead's figures."""

from tests.integration.outreach.conftest import Ask, Office
from tickover.outreach.handlers.leads import conversation_sync, lead_scoring


async def test_a_lead_is_scored_by_its_messages(office: Office, ask: Ask) -> None:
    """One fresh message with interest; scoring twice gives the same score."""
    await office.message(raw=b"")
    await ask("UPDATE outreach.message SET interest = 'interested'")
    for _ in range(2):
        await lead_scoring(office.job("lead_scoring", {"lead_id": office.lead_id}))
        (lead,) = await ask("SELECT score, scored_at FROM outreach.lead")
        assert lead["score"] == 60
        assert lead["scored_at"] is not None


async def test_an_opted_out_lead_scores_nothing(office: Office, ask: Ask) -> None:
    """Whatever it wrote before."""
    await office.message(raw=b"")
    await ask("UPDATE outreach.message SET interest = 'interested'")
    await ask("UPDATE outreach.lead SET opted_out_at = now(), score = 70")
    await lead_scoring(office.job("lead_scoring", {"lead_id": office.lead_id}))
    assert await ask("SELECT score FROM outreach.lead") == [{"score": 0}]


async def test_a_conversation_is_counted(office: Office, ask: Ask) -> None:
    """Messages of each direction and the newest of each; another lead's do not count."""
    await office.message(raw=b"")
    await office.message(raw=b"")
    await office.message(body="Hi", direction="outbound")
    await office.message(raw=b"", lead_id=await office.lead())
    for _ in range(2):
        await conversation_sync(office.job("conversation_sync", {"lead_id": office.lead_id}))
        (lead,) = await ask("SELECT * FROM outreach.lead WHERE id = %(id)s", id=office.lead_id)
        assert (lead["inbound_count"], lead["outbound_count"]) == (2, 1)
        assert lead["last_inbound_at"] is not None
        assert lead["last_outbound_at"] is not None


async def test_a_recovered_draft_gets_a_job_again(office: Office, ask: Ask) -> None:
    """Approved and due drafts are enqueued, once however often it runs; others are not."""
    due = await office.draft("approved")
    await office.draft("approved", send_in=5)
    await office.draft("pending")
    await office.draft("sent")
    for _ in range(2):
        await conversation_sync(office.job("conversation_sync", {"lead_id": office.lead_id}))
    rows = await ask("SELECT kind, payload, client_id FROM tickover.job WHERE state = 'queued'")
    assert rows == [{"kind": "ai_auto_send_delayed", "payload": {"draft_id": due}, "client_id": "acme"}]
