"""Calls of the engine to an application: made, signed, and their answers checked."""

import base64
import io
import json
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import aiohttp
import structlog

from tickover import clock
from tickover.localengine import signature
from tickover.localengine.faults.faults import Faults
from tickover.localengine.identifiers import fresh_ulid
from tickover.localengine.outcome import Answer
from tickover.localengine.retry import DEFAULT_RETRIES
from tickover.localengine.store import Item
from tickover.localengine.wire import function_uuid

_log = structlog.stdlib.get_logger("tickover.engine")
_JSON = "application/json"
LARGEST_ANSWER = 4 * 1024 * 1024
"""Bytes of an answer (the limit of the real engine)."""

_ANSWERS = frozenset({200, 206})
_KEEPALIVE = 2.0  # seconds; shorter than servers keep an idle connection, so that no call meets one that closes
_FORGED = "signkey-test-" + "00" * 32  # nobody's
_WRITTEN_AT_ONCE = 2**20  # bytes
_SYNC_TIMEOUT = 10.0
_LONGEST_REASON = 300


def attempts_after_first(item: Item) -> int:
    """Retries that the function of a call allows."""
    return DEFAULT_RETRIES if item.retries is None else item.retries


class Caller:
    """Makes the engine's calls.

    Args:
        signing_key: what to sign with; nothing is signed or checked where it is None.
        timeout: seconds a call may take.
        concurrency: calls at a time.
        server_kind: what this engine is, `dev` or `cloud`.
        faults: what goes wrong on command.
    """

    def __init__(
        self, signing_key: str | None, timeout: float, concurrency: int, server_kind: str, faults: Faults
    ) -> None:
        self._signing_key = signing_key
        self._timeout = timeout
        self._concurrency = concurrency
        self._server_kind = server_kind
        self._faults = faults
        self._session: aiohttp.ClientSession

    async def open(self) -> None:
        """Be ready to call."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._concurrency + 10, keepalive_timeout=_KEEPALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,  # no proxy of the environment stands between this machine and itself
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def call(self, item: Item, *, forge: bool = False) -> Answer:
        """Call a function; whatever goes wrong is an answer with a fault.

        Args:
            item: the call.
            forge: sign with another key.
        """
        request_id = fresh_ulid(self._millis())
        try:
            content = self._written(_body(item, request_id))
        except (ValueError, ArithmeticError, RecursionError) as error:
            return Answer(0, fault=f"the call cannot be written: {type(error).__name__}: {error}")
        try:
            headers = self._headers(item, request_id, content, forge=forge)
            status, headers, body = await self._post(_url(item), content, headers)
        except TimeoutError:
            return Answer(0, fault=f"the application did not answer within {self._timeout:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(0, fault=f"the application cannot be reached: {_said(error)}")
        except Exception as error:  # noqa: BLE001 - the end of a call: it counts as an attempt, lest it be made for ever
            _log.exception("call.broke", run_id=item.run_id, function=item.function_id)
            return Answer(0, fault=f"the engine could not call: {_said(error)}")
        return self._checked(status, headers, body)

    async def sync(self, url: str) -> str:
        """Ask an application to register: why it did not, empty where it did.

        Raises:
            ConnectionError: it cannot be reached.
        """
        content = self._written({"url": url})
        headers = self._signed(content) | {"x-inngest-server-kind": self._server_kind}
        try:
            async with self._session.put(
                url,
                data=content,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=_SYNC_TIMEOUT),
            ) as response:
                text = (await response.content.read(_LONGEST_REASON)).decode(errors="replace")
                return "" if response.ok and response.status < 300 else f"it answers {response.status}: {text}"  # noqa: PLR2004
        except TimeoutError:
            raise ConnectionError(f"no answer within {_SYNC_TIMEOUT:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ConnectionError(_said(error)) from error

    async def _post(self, url: str, content: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer; of a body that is too large, more than is allowed."""
        body = bytearray()
        async with self._session.post(
            url,
            # aiohttp warns of large bytes, which it writes at once; it reads a file in parts.
            data=content if len(content) <= _WRITTEN_AT_ONCE else io.BytesIO(content),
            headers=headers,
            allow_redirects=False,  # who followed would sign for a stranger
            timeout=aiohttp.ClientTimeout(total=self._timeout),
        ) as response:
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    response.close()
                    break
            return response.status, {name.lower(): value for name, value in response.headers.items()}, bytes(body)

    def _headers(self, item: Item, request_id: str, content: bytes, *, forge: bool) -> dict[str, str]:
        return self._signed(content, forge=forge) | {
            "user-agent": "Inngest",
            "x-inngest-generation-id": str(item.attempt + 1),
            "x-inngest-job-id": item.job_id,
            "x-inngest-req-version": str(item.version),
            "x-inngest-step-id": item.step_id,
            "x-request-id": request_id,
            "x-run-id": item.run_id,
        }

    def _written(self, body: object) -> bytes:
        """A body; in the canonical form where it is signed, for that is what a signature is over."""
        if self._signing_key is not None:
            return signature.canonical(body)
        return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()

    def _signed(self, content: bytes, *, forge: bool = False) -> dict[str, str]:
        headers = {"content-type": _JSON}
        if self._signing_key is not None:
            key = _FORGED if forge else self._signing_key
            headers[signature.HEADER] = signature.sign(content, key, self._millis() // 1000)
        return headers

    def _checked(self, status: int, headers: dict[str, str], content: bytes) -> Answer:
        if len(content) > LARGEST_ANSWER:
            return Answer(status, fault=f"the answer is larger than {LARGEST_ANSWER} bytes")
        if self._signing_key is not None and not self._holds(headers.get(signature.HEADER), content):
            # Of an answer that is not believed, nothing is but its status: anybody may have sent it.
            unsigned = "the answer carries no signature of this engine's signing key"
            return Answer(status, fault=unsigned if status in _ANSWERS else None)
        try:
            body = json.loads(content) if content else None
        except (ValueError, RecursionError):
            # A login page, or a proxy's: whatever it is, no function has returned it.
            return Answer(status, headers, fault="the answer is no JSON" if status in _ANSWERS else None)
        return Answer(status, headers, body, len(content))

    def _holds(self, shown: str | None, content: bytes) -> bool:
        return signature.holds(content, self._signing_key or "", shown, self._millis() // 1000)

    def _millis(self) -> int:
        # Not the engine's own time: the application, too, signs and checks by the machine's.
        return int((clock.now() + self._faults.skew()).timestamp() * 1000)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")[:_LONGEST_REASON]


def _url(item: Item) -> str:
    """The registered URL, asking for this call's step."""
    parts = urlsplit(item.url)
    query = [(name, item.step_id if name == "stepId" else value) for name, value in parse_qsl(parts.query)]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _body(item: Item, request_id: str) -> dict[str, Any]:
    context = {
        "attempt": item.attempt,
        "disable_immediate_execution": item.step_id != "step",
        "env": "",
        "fn_id": function_uuid(item.function_id),
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
