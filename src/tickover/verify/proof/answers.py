"""What a deployment answered, and everything that was asked of it: values only. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from tickover.verify.facts import EngineFacts

ENVIRONMENT = "x-inngest-env"
_CAUSES = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Args:
        status: the HTTP status; 0 where there was none.
        headers: by name, in lower case.
        body: its first bytes.
        error: why there was none.
        sent_at: when it was asked.
        received_at: when the answer was there.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: str | None = None
    sent_at: datetime | None = None
    received_at: datetime | None = None

    @property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty where it is none."""
        try:
            parsed = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return parsed if isinstance(parsed, dict) else {}

    @property
    def code(self) -> str:
        """The name of the problem, where it is a problem document of ours."""
        return str(self.json.get("type", "")).removeprefix("urn:tickover:problem:")

    @property
    def is_redirect(self) -> bool:
        """Whether it sends elsewhere."""
        return 300 <= self.status < 400  # noqa: PLR2004 - the class of redirects

    def said(self) -> str:
        """What it was, in a few words."""
        if self.error is not None:
            return self.error
        detail = self.json.get("detail")
        return f"it answers {self.status}" + (f": {detail}" if detail else "")


@dataclass(frozen=True, slots=True)
class Deployment:
    """What `/api/jobs/deployment` told; empty where it told nothing.

    Args:
        told: its JSON.
    """

    told: Mapping[str, Any]

    @property
    def contradictions(self) -> Sequence[Mapping[str, str]]:
        """What speaks against acting there."""
        return list(self.told.get("contradictions", []))

    @property
    def routes(self) -> Sequence[Mapping[str, Any]]:
        """Its contract."""
        return list(self.told.get("contract", []))

    def function_ids(self) -> list[str]:
        """The functions of its contract."""
        return [function["id"] for route in self.routes for function in route["functions"]]

    def part(self, name: str) -> Mapping[str, Any]:
        """A part of it; empty where it is missing."""
        part = self.told.get(name)
        return part if isinstance(part, Mapping) else {}

    def causes(self) -> str:
        """What it finds wrong with the calls it gets, with what to do; empty where nothing is."""
        found = [f"{finding['text']}: {finding['remedy']}" for finding in self.told.get("findings", [])]
        return "; ".join(found[:_CAUSES])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a deployment is held to.

    Args:
        url: its origin, as it was given.
        expect: the kind of environment it is to be; None for whatever it is.
        functions: the ids of the local contract's functions; None where no application was named.
        event_key: what it is to send with, where that was given.
        inline: whether its ticks are to be inline, before the flag is on or after it was turned off.
        has_secret: whether the cron secret was given.
        has_signing_key: whether a signing key was given.
    """

    url: str
    expect: str | None = None
    functions: Sequence[str] | None = None
    event_key: str | None = None
    inline: bool = False
    has_secret: bool = True
    has_signing_key: bool = False

    @property
    def host(self) -> str:
        """The host and port."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything that was asked; None for what was not.

    Args:
        get: `GET /api/inngest`.
        head: `HEAD /api/inngest`.
        signed: `GET /api/inngest`, signed.
        deployment: `GET /api/jobs/deployment`, with the secret.
        without_secret: a tick without one.
        wrong_secret: a tick with a wrong one.
        engine: what the engine tells of the application's functions.
        certificate_until: when the certificate ends, over TLS.
    """

    get: Answer
    head: Answer | None = None
    signed: Answer | None = None
    deployment: Answer | None = None
    without_secret: Answer | None = None
    wrong_secret: Answer | None = None
    engine: EngineFacts | None = None
    certificate_until: datetime | None = None

    @property
    def told(self) -> Deployment:
        """What the deployment told of itself."""
        answer = self.deployment
        return Deployment(answer.json if answer is not None and answer.status == 200 else {})  # noqa: PLR2004
