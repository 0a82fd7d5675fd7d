import json

import pytest

from tickover.engine.refused import refusal
from tickover.ticks.findings import REMEDIES

SIGNED = {"x-inngest-signature": "t=1&s=2"}


def body(code: str) -> bytes:
    """An error as the SDK answers it."""
    return json.dumps({"code": code, "message": "…", "name": "Error"}).encode()


@pytest.mark.parametrize(
    ("method", "headers", "status", "answer", "cause"),
    [
        ("POST", SIGNED, 401, b'{"message": "Unauthorized"}', "signature"),
        ("POST", {}, 401, b'{"message": "Unauthorized"}', "unsigned"),
        ("PUT", SIGNED, 401, b"", "signature"),
        ("POST", SIGNED, 500, body("function_not_found"), "unknown-function"),
        ("PUT", {"x-inngest-server-kind": "dev"}, 400, body("server_kind_mismatch"), "server-kind"),
    ],
)
def test_each_cause_is_told_from_the_answer(
    method: str, headers: dict[str, str], status: int, answer: bytes, cause: str
) -> None:
    """Each has a remedy, too."""
    found = refusal(method, {"fnId": "app-f"}, headers, status, answer)
    assert found is not None
    assert found[0] == cause
    assert ("engine", cause) in REMEDIES


@pytest.mark.parametrize(
    ("method", "status", "answer"),
    [
        ("POST", 200, b"{}"),
        ("POST", 206, b"[]"),
        ("POST", 500, body("unknown")),
        ("POST", 500, b"<html>"),
        ("POST", 500, b"[1]"),
        ("POST", 500, b'{"code": 7}'),
        ("GET", 401, b""),
    ],
)
def test_what_was_let_in_is_no_refusal(method: str, status: int, answer: bytes) -> None:
    """A function that failed, in whatever form, was called; and whoever only asks is not the engine."""
    assert refusal(method, {}, SIGNED, status, answer) is None


def test_what_a_stranger_sends_is_cut() -> None:
    """A function id and a server kind of any length do not fill the database."""
    for headers, code in (
        ({}, "function_not_found"),
        ({"x-inngest-server-kind": "k" * 10_000}, "server_kind_mismatch"),
    ):
        found = refusal("POST", {"fnId": "f" * 10_000}, headers, 500, body(code))
        assert found is not None
        assert len(found[1]) < 250
