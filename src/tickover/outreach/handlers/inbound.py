"""Job kinds `email_inbound_post_process` and `sms_inbound_post_process`: understand what came in, prepare an answer.

All that follows from a message is the job's own transaction, so it happens once; it begins by marking the message as
processed, so that a second job for the same message finds it marked and does nothing.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tickover import clock
from tickover.jobs.handler import Job
from tickover.outreach.handlers.payload import missing, subject_of
from tickover.outreach.reading.intent import Intent, detect
from tickover.outreach.reading.mime import read_mail
from tickover.outreach.reading.quoting import Reply, strip_quoted
from tickover.outreach.reading.replies import compose_reply, is_reply_subject, reply_subject
from tickover.outreach.states import Channel, DraftState, Interest
from tickover.outreach.store import Inbound, Inbox, Understood

SEND_DELAY = timedelta(minutes=1)
"""How long an approved draft waits, so that a person can still turn it down."""

_NOTHING = Intent(opt_out=False, interest=Interest.UNCLEAR, guesses=())
_WORKSPACE_TOPICS = frozenset({"pricing"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message says.

    Args:
        subject: an e-mail's subject, None for an SMS.
        reply: its text, taken apart.
        intent: what its writer wants.
        automatic: a machine wrote it, so it gets no answer.
        notes: what was wrong with it.
    """

    subject: str | None
    reply: Reply
    intent: Intent
    automatic: bool = False
    notes: tuple[str, ...] = ()


def read_email(raw: bytes) -> Reading:
    """Read an e-mail. What a machine wrote means nothing. Pure."""
    mail = read_mail(raw)
    reply = strip_quoted(mail.text)
    own_subject = "" if is_reply_subject(mail.subject) else mail.subject
    intent = _NOTHING if mail.automatic else detect(reply.text or own_subject)
    return Reading(mail.subject, reply, intent, mail.automatic, mail.notes)


def read_sms(body: str) -> Reading:
    """Read an SMS. Pure."""
    notes = () if body.strip() else ("the message is empty",)
    return Reading(None, Reply(body.strip(), quoted=False, forwarded=False), detect(body), notes=notes)


async def email_inbound_post_process(job: Job) -> None:
    """Post-process the e-mail that the payload's `message_id` names.

    Raises:
        PayloadError: the payload names no e-mail of the job's client.
    """
    inbound = await _read(job, Channel.EMAIL)
    if not inbound.processed:
        # A large mail takes the parser long enough to keep the other jobs waiting, so it is parsed in a thread.
        reading = await asyncio.to_thread(read_email, inbound.raw or b"")
        await _follow(job, inbound, Channel.EMAIL, reading)


async def sms_inbound_post_process(job: Job) -> None:
    """Post-process the SMS that the payload's `message_id` names.

    Raises:
        PayloadError: the payload names no SMS of the job's client.
    """
    inbound = await _read(job, Channel.SMS)
    if not inbound.processed:
        await _follow(job, inbound, Channel.SMS, read_sms(inbound.body or ""))


async def _read(job: Job, channel: Channel) -> Inbound:
    client_id, message_id = subject_of(job.client_id, job.payload, "message_id")
    async with job.database.connection() as connection:
        inbound = await Inbox(connection, client_id).read_inbound(message_id, channel)
    if inbound is None:
        raise missing(f"inbound {channel} message", message_id, client_id)
    return inbound


async def _follow(job: Job, inbound: Inbound, channel: Channel, reading: Reading) -> None:
    """Do all that follows from a message, at once."""
    now = clock.now()
    understood = Understood(reading.subject, reading.reply.text, reading.intent.interest, reading.notes)
    async with job.transaction() as connection:
        inbox = Inbox(connection, str(job.client_id))
        if not await inbox.finish_inbound(inbound.id, understood, now):
            return  # another attempt was faster
        opted_out = await inbox.lock_lead(inbound.lead_id)
        if reading.intent.opt_out:
            await inbox.opt_out(inbound.lead_id, now)
            opted_out = True
        await _remember(inbox, inbound.lead_id, reading.intent, now)
        if not opted_out and not reading.automatic:
            await _draft(inbox, inbound, channel, reading, now)
        await inbox.enqueue("lead_scoring", {"lead_id": inbound.lead_id})
        await inbox.enqueue("conversation_sync", {"lead_id": inbound.lead_id})
    job.log.info(
        "message.processed",
        message_id=inbound.id,
        interest=str(reading.intent.interest),
        opted_out=opted_out,
        notes=list(reading.notes),
    )


async def _remember(inbox: Inbox, lead_id: int, intent: Intent, now: datetime) -> None:
    # In the order of their topics, so that two messages at a time cannot wait for each other's rows.
    for guess in intent.guesses:
        await inbox.remember_about_lead(lead_id, guess, now + guess.lasts)
    for guess in intent.guesses:
        if guess.topic in _WORKSPACE_TOPICS:
            await inbox.remember_in_workspace(guess, now + guess.lasts)


async def _draft(inbox: Inbox, inbound: Inbound, channel: Channel, reading: Reading, now: datetime) -> None:
    """Open a draft pipeline run with a draft; a clear case is approved at once and sent after a delay."""
    body = compose_reply(inbound.lead_name, reading.intent.interest)
    await inbox.open_pipeline_run(inbound.lead_id, inbound.id, _artifacts(reading, body))
    clear = reading.intent.interest is Interest.INTERESTED
    subject = None if reading.subject is None else reply_subject(reading.subject)
    state = DraftState.APPROVED if clear else DraftState.PENDING
    draft_id = await inbox.add_draft(inbound, channel, subject, body, state, now + SEND_DELAY)
    if clear:
        await inbox.enqueue(
            "ai_auto_send_delayed", {"draft_id": draft_id}, run_at=now + SEND_DELAY, dedupe_key=f"draft:{draft_id}"
        )


def _artifacts(reading: Reading, body: str) -> dict[str, Any]:
    return {
        "reading": {
            "quoted": reading.reply.quoted,
            "forwarded": reading.reply.forwarded,
            "characters": len(reading.reply.text),
            "notes": list(reading.notes),
        },
        "intent": {
            "interest": str(reading.intent.interest),
            "guesses": {guess.topic: guess.content for guess in reading.intent.guesses},
        },
        "draft": {"body": body},
    }
