"""Job kind `ai_auto_send_delayed`: send an approved draft, at most once, and never to a lead that has opted out."""

from datetime import datetime
from enum import Enum, auto

from tickover import clock
from tickover.jobs.handler import Job, RetryJobError
from tickover.outreach.handlers.payload import missing, subject_of
from tickover.outreach.states import DraftState
from tickover.outreach.store import Draft, Inbox


class Verdict(Enum):
    """What is to be done about a draft."""

    SEND = auto()
    WAIT = auto()
    WITHDRAW = auto()
    NOTHING = auto()


def decide(state: DraftState, send_at: datetime, *, opted_out: bool, now: datetime) -> Verdict:
    """What a sending job does about its draft. Pure.

    A draft in `sending` is sent too: an earlier attempt at the job marked it and died before its message was stored.
    """
    if state not in {DraftState.APPROVED, DraftState.SENDING}:
        return Verdict.NOTHING
    if opted_out:
        return Verdict.WITHDRAW
    if state is DraftState.APPROVED and send_at > now:
        return Verdict.WAIT
    return Verdict.SEND


async def ai_auto_send_delayed(job: Job) -> None:
    """Send the draft that the payload's `draft_id` names, if it is approved, due, and its lead still listens.

    First it is marked as being sent, so that nobody turns it down any more. Then its message and its last state are
    stored in the job's own transaction: there is no message without that state, and no second message.

    Raises:
        PayloadError: the payload names no draft of the job's client.
        RetryJobError: its time has not come.
    """
    client_id, draft_id = subject_of(job.client_id, job.payload, "draft_id")
    if await _step(job, client_id, draft_id, last=False):
        await _step(job, client_id, draft_id, last=True)


async def _step(job: Job, client_id: str, draft_id: int, *, last: bool) -> bool:
    """Mark the draft, or send it; decided anew under its lock. Whether there is more to do."""
    now = clock.now()
    async with job.transaction() if last else job.database.transaction() as connection:
        inbox = Inbox(connection, client_id)
        draft = await inbox.lock_draft(draft_id)
        if draft is None:
            raise missing("draft", draft_id, client_id)
        verdict = decide(
            DraftState(draft.state), draft.send_at, opted_out=await inbox.lock_lead(draft.lead_id), now=now
        )
        if verdict is Verdict.WAIT:
            raise RetryJobError(draft.send_at, "its time has not come")
        if verdict is Verdict.WITHDRAW:
            await inbox.move_draft(draft.id, DraftState.REJECTED, now)
        elif verdict is Verdict.SEND:
            await _send(inbox, draft, last=last, now=now)
    job.log.info("draft.decided", draft_id=draft_id, verdict=verdict.name.lower(), last=last)
    return verdict is Verdict.SEND


async def _send(inbox: Inbox, draft: Draft, *, last: bool, now: datetime) -> None:
    if last:
        await inbox.send(draft, now)
        await inbox.move_draft(draft.id, DraftState.SENT, now)
    elif draft.state == DraftState.APPROVED:
        await inbox.move_draft(draft.id, DraftState.SENDING, now)
