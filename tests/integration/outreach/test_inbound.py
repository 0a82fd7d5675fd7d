"""What follows from a message that came in."""

import asyncio
from typing import Any

import pytest

from tests.integration.outreach.conftest import Ask, Office
from tickover.outreach.handlers import HANDLERS
from tickover.outreach.handlers.inbound import email_inbound_post_process, sms_inbound_post_process
from tickover.outreach.handlers.payload import PayloadError

LEAD = "SELECT opted_out_at IS NOT NULL AS out FROM outreach.lead WHERE id = %(id)s"
MEMORIES = "SELECT source, topic, content, expires_at > now() AS alive FROM outreach.{} ORDER BY topic, source"
TABLES = (
    "ai_draft",
    "draft_pipeline_run",
    "draft_pipeline_artifact",
    "lead_memory_entry",
    "workspace_memory_entry",
    "message",
)


async def process(office: Office, message_id: int, channel: str = "email") -> None:
    """Run the message's job."""
    handler = email_inbound_post_process if channel == "email" else sms_inbound_post_process
    await handler(office.job(f"{channel}_inbound_post_process", {"message_id": message_id}))


async def counts(office: Office) -> dict[str, int]:
    """How many rows every table has."""
    return {table: await office.count(table) for table in TABLES}


async def test_a_mail_that_shows_interest_gets_an_approved_draft(office: Office, ask: Ask) -> None:
    """The quoted part is stripped; run, artifacts, draft, memories and the jobs that follow are there."""
    text = "I'm interested. What is the price?\r\n\r\nOn Monday, Team wrote:\r\n> answer STOP"
    await process(office, await office.email(text))
    (message,) = await ask("SELECT subject, body, interest, notes, processed_at FROM outreach.message")
    assert message["processed_at"] is not None
    assert (message["subject"], message["body"], message["interest"], message["notes"]) == (
        "Re: Hello",
        "I'm interested. What is the price?",
        "interested",
        [],
    )
    (draft,) = await ask("SELECT state, subject, body, send_at > now() AS later FROM outreach.ai_draft")
    assert (draft["state"], draft["subject"], draft["later"]) == ("approved", "Re: Hello", True)
    assert draft["body"].startswith("Hi Ada,")
    stages = await ask("SELECT stage FROM outreach.draft_pipeline_artifact ORDER BY id")
    assert [row["stage"] for row in stages] == ["reading", "intent", "draft"]
    assert await office.jobs() == ["ai_auto_send_delayed", "lead_scoring", "conversation_sync"]
    for table in ("lead_memory_entry", "workspace_memory_entry"):
        (memory,) = await ask(MEMORIES.format(table))
        assert (memory["source"], memory["topic"], memory["alive"]) == ("inference", "pricing", True)


async def test_an_unclear_mail_gets_a_draft_that_waits_for_a_person(office: Office, ask: Ask) -> None:
    """It is pending, and nothing is going to send it."""
    await process(office, await office.email("Who are you?"))
    assert [row["state"] for row in await ask("SELECT state FROM outreach.ai_draft")] == ["pending"]
    assert "ai_auto_send_delayed" not in await office.jobs()


@pytest.mark.parametrize(("channel", "text"), [("email", "Please remove me from your list"), ("sms", "STOP")])
async def test_who_opts_out_gets_no_draft(office: Office, ask: Ask, channel: str, text: str) -> None:
    """The lead is marked, nothing is drafted, nothing is guessed."""
    email = channel == "email"
    message_id = await (office.email(text) if email else office.message(body=text, channel="sms"))
    await process(office, message_id, channel)
    assert await ask(LEAD, id=office.lead_id) == [{"out": True}]
    assert await counts(office) == dict.fromkeys(TABLES, 0) | {"message": 1}


async def test_who_has_opted_out_gets_no_draft_later_either(office: Office) -> None:
    """A later mail that shows interest changes nothing about it."""
    await process(office, await office.email("unsubscribe"))
    await process(office, await office.email("Sounds good, send me the details"))
    assert await office.count("ai_draft") == 0


async def test_a_machine_gets_no_answer(office: Office) -> None:
    """An out-of-office note would otherwise start a conversation without end."""
    await process(office, await office.email("I am away. Call me next week.", "Auto-Submitted: auto-replied"))
    assert await counts(office) == dict.fromkeys(TABLES, 0) | {"message": 1}


@pytest.mark.parametrize(
    "raw", [b"", None, b"\x00\xff: \x00\r\n\r\n\xc3\x00", b"Content-Type: multipart/mixed\r\n\r\nx"]
)
async def test_a_malformed_mail_degrades_with_a_note(office: Office, ask: Ask, raw: bytes | None) -> None:
    """It is processed as far as it can be read, and says what was wrong."""
    await process(office, await office.message(raw=raw))
    (message,) = await ask("SELECT notes, processed_at FROM outreach.message")
    assert message["notes"]
    assert message["processed_at"] is not None


async def test_an_sms_gets_an_answer_on_its_own_channel(office: Office, ask: Ask) -> None:
    """Without a subject."""
    await process(office, await office.message(body="How much?", channel="sms"), "sms")
    assert await ask("SELECT channel, subject FROM outreach.ai_draft") == [{"channel": "sms", "subject": None}]


async def test_i4_a_job_that_runs_twice_changes_nothing_the_second_time(office: Office) -> None:
    """Neither one after the other, nor at the same time."""
    message_id = await office.email("I'm interested, what is the price?")
    await asyncio.gather(*(process(office, message_id) for _ in range(4)))
    first, jobs = await counts(office), await office.jobs()
    await process(office, message_id)
    assert await counts(office) == first
    assert first["ai_draft"] == 1
    assert await office.jobs() == jobs
    assert len(jobs) == 3


async def test_a_guess_never_replaces_what_a_person_wrote(office: Office, ask: Ask) -> None:
    """A newer guess replaces an older one about the same topic; manual and system entries stay as they are."""
    for source in ("manual", "system"):
        await ask(
            "INSERT INTO outreach.lead_memory_entry (client_id, lead_id, source, topic, content) "
            "VALUES ('acme', %(lead_id)s, %(source)s, 'pricing', 'kept')",
            lead_id=office.lead_id,
            source=source,
        )
    await process(office, await office.email("What is the price?"))
    await process(office, await office.email("How much for ten?"))
    rows = await ask(MEMORIES.format("lead_memory_entry"))
    assert [(row["source"], row["content"]) for row in rows] == [
        ("inference", "How much for ten?"),
        ("manual", "kept"),
        ("system", "kept"),
    ]


async def test_two_messages_of_one_lead_are_processed_at_the_same_time(office: Office) -> None:
    """Neither waits for the other for ever, and both count."""
    ids = [await office.email(f"I'm interested, number {n}. Price? Call me next week.") for n in range(8)]
    async with asyncio.timeout(30):
        await asyncio.gather(*(process(office, message_id) for message_id in ids))
    assert await office.count("ai_draft") == 8
    assert await office.count("lead_memory_entry") == 3


@pytest.mark.parametrize("kind", HANDLERS)
@pytest.mark.parametrize(
    "payload", [None, {}, {"message_id": "1"}, {"message_id": 999, "lead_id": 999, "draft_id": 999}]
)
async def test_a_wrong_payload_fails_clearly(office: Office, kind: str, payload: Any) -> None:
    """Every handler says what is missing, or that its client has no such row."""
    with pytest.raises(PayloadError, match="the payload"):
        await HANDLERS[kind](office.job(kind, payload))  # type: ignore[misc]


@pytest.mark.parametrize("kind", HANDLERS)
async def test_no_client_reaches_the_rows_of_another(office: Office, kind: str) -> None:
    """A job of another client, or of none, finds nothing."""
    message_id, draft_id = await office.email("Sounds good"), await office.draft("approved")
    payload = {"message_id": message_id, "lead_id": office.lead_id, "draft_id": draft_id}
    for client_id in ("birch", None):
        with pytest.raises(PayloadError, match="client"):
            await HANDLERS[kind](office.job(kind, payload, client_id))  # type: ignore[misc]
    assert await office.draft_states() == {draft_id: "approved"}
