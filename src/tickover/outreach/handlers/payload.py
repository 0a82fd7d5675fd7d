"""What a job of the reference application must name: its client, and one row of that client's. Pure."""

from typing import Any

from tickover.errors import TickoverError


class PayloadError(TickoverError):
    """A job's payload does not say what it has to, or names a row that its client does not have."""


def subject_of(client_id: str | None, payload: Any, field: str) -> tuple[str, int]:
    """The client of a job and the id of the row it is about.

    Args:
        client_id: the job's client.
        payload: the job's payload.
        field: the payload's field that holds the id.

    Raises:
        PayloadError: the client is missing, or the field is missing or no positive integer.
    """
    if client_id is None:
        raise PayloadError("the job has no client; enqueue it with client_id")
    row_id = payload.get(field) if isinstance(payload, dict) else None
    if not isinstance(row_id, int) or isinstance(row_id, bool) or not 0 < row_id < 2**63:
        raise PayloadError(f"the payload needs {field}, a positive integer; got {row_id!r:.80}")
    return client_id, row_id


def missing(what: str, row_id: int, client_id: str) -> PayloadError:
    """The error for a row that is not there."""
    return PayloadError(f"client {client_id} has no {what} {row_id}; it was deleted, or the payload is wrong")
