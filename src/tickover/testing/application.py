"""Applications in the hands of a test: served, and registered with the engine."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import fastapi
import httpx
import inngest
import inngest.fast_api

from tickover import clock
from tickover.localengine import signature
from tickover.testing.engine import Engine
from tickover.testing.errors import NotServedError
from tickover.testing.observed import Registration

_TIMEOUT = 15.0  # seconds of a sync
_LONGEST = 500  # characters of an answer that are shown
PATH = "/api/inngest"
"""Where the SDK serves functions unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class App:
    """An application that is served.

    Args:
        url: where: `http://127.0.0.1:` and its port.
        path: of its functions, below that.
    """

    url: str
    path: str


class Served(Protocol):
    """A server that is running."""

    url: str

    def stop(self) -> None:
        """End it, and its thread."""


class Apps:
    """Serves applications while a test runs.

    Args:
        engine: with which they register.
        client: for functions that come without an application.
        serve: serves an application under a name, in a thread of its own.
    """

    def __init__(self, engine: Engine, client: inngest.Inngest, serve: Callable[[Any, str], Served]) -> None:
        self._engine = engine
        self._client = client
        self._serve = serve
        self._served: list[Served] = []

    def __call__(self, app: Any, *, path: str = PATH) -> App:
        """Serve an application, and register its functions with the engine.

        Args:
            app: functions that were made with `inngest_client`; or a whole application, ASGI or WSGI.
            path: at which it serves Inngest.

        Raises:
            NotServedError: it does not start, does not register, or the engine refuses one of its functions.
        """
        __tracebackhide__ = True  # pytest shows the line of the test instead
        functions = isinstance(app, Sequence)
        served = self._serve(_around(app, self._client, path) if functions else app, "application")
        self._served.append(served)
        _sync(self._engine, served.url + path)
        return App(served.url, path)

    def close(self) -> None:
        """Stop all, the newest first."""
        with ExitStack() as stack:
            for served in self._served:
                stack.callback(served.stop)


def _around(functions: Sequence[Any], client: inngest.Inngest, path: str) -> fastapi.FastAPI:
    """An application that has nothing but these functions."""
    app = fastapi.FastAPI(openapi_url=None)
    inngest.fast_api.serve(app, client, list(functions), serve_path=path)
    return app


def _sync(engine: Engine, url: str) -> None:
    """Ask an application to register, as the engine does.

    Raises:
        NotServedError: it did not, or the engine refuses one of its functions.
    """
    __tracebackhide__ = True
    known = len(engine.registrations)
    body = signature.canonical({"url": url})
    headers = {"content-type": "application/json", "x-inngest-server-kind": "cloud" if engine.signing_key else "dev"}
    if engine.signing_key is not None:
        headers[signature.HEADER] = signature.sign(body, engine.signing_key, int(clock.now().timestamp()))
    try:
        answer = httpx.put(url, content=body, headers=headers, timeout=_TIMEOUT, trust_env=False)
    except httpx.TransportError as error:
        raise NotServedError(f"{url} does not answer: {type(error).__name__}: {error}") from error
    if not answer.is_success:
        raise NotServedError(
            f"{url} answered {answer.status_code} when it was asked to register: {answer.text[:_LONGEST]}\n"
            f"it has to serve Inngest there (or give path=…), and its client has to reach {engine.url}"
        )
    if (fault := _fault(engine.registrations[known:])) is not None:
        raise NotServedError(fault)


def _fault(answers: Sequence[Registration]) -> str | None:
    """What is wrong with what the engine answered while an application was asked to register."""
    if not answers:
        return (
            "the application registered, but not with this engine: its Inngest client was made for another one. Make "
            "it where `inngest_engine` is alive already, whose variables it then reads, or use `inngest_client`"
        )
    if errors := [f"the engine refuses the registration with {a.status}: {a.error}" for a in answers if a.error]:
        return "\n".join(errors)
    refused = [f"- {function}: {reason}" for answer in answers for function, reason in answer.refused.items()]
    return "\n".join(["the engine refuses what it cannot serve:", *refused]) if refused else None
