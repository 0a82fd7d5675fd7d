from typing import Any

import pytest

from tickover.outreach.handlers.payload import PayloadError, subject_of


def test_a_payload_names_one_row_of_its_client() -> None:
    """The client and the id come back."""
    assert subject_of("acme", {"lead_id": 7, "more": 1}, "lead_id") == ("acme", 7)


@pytest.mark.parametrize(
    "payload", [None, [], "7", {}, {"lead_id": "7"}, {"lead_id": True}, {"lead_id": 0}, {"lead_id": 2**63}]
)
def test_a_payload_without_an_id_is_refused(payload: Any) -> None:
    """The error says what is needed."""
    with pytest.raises(PayloadError, match="needs lead_id, a positive integer"):
        subject_of("acme", payload, "lead_id")


def test_a_job_without_a_client_is_refused() -> None:
    """Rows belong to clients, so a job must too."""
    with pytest.raises(PayloadError, match="client_id"):
        subject_of(None, {"lead_id": 7}, "lead_id")
