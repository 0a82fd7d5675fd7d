"""Sending a draft: at most once, in time, and to nobody who has opted out."""

import asyncio
from datetime import datetime

import pytest

from tests.integration.outreach.conftest import Ask, Office
from tickover.jobs.handler import RetryJobError
from tickover.outreach.handlers import sending
from tickover.outreach.handlers.sending import ai_auto_send_delayed
from tickover.outreach.store import Draft, Inbox

OUTBOUND = "SELECT draft_id, subject, body, channel FROM outreach.message WHERE direction = 'outbound'"


async def send(office: Office, draft_id: int) -> None:
    """Run the draft's job."""
    await ai_auto_send_delayed(office.job("ai_auto_send_delayed", {"draft_id": draft_id}))


async def test_an_approved_draft_goes_out(office: Office, ask: Ask) -> None:
    """Its message and its last state are there."""
    draft_id = await office.draft("approved")
    await send(office, draft_id)
    assert await ask(OUTBOUND) == [{"draft_id": draft_id, "subject": "Re: Hello", "body": "Hi Ada", "channel": "email"}]
    assert await office.draft_states() == {draft_id: "sent"}


async def test_a_repeated_job_sends_nothing_more(office: Office, ask: Ask) -> None:
    """At least once for the job is at most once for the message."""
    draft_id = await office.draft("approved")
    for _ in range(3):
        await send(office, draft_id)
    assert len(await ask(OUTBOUND)) == 1


async def test_two_jobs_at_a_time_send_once(office: Office, ask: Ask) -> None:
    """Of eight at once, for each of five drafts."""
    drafts = [await office.draft("approved") for _ in range(5)]
    async with asyncio.timeout(30):
        await asyncio.gather(*(send(office, draft_id) for draft_id in drafts * 8))
    assert sorted(row["draft_id"] for row in await ask(OUTBOUND)) == drafts
    assert set((await office.draft_states()).values()) == {"sent"}


async def test_a_job_that_died_half_way_is_finished_by_the_next(
    office: Office, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails after its message was stored: neither message nor state stays, and the next attempt sends once."""
    draft_id = await office.draft("approved")

    class DyingInbox(Inbox):
        async def send(self, draft: Draft, now: datetime) -> None:
            await super().send(draft, now)
            raise ConnectionError("the process dies here")

    with monkeypatch.context() as patch:
        patch.setattr(sending, "Inbox", DyingInbox)
        with pytest.raises(ConnectionError):
            await send(office, draft_id)
    assert await ask(OUTBOUND) == []
    assert await office.draft_states() == {draft_id: "sending"}
    await send(office, draft_id)
    assert len(await ask(OUTBOUND)) == 1
    assert await office.draft_states() == {draft_id: "sent"}


async def test_a_draft_whose_message_went_out_gets_no_second_one(office: Office, ask: Ask) -> None:
    """Its state was never recorded; now it is, and nothing is sent."""
    draft_id = await office.draft("sending")
    await office.message(direction="outbound", body="Hi", draft_id=draft_id)
    await send(office, draft_id)
    assert len(await ask(OUTBOUND)) == 1
    assert await office.draft_states() == {draft_id: "sent"}


@pytest.mark.parametrize("state", ["approved", "sending"])
async def test_nothing_goes_to_a_lead_that_has_opted_out(office: Office, ask: Ask, state: str) -> None:
    """The draft is turned down, however far it has come."""
    draft_id = await office.draft(state)
    await ask("UPDATE outreach.lead SET opted_out_at = now()")
    await send(office, draft_id)
    assert await ask(OUTBOUND) == []
    assert await office.draft_states() == {draft_id: "rejected"}


async def test_a_draft_waits_for_its_time(office: Office, ask: Ask) -> None:
    """The job asks for that time, and changes nothing."""
    draft_id = await office.draft("approved", send_in=5)
    with pytest.raises(RetryJobError) as raised:
        await send(office, draft_id)
    assert [{"send_at": raised.value.at}] == await ask("SELECT send_at FROM outreach.ai_draft")
    assert await office.draft_states() == {draft_id: "approved"}


@pytest.mark.parametrize("state", ["pending", "rejected", "sent"])
async def test_what_nobody_approved_is_not_sent(office: Office, ask: Ask, state: str) -> None:
    """Pending, rejected and sent drafts stay as they are."""
    draft_id = await office.draft(state)
    await send(office, draft_id)
    assert await ask(OUTBOUND) == []
    assert await office.draft_states() == {draft_id: state}


async def test_an_opt_out_and_a_sending_job_at_a_time_never_cross(office: Office, ask: Ask) -> None:
    """Whichever is first: a message that went out went out before the opt-out."""
    for _ in range(10):
        lead_id = await office.lead()
        draft_id = await office.draft("approved", lead_id=lead_id)
        opt_out = "UPDATE outreach.lead SET opted_out_at = clock_timestamp() WHERE id = %(id)s"
        async with asyncio.timeout(20):
            await asyncio.gather(send(office, draft_id), ask(opt_out, id=lead_id))
    states = set((await office.draft_states()).values())
    assert states <= {"sent", "rejected"}
    assert len(await ask(OUTBOUND)) == list((await office.draft_states()).values()).count("sent")
