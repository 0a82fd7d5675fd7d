"""What the engine itself tells of a tick's events, over Inngest's REST API: Cloud, self-hosted and local alike.

Rule: api-docs.inngest.com (Authentication, v1), and the server's pkg/api/apiv1 and pkg/authn: a bearer token, which is
the signing key or its hash. The hash is shown, so that an engine that is not ours learns no key.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote

import httpx

from tickover.engine.signing import bare
from tickover.verify.facts import EngineEvent, EngineFacts, EngineRun

_TIMEOUT = 2.0  # seconds a question may take
_MOST_EVENTS = 20  # of a tick
_MOST_LISTED = 50  # events of a name that are looked through for an earlier one
_MOST_EARLIER = 3


class _NotToldError(Exception):
    """The engine did not answer a question; the text says how. `status`: 0 where it could not be reached."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class EngineApi:
    """Asks the engine. Use it as a context manager.

    Args:
        url: where.
        signing_key: what the engine knows this application by; None where none is needed.
        env: the engine's branch environment, or None.
    """

    def __init__(self, url: str, signing_key: str | None, env: str | None) -> None:
        self._url = url
        headers = {} if env is None else {"x-inngest-env": env}
        if signing_key is not None:
            headers["authorization"] = f"Bearer {bearer(signing_key)}"
        self._client = httpx.AsyncClient(base_url=url, headers=headers, timeout=None)  # noqa: S113 - bounded as a whole, by _get

    async def __aenter__(self) -> Self:
        """Nothing is opened before the first question."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def tell(self, app_id: str, event_ids: Sequence[str]) -> EngineFacts:
        """What the engine knows of these events and of an application's functions; an engine that is away says so."""
        functions, why = None, ""
        try:
            functions = _places(await self._get(f"/v1/apps/{quote(app_id, safe='')}/functions"))
        except _NotToldError as error:
            if error.status in {0, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                return EngineFacts(self._url, str(error))  # it answers nothing else either: one timeout is enough
            why = str(error)
        events = await asyncio.gather(*(self._event(id_) for id_ in event_ids[:_MOST_EVENTS]))
        return EngineFacts(self._url, "", {event.id: event for event in events}, functions, why)

    async def _event(self, id_: str) -> EngineEvent:
        try:
            body = _data(await self._get(f"/v1/events/{quote(id_, safe='')}"))
        except _NotToldError as error:
            return EngineEvent(id_, False if error.status == HTTPStatus.NOT_FOUND else None, why=str(error))
        name = str(body.get("name", "")) if isinstance(body, dict) else ""
        try:
            runs = await self._runs(id_)
            earlier = [] if runs or not name else await self._earlier(id_, body)
        except _NotToldError as error:
            return EngineEvent(id_, known=True, name=name, why=str(error))
        return EngineEvent(id_, known=True, name=name, runs=tuple(runs), earlier=tuple(earlier))

    async def _runs(self, event_id: str) -> list[EngineRun]:
        rows = _data(await self._get(f"/v1/events/{quote(event_id, safe='')}/runs"))
        return [
            EngineRun(str(row.get("run_id", "")), str(row.get("status", "")), _text(row.get("output")))
            for row in (rows if isinstance(rows, list) else [])
            if isinstance(row, dict)
        ]

    async def _earlier(self, id_: str, body: Mapping[str, Any]) -> list[EngineRun]:
        """The runs of other events with the id that this one's sender gave it: those it was taken for a repeat of."""
        parameters = {"name": str(body["name"]), "limit": str(_MOST_LISTED)}
        if body.get("received_at"):
            parameters["received_before"] = str(body["received_at"])
        rows = _data(await self._get("/v1/events", parameters))
        same = [
            str(row.get("internal_id", ""))
            for row in (rows if isinstance(rows, list) else [])
            if isinstance(row, dict) and row.get("id") == body.get("id") and row.get("internal_id") != id_
        ]
        runs = await asyncio.gather(*(self._runs(other) for other in same[:_MOST_EARLIER]))
        return [run for some in runs for run in some]

    async def _get(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        """A question's answer, as JSON.

        Raises:
            _NotToldError: there is none.
        """
        try:
            async with asyncio.timeout(_TIMEOUT):
                answer = await self._client.get(path, params=parameters)
        except (httpx.HTTPError, TimeoutError) as error:
            said = f"{type(error).__name__}: {error}".rstrip(": ")
            raise _NotToldError(f"{self._url} does not answer ({said})", 0) from error
        if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            text = f"{self._url} answers {answer.status_code}: our INNGEST_SIGNING_KEY is not one of its own"
            raise _NotToldError(text, answer.status_code)
        if not answer.is_success:
            raise _NotToldError(f"{self._url}{path} answers {answer.status_code}", answer.status_code)
        try:
            return answer.json()
        except ValueError as error:
            raise _NotToldError(f"{self._url}{path} answers no JSON", answer.status_code) from error


def bearer(signing_key: str) -> str:
    """What the engine is shown: the hash of a signing key, as the SDK shows it; a key that is not hex as it is."""
    try:
        raw = bytes.fromhex(bare(signing_key))
    except ValueError:
        return signing_key
    return hashlib.sha256(raw).hexdigest()


def _data(answer: Any) -> Any:
    return answer.get("data") if isinstance(answer, dict) else None


def _text(output: Any) -> str:
    if isinstance(output, str):
        return output
    return "" if output is None else json.dumps(output)


def _places(rows: Any) -> dict[str, str]:
    """Where each function is called, by its id; `null` is the server's empty list."""
    places = {}
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and not _is_archived(row):
            places[str(row.get("id", ""))] = _place(row.get("config"))
    return places


def _is_archived(row: Mapping[str, Any]) -> bool:
    at = row.get("archived_at")
    return isinstance(at, str) and not at.startswith("0001-")  # Go's time that was never set


def _place(config: Any) -> str:
    """The URL of a function's first step."""
    steps = config.get("steps") if isinstance(config, dict) else None
    first = steps[0] if isinstance(steps, list) and steps else None
    return str(first.get("uri", "")) if isinstance(first, dict) else ""
