"""What tells one deployment from another: its environment, its contract, its code. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from tickover.contract import Contract

COMMITS = (
    "TICKOVER_CODE_VERSION",
    "VERCEL_GIT_COMMIT_SHA",
    "RENDER_GIT_COMMIT",
    "RAILWAY_GIT_COMMIT_SHA",
    "HEROKU_BUILD_COMMIT",
    "HEROKU_SLUG_COMMIT",
    "COMMIT_REF",  # Netlify
    "K_REVISION",  # Cloud Run
    "FLY_IMAGE_REF",
    "GITHUB_SHA",
)
"""The variables that tell which code runs, the first that is set counts. Listed in docs/configuration.md."""


@dataclass(frozen=True, slots=True)
class Version:
    """Which deployment this is. A shadow that another one ran says nothing about this one.

    Args:
        environment: kind and name, as stores are sealed.
        contract: a digest of what is declared.
        code: the commit, where the host tells it.
    """

    environment: str
    contract: str
    code: str | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """From JSON. What is not there, or is no text, is unlike anything."""
        return cls(str(row.get("environment")), str(row.get("contract")), row.get("code"))

    def as_json(self) -> dict[str, str | None]:
        """As it travels in an event and stands in the ledger."""
        return asdict(self)


def contract_version(contract: Contract) -> str:
    """A digest of what a contract declares: the same for the same declarations, in every process."""
    declared = [
        [route.id, route.flag, [[f.id, f.event, [r.id for r in f.responsibilities]] for f in route.functions]]
        for route in contract.routes
    ]
    return hashlib.sha256(json.dumps(declared).encode()).hexdigest()[:12]


def code_version(variables: Mapping[str, str]) -> str | None:
    """The commit that a process runs, where its variables tell."""
    told = (variables.get(name, "").strip() for name in COMMITS)
    return next((version for version in told if version), None)
