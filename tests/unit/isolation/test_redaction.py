"""No secret is left in a text that is shown or kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.isolation.keys import SECRETS
from tickover.isolation.redaction import redact, redact_all, secrets_in

VARIABLES = {
    "INNGEST_EVENT_KEY": "an/event key\n",
    "CRON_SECRET": "cron-secret-1",
    "CRON_SECRET_PREVIOUS": "cron-secret-1-and-more",
    "DATABASE_URL": "postgresql://user:pass%2Fword@host/db",
    "REDIS_URL": "rediss://:redis-password@host",
    "JOBS_HEARTBEAT_URL": "https://hc.example/ping/0a1b",
    "OUTREACH_URL": "https://host/?sslmode=x&password=in%20query",
    "HOME": "/home/of-somebody",
    "BROKEN_URL": "http://[oops",
}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("POST /e/an/event key failed", "POST /e/<INNGEST_EVENT_KEY> failed"),
        ("POST /e/an%2Fevent%20key failed", "POST /e/<INNGEST_EVENT_KEY> failed"),
        ("Bearer cron-secret-1.", "Bearer <CRON_SECRET>."),
        ("Bearer cron-secret-1-and-more", "Bearer <CRON_SECRET_PREVIOUS>"),
        ("postgresql://user:pass%2Fword@host", "postgresql://user:<DATABASE_URL>@host"),
        ("password pass/word of user", "password <DATABASE_URL> of user"),
        ("AUTH redis-password", "AUTH <REDIS_URL>"),
        ("GET https://hc.example/ping/0a1b", "GET <JOBS_HEARTBEAT_URL>"),
        ("?password=in%20query, in query", "?password=<OUTREACH_URL>, <OUTREACH_URL>"),
        ("/home/of-somebody at host", "/home/of-somebody at host"),
        ("http://[oops", "http://[oops"),
    ],
)
def test_secrets_are_replaced_by_the_names_of_their_variables(text: str, shown: str) -> None:
    """In the forms they are met in: as they are, and as part of a URL; the longest first."""
    assert redact(text, secrets_in(VARIABLES)) == shown


def test_short_secrets_and_no_secrets_leave_texts_as_they_are() -> None:
    """What has fewer than six characters would take words out of every text."""
    assert secrets_in({"CRON_SECRET": "the", "DATABASE_URL": "postgresql://u:x@h/d", "REDIS_URL": ""}) == {}
    assert redact("the text", {}) == "the text"


def test_the_name_of_a_variable_is_not_taken_for_a_secret() -> None:
    """A secret that is part of another variable's name spoils no replacement."""
    variables = {"CRON_SECRET": "INNGEST", "INNGEST_EVENT_KEY": "an-event-key"}
    assert redact("an-event-key INNGEST", secrets_in(variables)) == "<INNGEST_EVENT_KEY> <CRON_SECRET>"


def test_json_is_redacted_inside() -> None:
    """Texts in lists and objects, whatever else is there."""
    value = {"a": ["Bearer cron-secret-1", 1, None], "b": {"c": ("cron-secret-1",)}}
    shown = {"a": ["Bearer <CRON_SECRET>", 1, None], "b": {"c": ["<CRON_SECRET>"]}}
    assert redact_all(value, secrets_in(VARIABLES)) == shown


SECRET = st.text(alphabet="abc/ %", min_size=6, max_size=12).filter(lambda value: len(value.strip()) >= 6)


@given(st.dictionaries(st.sampled_from(SECRETS), SECRET), st.data())
def test_no_secret_is_left(held: dict[str, str], data: st.DataObject) -> None:
    """Wherever and however often they stand in a text, next to one another or not."""
    secrets = secrets_in(held)
    parts = st.lists(st.sampled_from([*(value.strip() for value in held.values()), " ", "x"]))
    text = redact("|".join(data.draw(parts)), secrets)
    assert [value for value in held.values() if value.strip() in text] == []
