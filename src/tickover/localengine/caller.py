"""Calls of the engine to an application: made, signed, and their answers checked."""

import asyncio
import base64
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import httpx

from tickover import clock
from tickover.localengine import signature
from tickover.localengine.identifiers import fresh_ulid
from tickover.localengine.outcome import Answer, parse_body
from tickover.localengine.retry import DEFAULT_RETRIES
from tickover.localengine.store import Item
from tickover.localengine.wire import Registered

_JSON = "application/json"
LARGEST_ANSWER = 32 * 1024 * 1024
"""Bytes of an answer."""

_MUST_BE_SIGNED = frozenset({200, 206})


def attempts_after_first(item: Item) -> int:
    """Retries that the function of a call allows."""
    return DEFAULT_RETRIES if item.retries is None else item.retries


class Caller:
    """Makes the engine's calls.

    Args:
        client: for HTTP.
        signing_key: what to sign with; nothing is signed or checked where it is None.
        timeout: seconds a call may take.
        server_kind: what this engine is, `dev` or `cloud`.
    """

    def __init__(self, client: httpx.AsyncClient, signing_key: str | None, timeout: float, server_kind: str) -> None:
        self._client = client
        self._signing_key = signing_key
        self._timeout = timeout
        self._server_kind = server_kind

    async def call(self, item: Item) -> Answer:
        """Call a function; whatever goes wrong is an answer with a fault."""
        request_id = fresh_ulid(_millis())
        try:
            content = signature.canonical(_body(item, request_id))
            async with asyncio.timeout(self._timeout):
                return self._checked(*await self._post(_url(item), content, self._headers(item, request_id, content)))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Answer(0, fault=f"the application cannot be reached: {type(error).__name__}: {error}".rstrip(": "))
        except TimeoutError:
            return Answer(0, fault=f"the application did not answer within {self._timeout:g} s")
        except (ValueError, ArithmeticError, RecursionError) as error:
            return Answer(0, fault=f"the call cannot be written: {type(error).__name__}: {error}")

    async def sync(self, url: str) -> httpx.Response:
        """Ask an application to register.

        Raises:
            httpx.HTTPError: it cannot be reached.
        """
        content = signature.canonical({"url": url})
        headers = self._signed(content) | {"x-inngest-server-kind": self._server_kind}
        return await self._client.put(url, content=content, headers=headers, timeout=10.0)

    async def _post(self, url: str, content: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer; of a body that is too large, more than is allowed."""
        body = bytearray()
        async with self._client.stream("POST", url, content=content, headers=headers) as response:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    break
            return response.status_code, dict(response.headers), bytes(body)

    def _headers(self, item: Item, request_id: str, content: bytes) -> dict[str, str]:
        return self._signed(content) | {
            "user-agent": "Inngest",
            "x-inngest-generation-id": str(item.attempt + 1),
            "x-inngest-job-id": item.job_id,
            "x-inngest-req-version": str(item.version),
            "x-inngest-step-id": item.step_id,
            "x-request-id": request_id,
            "x-run-id": item.run_id,
        }

    def _signed(self, content: bytes) -> dict[str, str]:
        headers = {"content-type": _JSON}
        if self._signing_key is not None:
            headers[signature.HEADER] = signature.sign(content, self._signing_key, _millis() // 1000)
        return headers

    def _checked(self, status: int, headers: dict[str, str], content: bytes) -> Answer:
        fault = None
        if len(content) > LARGEST_ANSWER:
            fault = f"the answer is larger than {LARGEST_ANSWER} bytes"
        elif status in _MUST_BE_SIGNED and not self._holds(headers.get(signature.HEADER), content):
            fault = "the answer carries no signature of this engine's signing key"
        # Of an answer that is not believed, the headers are not believed either.
        return Answer(status, fault=fault) if fault else Answer(status, headers, parse_body(content))

    def _holds(self, shown: str | None, content: bytes) -> bool:
        if self._signing_key is None:
            return True
        return signature.holds(content, self._signing_key, shown, _millis() // 1000)


def _millis() -> int:
    return int(clock.now().timestamp() * 1000)


def _url(item: Item) -> str:
    """The registered URL, asking for this call's step."""
    parts = urlsplit(item.url)
    query = [(name, item.step_id if name == "stepId" else value) for name, value in parse_qsl(parts.query)]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _body(item: Item, request_id: str) -> dict[str, Any]:
    function = Registered(item.function_id, "", item.url, item.config)
    context = {
        "attempt": item.attempt,
        "disable_immediate_execution": item.step_id != "step",
        "env": "",
        "fn_id": function.uuid,
        "generation_id": item.attempt + 1,
        "job_id": item.job_id,
        "max_attempts": attempts_after_first(item) + 1,
        "qi_id": base64.b64encode(f"{item.job_id}::default".encode()).decode(),
        "request_id": request_id,
        "run_id": item.run_id,
        "stack": {"current": len(item.stack), "stack": item.stack},
        "step_id": "step",
        "use_api": False,
    }
    return {
        "ctx": context,
        "defers": {},
        "event": item.event,
        "events": [item.event],
        "steps": item.steps,
        "use_api": False,
        "version": item.version,
    }
