"""Why did this application refuse a request of the engine? Pure, from the SDK's answer."""

import json
from collections.abc import Mapping
from http import HTTPStatus

_CODES = {"function_not_found": "unknown-function", "server_kind_mismatch": "server-kind"}
_LONGEST_ID = 100


def refusal(
    method: str, query: Mapping[str, str], headers: Mapping[str, str], status: int, body: bytes
) -> tuple[str, str] | None:
    """The cause for which a request was refused, and what was seen; None where it was let in.

    Args:
        method: of the request.
        query: its parameters.
        headers: its headers, with names in lower case.
        status: of the answer.
        body: of the answer.
    """
    if method not in {"POST", "PUT"} or status < HTTPStatus.BAD_REQUEST:
        return None
    what = "calls" if method == "POST" else "syncs"
    if status == HTTPStatus.UNAUTHORIZED:
        if "x-inngest-signature" not in headers:
            return "unsigned", f"{what} without a signature are answered 401"
        return "signature", f"{what} signed with another key are answered 401"
    cause = _CODES.get(_code(body))
    if cause == "unknown-function":
        return (
            cause,
            f"{what} for {query.get('fnId', '')[:_LONGEST_ID]!r}, which is not served here, are answered {status}",
        )
    if cause == "server-kind":
        kind = headers.get("x-inngest-server-kind", "unknown")[:_LONGEST_ID]
        return cause, f"{what} of a server of kind {kind!r} are answered {status}"
    return None


def _code(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except ValueError:
        return ""
    return str(answer.get("code", "")) if isinstance(answer, dict) else ""
